"""What a sweep would run, what of it is there already, and what the rest may take."""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import torch

from disvae.data.places import data_root
from disvae.data.prepared import find_prepared
from disvae.data.store import Manifest, read_manifest
from disvae.errors import UserError
from disvae.models.vae import VAE
from disvae.options import RunOptions, SweepOptions
from disvae.options.user_code import Code, is_code
from disvae.storage.files import read_whole
from disvae.sweep.description import PlannedRun, sweep_folder
from disvae.sweep.execution import at_once, check_scores
from disvae.sweep.record import Record, plan_record

_RUNS = ("finished", "failed", "begun", "new")


class _Known(NamedTuple):
    """What is known of a run: its state, its steps, and what they took and left on the disk."""

    state: str
    loss: str
    steps: int | None
    share_left: float
    seconds: float | None
    size: int | None


def preview(sweep: SweepOptions, runs: Sequence[PlannedRun], code: Code) -> str:
    """Say what `execute` would do: the runs with their states, and what they may take.

    Time and disk are estimated by the runs that are finished; nothing is written or started.
    """
    check_scores(sweep, code)
    record, planned = plan_record(sweep_folder(sweep.results_dir, sweep.name), runs, sweep, code)
    names, failed = [run.name for run in planned], record.failures
    data_dir = data_root(sweep.data_dir)
    known = [_look(record, name, name in failed, data_dir) for name in names]
    processes = at_once(sweep, len(names))
    count = Counter(run.state for run in known)
    would_run = {"begun", "new"} | ({"failed"} if sweep.retry else set())
    todo = [run for run in known if run.state in would_run]
    width = max(map(len, names))
    lines = [f"{name:{width}}  {run.state}" for name, run in zip(names, known, strict=True)]
    states = ", ".join(f"{count[state]} {state}" for state in _RUNS if count[state])
    lines += ["", f"{len(names)} runs: {states}. {len(todo)} would run, {processes} at a time."]
    if todo:
        lines += [_time(todo, known, processes), _disk(todo, known)]
    return "\n".join(lines)


def _look(record: Record, name: str, failed: bool, data_dir: Path) -> _Known:
    options, folder = record.options(name), record.folder / name
    there = (folder / "specs.json").is_file()
    finished = there and record.is_finished(name)
    state = "finished" if finished else "failed" if failed else "begun" if there else "new"
    manifest = _manifest(options, data_dir)
    steps, epochs = options.max_steps, options.epochs
    if manifest is not None:
        images = round(manifest.splits["train"] * options.train_fraction)
        per_epoch = -(-images // options.batch_size)
        steps = min(epochs * per_epoch, steps or epochs * per_epoch)
        epochs = -(-steps // per_epoch)
    progress = record.progress(name) if there else None
    share_left = 1 - progress.epochs / progress.of if progress else 1
    if finished:
        size: int | None = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        seconds = _seconds(record.folder / "logs" / f"{name}.log")
    else:
        size, seconds = _weights(options, manifest, epochs), None
    return _Known(state, options.loss, steps, share_left, seconds, size)


def _manifest(options: RunOptions, data_dir: Path) -> Manifest | None:
    try:
        folder = find_prepared(options.dataset, data_dir, options.image_size, options.fit)
    except UserError:
        return None  # the run will say it
    return read_manifest(folder) if folder else None


def _seconds(log: Path) -> float | None:
    """Return what a run took, in all calls; None if one was cut off, which does not say it."""
    try:
        text = read_whole(log).decode("utf-8", "replace")
    except (FileNotFoundError, UserError):
        return None
    times = re.findall(r"^== Finished in (\d+\.\d) s$", text, re.MULTILINE)
    calls = re.findall(r"^== Process \d+ on ", text, re.MULTILINE)
    return sum(map(float, times)) if len(times) == len(calls) else None


def _weights(options: RunOptions, manifest: Manifest | None, epochs: int) -> int | None:
    """Return the bytes of the weights that a run keeps."""
    if manifest is None or is_code(options.model_type):
        return None
    with torch.device("meta"):  # shapes only
        vae = VAE(manifest.image_shape, options.latent_dim, options.model_type)
    size: int = sum(value.nbytes for value in vae.state_dict().values())
    return size * (1 + epochs // options.checkpoint_every)


def _time(todo: Sequence[_Known], known: Sequence[_Known], at_once: int) -> str:
    paces: dict[str, list[float]] = defaultdict(list)
    for run in known:
        if run.seconds and run.steps:
            paces[run.loss].append(run.seconds / run.steps)
    pace = {loss: statistics.median(values) for loss, values in paces.items()}
    usual = statistics.median(pace.values()) if pace else None
    if usual is None or any(run.steps is None for run in todo):
        why = "no run is finished" if usual is None else "not all datasets are prepared here"
        return f"Time: not known while {why}."
    total = sum(run.share_left * (run.steps or 0) * pace.get(run.loss, usual) for run in todo)
    done = sum(map(len, paces.values()))
    left = timedelta(seconds=round(total / min(at_once, len(todo))))
    return f"Time: about {left}, by the {done} that are finished."


def _disk(todo: Sequence[_Known], known: Sequence[_Known]) -> str:
    measured = [run.size for run in known if run.state == "finished" and run.size]
    sizes = [statistics.median(measured) if measured else run.size for run in todo]
    found = [size for size in sizes if size is not None]
    if len(found) < len(todo):
        return "Disk: not known while not all datasets are prepared here."
    by = f"by the {len(measured)} that are finished" if measured else "for weights alone"
    return f"Disk: about {sum(found) / 1e6:,.0f} MB, {by}."
