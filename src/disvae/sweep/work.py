"""One run of a sweep, from its options to its scores."""

import contextlib
import logging
import os
import socket
import sys
import time
import traceback
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from disvae.devices.process import keep_freed_memory
from disvae.errors import UserError
from disvae.options import resolve, taken
from disvae.options.user_code import load_scores
from disvae.runs.run import Run
from disvae.sweep.record import Record

# now and then, from an executor: the names of the runs at work, and of those that ended since,
# why each failed (empty: it did not)
Steps = Generator[tuple[set[str], dict[str, str]], None, None]


class Task(NamedTuple):
    """What a worker needs to know of a run."""

    folder: Path  # of the sweep, an absolute path that all workers share
    name: str
    options: dict[str, Any]  # those that the sweep sets, and where things lie
    metrics: tuple[str, ...]  # as typed; of the record only how they are computed is used
    threads: int  # cores that the run may use

    @property
    def log(self) -> Path:
        """The file with all that the run prints."""
        return self.folder / "logs" / f"{self.name}.log"


def perform(task: Task) -> str:
    """Train and score a run, unless that is done; return why that failed, or an empty text."""
    # a worker that was thought dead may still be at this run: wait, then see what it came to
    with FileLock(task.log.with_suffix(".lock")), _printing_to(task.log):
        print(f"== Process {os.getpid()} on {socket.gethostname()}", flush=True)
        started = time.monotonic()
        try:
            with threadpool_limits(task.threads):
                _complete(Record(task.folder), task)
        except UserError as error:
            print(error, flush=True)
            return str(error)
        except Exception as error:  # one run must not end the others
            traceback.print_exc()
            return f"{type(error).__name__}: {error}"
        print(f"== Finished in {time.monotonic() - started:.1f} s", flush=True)
        return ""


def _complete(record: Record, task: Task) -> None:
    """Do what is missing of a run; training goes on from its checkpoint."""
    import torch

    from disvae.evaluation.score import score
    from disvae.training.train import train

    if record.is_finished(task.name):
        return
    keep_freed_memory()
    torch.set_num_threads(task.threads)
    os.environ["LOKY_MAX_CPU_COUNT"] = str(task.threads)  # joblib counts so many cores
    plain, code = taken(task.options)  # what the user typed for this sweep, in any worker
    options = resolve(plain, code)
    logging.getLogger("disvae").setLevel(options.log_level)
    if record.trained(task.name):
        run = Run(task.folder / task.name, code)
    else:
        begun = (task.folder / task.name / "checkpoint.pt").exists()
        run = train(task.name, resume=begun, **task.options)
    if task.metrics:
        score(run, options, load_scores(task.metrics), record.scores)


@contextlib.contextmanager
def _printing_to(log: Path) -> Iterator[None]:
    """Append to a file what this process logs and prints, in whatever language."""
    with log.open("a", encoding="utf-8") as file:
        handler = logging.StreamHandler(file)
        logger = logging.getLogger("disvae")
        logger.addHandler(handler)
        kept = {stream: os.dup(stream) for stream in (1, 2)}
        for stream in kept:
            os.dup2(file.fileno(), stream)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for stream, copy in kept.items():
                os.dup2(copy, stream)
                os.close(copy)
            logger.removeHandler(handler)
