"""Signals that ask training to stop: Ctrl-C, and SIGTERM of a batch system."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# seconds in which a second signal is the same request: a batch system signals every process of a
# sweep, and the sweep then signals its runs
_SAME = 0.5


class Interrupted(KeyboardInterrupt):
    """Training stopped by signal `number`; `message` says what is kept, and how to go on."""

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.exit_status = 128 + number


class Request:
    """Whether a signal came, which, and when."""

    number: int | None = None  # None: none came
    since: float = 0  # seconds of a clock that is never set back


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
        if request.number is None:
            request.number, request.since = number, time.monotonic()
        elif time.monotonic() - request.since > _SAME:
            _restore(before)
            signal.raise_signal(number)

    try:
        for number in before:
            signal.signal(number, note)
        yield request
    finally:
        _restore(before)


@contextlib.contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM raise `Interrupted`, as Ctrl-C raises `KeyboardInterrupt`."""
    before = signal.getsignal(signal.SIGTERM)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or before is signal.SIG_IGN:
        yield
        return

    def interrupt(number: int, _: FrameType | None) -> None:
        raise Interrupted("asked to stop; call it again to go on", number)

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        _restore({signal.SIGTERM: before})


def _restore(handlers: Mapping[signal.Signals, object]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)  # type: ignore[arg-type]
