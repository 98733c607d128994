"""Runs in processes of this machine, one process a run."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, cast

from disvae.devices.process import spin_briefly

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

    from disvae.sweep.work import Steps, Task

_TICK = 0.5  # seconds between two looks at the runs


def prepare_workers() -> "BaseContext":
    """Start to load what runs need, in a process of which the workers will be forks.

    So they start in a moment, each as untouched by the others as a program of its own. Called
    early, it loads while the sweep is planned. Systems that cannot fork load anew for each run.
    """
    spin_briefly()
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["disvae.sweep.loaded"])
    with _without_interruption():
        forkserver.ensure_running()
    return context


def run_locally(tasks: Sequence["Task"], processes: int) -> "Steps":
    """Run all tasks, so many at a time; they end with the process that asked for them."""
    context = prepare_workers()
    waiting = list(reversed(tasks))
    working: dict[Connection, tuple[str, BaseProcess]] = {}

    def start_more() -> None:
        while waiting and len(working) < processes:
            task = waiting.pop()
            near, far = context.Pipe(duplex=False)
            process = context.Process(  # type: ignore[attr-defined]
                target=_work, args=(task, far), daemon=True
            )
            process.start()
            far.close()
            working[near] = task.name, process

    try:
        start_more()
        while working:
            ended = {}
            for line in cast("list[Connection]", wait(list(working), timeout=_TICK)):
                name, process = working.pop(line)
                ended[name] = _outcome(line, process)
            start_more()
            yield {name for name, _ in working.values()}, ended
    finally:
        for _, process in working.values():
            process.terminate()  # a run in training writes its checkpoint first
        for _, process in working.values():
            process.join()


@contextlib.contextmanager
def _without_interruption() -> Iterator[None]:
    """Start processes that Ctrl-C leaves alone: it is the sweep's, which ends its runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _outcome(line: Connection, process: "BaseProcess") -> str:
    try:
        reason: str = line.recv()
    except EOFError:
        process.join()
        return f"Its process ended with exit code {process.exitcode} (killed, or out of memory?)."
    process.join()
    return reason


def _work(task: "Task", line: Connection) -> None:
    from tqdm import tqdm

    from disvae.sweep.work import perform

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tqdm.set_lock(threading.RLock())  # its own, between processes, outlives one that is killed
    try:
        line.send(perform(task))
    except KeyboardInterrupt as interruption:
        sys.exit(getattr(interruption, "exit_status", 130))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)  # the sweep was killed: its next call goes on with this
