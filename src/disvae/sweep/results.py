"""What the runs of a sweep came to: one row of numbers a run, and their spread a setting."""

import inspect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import bootstrap

from disvae import metrics
from disvae.data.dataset import Dataset
from disvae.errors import UserError
from disvae.runs.encode import encode
from disvae.runs.run import Run
from disvae.storage.files import read_json
from disvae.sweep.record import Record

_UDR_IMAGES = 10_000
_CONFIDENCE = 0.95
Setting = tuple[tuple[str, str], ...]


class Row(NamedTuple):
    """A finished run.

    Attributes
    ----------
    name, seed
        Of the run.
    setting
        What it shares with the runs of other seeds, as pairs of option and value.
    values
        Every score and test loss.
    """

    name: str
    seed: int
    setting: Setting
    values: dict[str, float]


class Spread(NamedTuple):
    """A quantity over the seeds of one setting.

    Attributes
    ----------
    n
        Number of runs.
    mean, std
        Of the runs; the deviation has n - 1 degrees of freedom (None for one run).
    low, high
        95% interval of the mean, by the percentile bootstrap (None for one run).
    """

    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None


def collect(record: Record) -> list[Row]:
    """Read all finished runs of a sweep; UDR is computed where a setting has several seeds."""
    rows = [
        Row(name, run.seed, tuple(run.setting.items()), _values(record, name))
        for name, run in record.runs.items()
        if record.is_finished(name)
    ]
    by_setting = defaultdict(list)
    for row in rows:
        by_setting[row.setting].append(row)
    for same in by_setting.values():
        if len(same) > 1:
            _add_udr(record, same)
    return rows


def _values(record: Record, name: str) -> dict[str, float]:
    """Read test losses (without a test, those of the last epoch) and scores of a run."""
    run = record.run(name)
    tested = run.path / "test_losses.log"
    values = dict(read_json(tested)) if tested.exists() else _last_epoch(run)
    try:
        for score, result in run.metrics.items():
            if not isinstance(result, dict):
                continue  # MIG and AAM stand in the log a second time, as numbers
            values[score] = result["value"]
            for part, value in result["parts"].items():
                number = value.get("mean") if isinstance(value, dict) else value
                if isinstance(number, int | float) and part != _headline(score):
                    values[f"{score}.{part}"] = number
        numbers = {key: float(value) for key, value in values.items()}
        if "recon_loss" not in numbers:
            raise KeyError
        return numbers
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise UserError(
            f"The logs of losses and scores in {run.path} are damaged; restore them from a copy."
        ) from None


def _headline(score: str) -> str | None:
    """Name the part that is the score's value itself: the first field of its record, if any."""
    if score not in metrics.SCORES:
        return None
    record = inspect.signature(metrics.SCORES[score].function).return_annotation
    return next(iter(getattr(record, "_fields", ())), None)


def _last_epoch(run: Run) -> dict[str, Any]:
    return {term: epochs[-1] for term, epochs in run.losses.items()}


def _add_udr(record: Record, rows: Sequence[Row]) -> None:
    """Add UDR (Duan et al. 2020) to the runs of one setting, which differ by their seeds."""
    runs = [record.run(row.name) for row in rows]
    dataset = _common_dataset(runs)
    if dataset is None:
        return
    chosen = np.sort(np.random.default_rng(0).permutation(len(dataset))[:_UDR_IMAGES])
    tables = [encode(run.model, dataset, indices=chosen) for run in runs]
    found = metrics.udr([t.mean for t in tables], [t.logvar for t in tables])  # type: ignore[misc]
    for row, value in zip(rows, found.runs, strict=True):
        row.values["udr"] = float(value)


def _common_dataset(runs: Sequence[Run]) -> Dataset | None:
    """Open the images that all runs were trained on; None: they are not here, or others now."""
    try:
        dataset = runs[0].prepared_dataset()
    except UserError:
        return None
    if dataset is None:
        return None
    there = dataset.image_shape, dataset.images_hash
    same = all((run.image_shape, run.specs.get("images_sha256")) == there for run in runs)
    return dataset if same else None


def spreads(rows: Sequence[Row]) -> dict[Setting, dict[str, Spread]]:
    """Return the spread of every quantity over the seeds of each setting."""
    found: dict[Setting, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for quantity, value in row.values.items():
            found[row.setting][quantity].append(value)
    return {
        setting: {quantity: spread(values) for quantity, values in quantities.items()}
        for setting, quantities in found.items()
    }


def spread(values: Sequence[float]) -> Spread:
    """Return mean, standard deviation and bootstrap interval of a few values."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Spread(len(values), mean, None, None, None)
    if np.ptp(values) == 0:
        return Spread(len(values), mean, 0.0, mean, mean)
    interval = bootstrap(
        (values,), np.mean, confidence_level=_CONFIDENCE, method="percentile", rng=0
    ).confidence_interval
    deviation = float(np.std(values, ddof=1))
    return Spread(len(values), mean, deviation, float(interval.low), float(interval.high))


def scores_of(rows: Sequence[Row]) -> list[str]:
    """Name the scores (headlines only) that every run has."""
    known: Mapping[str, Any] = metrics.SCORES
    common = set.intersection(*(set(row.values) for row in rows)) if rows else set()
    return [name for name in known if name in common]


def label(setting: Setting) -> str:
    """Name a setting: the experiment, then the options that the sweep varies."""
    return ", ".join(
        value if option == "experiment" else f"{option}={value}" for option, value in setting
    )
