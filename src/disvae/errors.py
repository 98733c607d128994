"""The one exception for faults that the user can mend."""


class UserError(ValueError):
    """Bad input or a bad file; the message is one sentence that says what to do.

    The command line prints the message and exits with status 2.
    """
