"""The execution of a sweep: what is left of it, on an executor, under a live table."""

from collections.abc import Sequence
from contextlib import closing

from filelock import FileLock, Timeout
from joblib import cpu_count  # type: ignore[import-untyped]

from disvae import metrics
from disvae.data.places import data_root
from disvae.errors import UserError
from disvae.options import SweepOptions
from disvae.options.user_code import Code, among
from disvae.sweep.cluster import run_on_ray
from disvae.sweep.description import PlannedRun, sweep_folder
from disvae.sweep.local import run_locally
from disvae.sweep.record import Record, plan_record
from disvae.sweep.table import LiveTable
from disvae.sweep.work import Task
from disvae.training.interruption import interrupted_by_sigterm

_SCORABLE = frozenset({"logvar", "factors"})  # what a run may have; each is asked again later


def execute(sweep: SweepOptions, runs: Sequence[PlannedRun], code: Code) -> Record:
    """Run what is not finished of a sweep.

    Finished runs are kept; those that failed before run again only with ``retry``. A second
    call goes on where a killed one was, the runs that it was at from their checkpoints. If the
    description is bad, nothing is started.
    """
    check_scores(sweep, code)
    folder = sweep_folder(sweep.results_dir, sweep.name)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".sweep.lock", timeout=0):
            record, planned = plan_record(folder, runs, sweep, code)
            record.write()
            _run_all(sweep, record, planned, code)
    except Timeout:
        raise UserError(f"Another process runs the sweep in {folder}; wait for its end.") from None
    return record


def check_scores(sweep: SweepOptions, code: Code) -> None:
    """Refuse scores that no run could have."""
    wanted = [code[name].value if name in code else name for name in sweep.metrics]
    metrics.plan(wanted, _SCORABLE, settings=sweep.settings, repeats=sweep.repeats)


def at_once(sweep: SweepOptions, n_runs: int) -> int:
    """Return how many runs are at work at a time, and share the cores."""
    processes: int = sweep.processes or cpu_count()
    # not of what is left: other numbers of threads round otherwise
    return min(processes, n_runs) if sweep.executor == "local" else processes


def _run_all(sweep: SweepOptions, record: Record, planned: list[PlannedRun], code: Code) -> None:
    (record.folder / "logs").mkdir(exist_ok=True)
    names = [run.name for run in planned]
    finished = set(filter(record.is_finished, names))
    recorded = record.failures
    failures = {name: why for name, why in recorded.items() if name not in finished}
    processes = at_once(sweep, len(planned))
    threads = max(1, cpu_count() // processes)
    scores = tuple(code[name].typed if name in code else name for name in sweep.metrics)
    places = {  # for any worker
        "results_dir": record.folder.absolute(),
        "data_dir": data_root(sweep.data_dir).absolute(),
    }
    tasks = []
    for run in planned:
        if run.name not in finished and (sweep.retry or run.name not in failures):
            own = {kind: each.typed for kind, each in among(run.options, code).items()}
            # it keeps its end, which the sweep's description has, unless the grid says otherwise
            options = {"no_extend": True, **run.options, **own, **places, "no_progress_bar": True}
            tasks.append(Task(record.folder.absolute(), run.name, options, scores, threads))
    if sweep.executor == "ray" and tasks:
        steps = run_on_ray(tasks, sweep.address, sweep.gpus_per_run)
    else:
        steps = run_locally(tasks, processes)
    with interrupted_by_sigterm(), LiveTable(record, names, finished) as table, closing(steps):
        for running, ended in steps:
            failures = {name: why for name, why in {**failures, **ended}.items() if why}
            if failures != recorded:
                record.write_failures(failures)
                recorded = failures
            table.update(running, ended)
