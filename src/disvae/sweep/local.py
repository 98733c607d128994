"""Runs in processes of this machine, one process a run."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import cast

from disvae.sweep.work import Steps, Task, perform

_TICK = 0.5  # seconds between two looks at the runs


def run_locally(tasks: Sequence[Task], processes: int) -> Steps:
    """Run all tasks, so many at a time; they end with the process that asked for them."""
    context = multiprocessing.get_context(_start_method())
    waiting = list(reversed(tasks))
    working: dict[Connection, tuple[str, multiprocessing.process.BaseProcess]] = {}
    try:
        while waiting or working:
            while waiting and len(working) < processes:
                task = waiting.pop()
                near, far = context.Pipe(duplex=False)
                process = context.Process(  # type: ignore[attr-defined]
                    target=_work, args=(task, far), daemon=True
                )
                process.start()
                far.close()
                working[near] = task.name, process
            ended = {}
            for line in cast("list[Connection]", wait(list(working), timeout=_TICK)):
                name, process = working.pop(line)
                ended[name] = _outcome(line, process)
            yield {name for name, _ in working.values()}, ended
    finally:
        for _, process in working.values():
            process.terminate()  # a run in training writes its checkpoint first
        for _, process in working.values():
            process.join()


def _start_method() -> str:
    """Choose processes that start in a moment: forks of one that has PyTorch loaded."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return "spawn"
    multiprocessing.get_context("forkserver").set_forkserver_preload(
        ["disvae.training.train", "disvae.sweep.work"]
    )
    return "forkserver"


def _outcome(line: Connection, process: multiprocessing.process.BaseProcess) -> str:
    try:
        reason: str = line.recv()
    except EOFError:
        process.join()
        return f"Its process ended with exit code {process.exitcode} (killed, or out of memory?)."
    process.join()
    return reason


def _work(task: Task, line: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the sweep's, which ends its runs
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        line.send(perform(task))
    except KeyboardInterrupt as interruption:
        sys.exit(getattr(interruption, "exit_status", 130))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)  # the sweep was killed: its next call goes on with this
