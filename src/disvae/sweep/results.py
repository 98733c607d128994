"""What the runs of a sweep came to: one row of numbers a run, and their spread a setting."""

import functools
import inspect
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import bootstrap, t

from disvae import metrics
from disvae.data.dataset import Dataset
from disvae.errors import UserError
from disvae.metrics.estimators.threads import in_threads
from disvae.options.user_code import is_code
from disvae.runs.encode import encode
from disvae.runs.run import Run
from disvae.storage.files import read_json
from disvae.sweep.record import Record, State

_UDR_IMAGES = 10_000
_UDR_RUNS = 100  # at most, unless it is asked for: each takes a second
_CONFIDENCE = 0.95
_FEWEST_TO_RESAMPLE = 5  # resamples of fewer runs span little more than the runs themselves
_ABSURD = 1e100
_AT_ONCE = 10**6  # numbers in memory, of each thread
INTERVAL = "95% interval of the mean (Student's t below 5 seeds, bootstrap from there on)"
Setting = tuple[tuple[str, str], ...]


class Row(NamedTuple):
    """A run with all its scores and test losses, or why it has none.

    Its setting is what it shares with the runs of other seeds, the experiment first.
    """

    name: str
    seed: int
    setting: Setting
    values: dict[str, float]
    state: State = "finished"
    reason: str = ""


class Spread(NamedTuple):
    """A quantity over the n seeds of one setting; of one run there is a mean only.

    The deviation has n - 1 degrees of freedom; low and high are the 95% interval of the mean: by
    Student's t for fewer than 5 runs, else by the percentile bootstrap.
    """

    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None


Table = Mapping[Setting, Mapping[str, Spread]]  # of every quantity, over the seeds of a setting


def collect(record: Record, udr: bool = False) -> list[Row]:
    """Read all runs of a sweep, ordered by their settings; damaged files are refused.

    UDR is computed where a setting has several seeds, of more than 100 runs with `udr` only.
    """
    failures = record.failures
    rows = [_row(record, name, failures.get(name, "")) for name in record.runs]
    rows.sort(key=lambda row: (_natural(row.setting), row.seed))
    if udr or sum(map(is_finished, rows)) <= _UDR_RUNS:
        for same in by_setting(filter(is_finished, rows)).values():
            if len(same) > 1:
                _add_udr(record, same)
    return rows


def _row(record: Record, name: str, reason: str) -> Row:
    run = record.runs[name]
    setting = tuple(sorted(run.setting.items(), key=lambda pair: pair[0] != "experiment"))
    scored = record.scored(name)
    if scored is None:
        return Row(name, run.seed, setting, {}, "failed" if reason else "waiting", reason)
    values = _values(*scored)
    if absurd := [key for key, value in values.items() if not is_usual(value)]:
        reason = f"{', '.join(absurd)[:200]} of its logs cannot be averaged."
        return Row(name, run.seed, setting, {}, "failed", reason)
    return Row(name, run.seed, setting, values)


def is_usual(value: float) -> bool:
    """Whether means, deviations and axes of such numbers exist."""
    return abs(value) < _ABSURD


def is_finished(row: Row) -> bool:
    """Whether the run has all its values."""
    return row.state == "finished"


def by_setting(rows: Iterable[Row]) -> dict[Setting, list[Row]]:
    """Put the runs of each setting together, in the order of `rows`."""
    found: dict[Setting, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.setting].append(row)
    return dict(found)


def _natural(setting: Setting) -> list[tuple[str, float, str]]:
    """Order numbers by their values, and before words."""
    key = []
    for option, value in setting:
        try:
            number = float(value)
        except ValueError:
            number = math.inf
        key.append((option, math.inf if math.isnan(number) else number, value))
    return key


def _values(run: Run, scores: Mapping[str, Any]) -> dict[str, float]:
    """Put test losses (without a test, those of the last epoch) and scores of a run together."""
    tested = run.path / "test_losses.log"
    if tested.exists():
        values = read_json(tested)
    else:
        values = {term: epochs[-1] for term, epochs in run.losses.items()}
    try:
        for score, result in scores.items():
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
        logs = f"The logs of losses and scores in {run.path}"
        raise UserError(f"{logs} are damaged; restore them from a copy.") from None


@functools.cache
def _headline(score: str) -> str | None:
    """Name the part that is the score's value itself: the first field of its record, if any."""
    if score not in metrics.SCORES:
        return None
    record = inspect.signature(metrics.SCORES[score].function).return_annotation
    return next(iter(getattr(record, "_fields", ())), None)


def is_foreign(run: Run) -> bool:
    """Whether its model is code of a user's own, which a summary does not load."""
    return is_code(run.options.model_type)


def _add_udr(record: Record, rows: Sequence[Row]) -> None:
    """Add UDR (Duan et al. 2020) to the runs of one setting."""
    runs = [record.run(row.name) for row in rows]
    if any(map(is_foreign, runs)) or (dataset := _common_dataset(runs)) is None:
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
    if dataset is not None:
        there = dataset.image_shape, dataset.images_hash
        if all((run.image_shape, run.specs.get("images_sha256")) == there for run in runs):
            return dataset
    return None


def spreads(rows: Iterable[Row]) -> dict[Setting, dict[str, Spread]]:
    """Return the spread of every quantity over the seeds of each setting."""
    settings = by_setting(rows)
    found = in_threads(_spreads_of, [(same,) for same in settings.values()])
    return dict(zip(settings, found, strict=True))


def _spreads_of(same: Sequence[Row]) -> dict[str, Spread]:
    values: dict[str, list[float]] = defaultdict(list)
    for row in same:
        for key, value in row.values.items():
            values[key].append(value)
    spread_of: dict[str, Spread] = {}
    for count in set(map(len, values.values())):  # as many at once as have as many runs
        keys = [key for key in values if len(values[key]) == count]
        table = np.array([values[key] for key in keys])
        spread_of |= dict(zip(keys, _spreads(table), strict=True))
    return {key: spread_of[key] for key in values}


def spread(values: Sequence[float]) -> Spread:
    """Return mean, standard deviation and interval of a few values."""
    return _spreads(np.array([values]))[0]


def _spreads(table: Float[np.ndarray, "quantities runs"]) -> list[Spread]:
    n = table.shape[1]
    means = table.mean(1)
    if n < 2:
        return [Spread(n, float(mean), None, None, None) for mean in means]
    deviations = table.std(1, ddof=1)
    if n < _FEWEST_TO_RESAMPLE:
        widths = t.ppf((1 + _CONFIDENCE) / 2, n - 1) * deviations / math.sqrt(n)
        lows, highs = means - widths, means + widths
    else:
        lows, highs = bootstrap(
            (table,), np.mean, confidence_level=_CONFIDENCE, method="percentile", rng=0, axis=1,
            batch=max(1, _AT_ONCE // table.size),
        ).confidence_interval  # fmt: skip
    columns = (means, deviations, lows, highs)
    return [Spread(n, *map(float, numbers)) for numbers in zip(*columns, strict=True)]


def scores_of(rows: Sequence[Row]) -> list[str]:
    """Name the scores (headlines only) that every finished run has."""
    values = [set(row.values) for row in rows if is_finished(row)]
    common = set.intersection(*values) if values else set()
    own = {name for name in common if "." not in name and "loss" not in name}  # as terms have it
    return [name for name in (*metrics.SCORES, *sorted(own - metrics.SCORES.keys())) if name in own]


def label(setting: Setting) -> str:
    """Name a setting: the experiment, then the options that the sweep varies."""
    return ", ".join(value if key == "experiment" else f"{key}={value}" for key, value in setting)
