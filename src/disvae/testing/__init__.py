"""Contracts that every member of a registry keeps; import them to test your own.

An `AssertionError` says what is not kept.
"""


def require(holds: object, what: str) -> None:
    """Say `what` is not kept unless it `holds`; unlike ``assert``, under ``python -O`` too."""
    if not holds:
        raise AssertionError(what)
