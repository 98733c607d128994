"""The execution of a sweep: what is left of it, on an executor, under a live table."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from disvae import metrics
from disvae.errors import UserError
from disvae.options import SweepOptions, resolve
from disvae.run_folder import run_path
from disvae.sweep.cluster import run_on_ray
from disvae.sweep.description import PlannedRun, plan_runs
from disvae.sweep.local import run_locally
from disvae.sweep.record import Record, create_record
from disvae.sweep.table import LiveTable
from disvae.sweep.work import Task

_SCORABLE = frozenset({"logvar", "factors"})  # what a run may have; each is asked again later


def sweep_folder(results_dir: Path, name: str) -> Path:
    """Return the folder of sweep `name`; ``.`` is `results_dir` itself."""
    return results_dir if name == "." else run_path(results_dir, name)


def execute(sweep: SweepOptions) -> Record:
    """Run what is not finished of a sweep.

    Finished runs are kept; those that failed before run again only with ``retry``. A second
    call goes on where a killed one was, the runs that it was at from their checkpoints.

    Returns
    -------
    Record
        The sweep, with its failures.

    Raises
    ------
    UserError
        If the description is bad; then nothing is started.
    """
    planned = plan_runs(sweep)
    metrics.plan(sweep.metrics, _SCORABLE, settings=sweep.settings, repeats=sweep.repeats)
    folder = sweep_folder(sweep.results_dir, sweep.name)
    record = create_record(folder, planned, sweep)
    try:
        with FileLock(folder / ".sweep.lock", timeout=0):
            _run_all(sweep, record, planned)
    except Timeout:
        raise UserError(f"Another process runs the sweep in {folder}; wait for its end.") from None
    return record


def _run_all(sweep: SweepOptions, record: Record, planned: list[PlannedRun]) -> None:
    logs = record.folder / "logs"
    logs.mkdir(exist_ok=True)
    failures = record.failures
    finished = {run.name for run in planned if record.is_finished(run.name)}
    left = [
        run
        for run in planned
        if run.name not in finished and (sweep.retry or run.name not in failures)
    ]
    # not of what is left: other numbers of threads round otherwise
    processes = min(sweep.processes or _cores(), len(planned))
    threads = max(1, _cores() // processes)
    tasks = [
        Task(run.name, _options(sweep, record, run), record.is_trained(run.name), sweep, threads)
        for run in left
    ]
    with LiveTable(record, [run.name for run in planned], finished) as table:
        for running, ended in _executor(sweep, tasks, processes, logs):
            for name, reason in ended.items():
                failures.pop(name, None)
                if reason:
                    failures[name] = reason
            if ended:
                record.write_failures(failures)
            table.update(running, ended)


def _executor(
    sweep: SweepOptions, tasks: list[Task], processes: int, logs: Path
) -> Iterator[tuple[set[str], dict[str, str]]]:
    if sweep.executor == "ray" and tasks:
        return run_on_ray(tasks, sweep.address, sweep.gpus_per_run)
    return run_locally(tasks, processes, logs)


def _options(sweep: SweepOptions, record: Record, run: PlannedRun) -> dict[str, Any]:
    """Return all options of a run: the sweep's, and where things lie."""
    places = {
        "results_dir": record.folder.absolute(),
        "data_dir": None if sweep.data_dir is None else sweep.data_dir.absolute(),
        "no_progress_bar": True,
    }
    resolve({**run.options, **places})
    return {**run.options, **places}


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
