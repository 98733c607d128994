"""Signals that ask training to stop: Ctrl-C, and SIGTERM of a batch system."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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
    """Note the first signal instead of obeying it; the second is obeyed at once."""
    request = Request()

    def note(number: int, _: FrameType | None) -> None:
        if request.number is None:
            request.number, request.since = number, time.monotonic()
        elif time.monotonic() - request.since > _SAME:
            _restore(before)
            signal.raise_signal(number)

    with _handled(_SIGNALS, note) as before:
        yield request


@contextlib.contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM raise `Interrupted`, as Ctrl-C raises `KeyboardInterrupt`."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise Interrupted("asked to stop; call it again to go on", number)

    with _handled((signal.SIGTERM,), interrupt):
        yield


@contextlib.contextmanager
def _handled(
    signals: Iterable[signal.Signals], handler: Callable[[int, FrameType | None], None]
) -> Iterator[Mapping[signal.Signals, object]]:
    """Let `handler` take `signals`, and give the handlers before it.

    Only a program's main thread can receive signals; elsewhere they are left alone, as are
    those that the program ignores (nohup).
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in signals}
        before = {n: each for n, each in handlers.items() if each is not signal.SIG_IGN}
    try:
        for number in before:
            signal.signal(number, handler)
        yield before
    finally:
        _restore(before)


def _restore(handlers: Mapping[signal.Signals, object]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)  # type: ignore[arg-type]
