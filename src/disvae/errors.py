"""The one exception for faults that the user can mend, and words for its messages."""

from collections.abc import Iterable


class UserError(ValueError):
    """Bad input or a bad file; the message is one sentence that says what to do.

    The command line prints the message, below it its notes, and exits with status 2.
    """


def either(choices: Iterable[object]) -> str:
    """Say choices as in "1, 2 or 3"."""
    *most, last = map(str, choices)
    return f"{', '.join(most)} or {last}" if most else last
