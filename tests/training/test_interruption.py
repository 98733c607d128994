"""Signals: the first is noted, the second obeyed, and afterwards all is as before."""

import os
import signal
import threading

import pytest

from disvae.training.interruption import Interrupted, interrupted_by_sigterm, requests_to_stop


@pytest.fixture
def interruptible():
    """Let Ctrl-C raise, also where the tests themselves run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_noted_and_the_second_obeyed(number, monkeypatch):
    monkeypatch.setattr("disvae.training.interruption._SAME", 0)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with requests_to_stop() as request:
        assert request.number is None
        os.kill(os.getpid(), number)
        assert request.number == number
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(5)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_signal_at_the_same_moment_is_the_same_request():
    """A batch system signals a sweep and its runs, and the sweep signals its runs too."""
    with requests_to_stop() as request:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.number == signal.SIGTERM


def test_sigterm_interrupts_a_sweep():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted) as raised, interrupted_by_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(5)
    assert raised.value.exit_status == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_the_main_thread_signals_are_left_alone():
    seen = []

    def work():
        with requests_to_stop() as request:
            seen.append(request.number)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None]
    assert signal.getsignal(signal.SIGINT) == before


def test_signals_that_are_ignored_stay_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with requests_to_stop() as request:
            os.kill(os.getpid(), signal.SIGINT)
            assert request.number is None
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
