"""Contracts that every member of a registry keeps; import them to test your own.

An `AssertionError` says what is not kept.
"""
