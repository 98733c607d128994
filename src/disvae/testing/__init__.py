"""Contracts: what each kind of part must keep to, to be called in tests of your own."""
