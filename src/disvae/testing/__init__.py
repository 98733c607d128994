"""Contracts that every member of a registry keeps; import them to test your own."""
