"""Signals that ask training to stop: Ctrl-C, and SIGTERM of a batch system."""

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """Training stopped because it was asked to.

    Parameters
    ----------
    message
        What is kept, and how to go on.
    number
        Of the signal.
    """

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.exit_status = 128 + number


class Request:
    """Whether a signal came, and which.

    Attributes
    ----------
    number
        Of the signal; None: none came.
    """

    number: int | None = None


@contextlib.contextmanager
def requests_to_stop() -> Iterator[Request]:
    """Note the first signal instead of obeying it; the second is obeyed at once.

    Only a program's main thread can receive signals; elsewhere they are left alone, as are
    those that the program ignores (nohup).
    """
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {
        number: handler
        for number in _SIGNALS
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }

    def note(number: int, _: FrameType | None) -> None:
        request.number = number
        _restore(before)

    try:
        for number in before:
            signal.signal(number, note)
        yield request
    finally:
        _restore(before)


def _restore(handlers: Mapping[signal.Signals, object]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)  # type: ignore[arg-type]
