"""Any of the scores of one table of codes: what to compute, checked first, and one record of it."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from disvae.errors import UserError
from disvae.metrics.arrays import as_factors, remembering, require_varied
from disvae.metrics.codes import Codes, Encodable, factor_columns, provided
from disvae.metrics.continuous import tell_of_continuous
from disvae.metrics.estimators.sampling import Estimate
from disvae.metrics.registry import SCORES, find
from disvae.metrics.score import Score, as_score

_LARGEST = 10**9  # of a setting

Progress = Callable[[str, int, int], None]
Settings = Mapping[str, Mapping[str, Any]]
Wanted = str | Score | Callable[..., Any]


def evaluate(
    run_or_table: Encodable | Codes,
    names: str | Iterable[Wanted] = "all",
    *,
    seed: int | None = 0,
    repeats: int = 1,
    settings: Settings | None = None,
    factor_subset: Sequence[str] | None = None,
    factor_bins: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compute scores of a run, or of one table of codes.

    Parameters
    ----------
    run_or_table
        A run, whose dataset is encoded; or codes, with widths and factors where known.
    names
        Names of scores (see `SCORES`), or one name; "all" among them: every score that the
        table has the parts for. Also functions of your own, as `as_score` takes them.
    seed
        All randomness; each score draws from it anew, so that a score's value does not depend
        on which others are computed.
    repeats
        How often sampled scores are repeated.
    settings
        Settings per score, such as {"dci": {"num_train": 5000}}.
    factor_subset
        Names of the factors to score, such as ["scale", "orientation", "posX", "posY"].
    factor_bins
        Factors to cut into bins first, such as {"angle": 20}: as many bins with about as many
        images each. No factor is cut unasked, but one with nearly as many values as images is
        said.
    progress
        Called before each score with its name, its number from 0, and how many there are.

    Returns
    -------
    dict
        Ready for JSON, without NaN. "MIG" and "AAM" come first, as numbers, where they were
        asked for. Then one key a score: "value" (the headline), "std" (over repeats, or None),
        "parts" (all fields of the score's record) and "settings" (what was used, and the
        factors' names).

    Raises
    ------
    UserError
        Unknown score, setting or factor; a setting of the wrong type; a score asked for by name
        whose parts are missing; a name that is taken: all before a run is encoded. A factor with
        one value; a score that is no finite number.
    """
    given = run_or_table
    known = given.provided if isinstance(given, Codes) else provided(given.dataset())
    chosen = plan(
        names, *known, seed=seed, repeats=repeats, settings=settings, factor_subset=factor_subset,
        factor_bins=factor_bins,
    )  # fmt: skip
    table = given if isinstance(given, Codes) else given.encode()
    if factor_bins:
        table = table.binned(factor_bins)
    if factor_subset is not None:
        table = table.select(factor_subset)
    top: dict[str, Any] = {}
    results: dict[str, Any] = {}
    with remembering():
        if any("factors" in score.needs for score, _ in chosen):
            labels = as_factors(table.factors, len(np.asarray(table.mean)))
            require_varied(labels, table.factor_names)
            sizes = (labels.max(axis=0) + 1).tolist()
            tell_of_continuous(table.factor_names, sizes, len(labels))
        for number, (score, used) in enumerate(chosen):
            if progress is not None:
                progress(score.name, number, len(chosen))
            result = _entry(score, score(table, **used))
            if score.headline:
                top[score.headline] = result["value"]
            if "factors" in score.needs:
                used = {**used, "factors": list(table.factor_names)}
                used |= {"factor_bins": dict(factor_bins)} if factor_bins else {}
            results[score.name] = {**result, "settings": used}
    return {**top, **results}


def plan(
    names: str | Iterable[Wanted],
    provides: frozenset[str],
    factor_names: Sequence[str] = (),
    *,
    seed: int | None = 0,
    repeats: int = 1,
    settings: Settings | None = None,
    factor_subset: Sequence[str] | None = None,
    factor_bins: Mapping[str, int] | None = None,
) -> list[tuple[Score, dict[str, Any]]]:
    """Look up scores with all their settings, and check what can be before there are codes.

    `provides` is what there will be beyond the codes ("logvar", "factors"), `factor_names` are
    those of the factors, if any. All else, and what is refused, is as for `evaluate`.
    """
    scores = _wanted([names] if isinstance(names, str) else list(names), provides)
    given, common = settings or {}, {"seed": seed, "repeats": repeats}
    for name in given:
        if name not in [score.name for score in scores]:
            find(name)
            raise UserError(f"Settings were given for {name}, which is not among the scores.")
    if factor_subset is not None:
        factor_columns(factor_subset, factor_names)
    if factor_bins:
        factor_columns(list(factor_bins), factor_names)
    return [(score, _settled(score, common, given.get(score.name, {}))) for score in scores]


def default_settings(score: Score) -> dict[str, Any]:
    """Return the keyword settings of a score with their defaults."""
    return score.settle({})


def _wanted(names: Sequence[Wanted], provides: frozenset[str]) -> list[Score]:
    own = [name for name in names if name != "all"]
    given = [find(name) if isinstance(name, str) else as_score(name) for name in own]
    able = [score for score in SCORES.values() if score.needs <= provides]
    if "all" in names:
        given = able + [score for score in given if score not in SCORES.values()]
    chosen = list(dict.fromkeys(given))
    taken = {key: score for score in SCORES.values() for key in score.keys}
    for score in chosen:
        for key in score.keys:
            if key == "all" or taken.setdefault(key, score) != score:
                raise UserError(f"There is a score {key} already, so give yours another name.")
        missing = score.needs - provides
        if "runs" in missing:
            raise UserError(
                f"{score.name} compares the codes of several runs: call "
                f"disvae.metrics.{score.name} with all of them."
            )
        if missing:
            raise UserError(
                f"{score.name} needs {' and '.join(sorted(missing))}, which these codes come "
                f"without; the scores to be had are {', '.join(each.name for each in able)}."
            )
    return chosen


def _settled(score: Score, common: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Settle the common seed and repeats and the score's own; refuse numbers that none takes."""
    shared = {name: value for name, value in common.items() if name in score.settings}
    settled = score.settle({**shared, **given})
    for name in given:
        least, value = 0 if name == "seed" else -_LARGEST, settled[name]
        if isinstance(value, int | float) and not least <= value <= _LARGEST:  # False for NaN
            bounds = f"from {least:,} to {_LARGEST:,}"
            raise UserError(f"{value!r} cannot be {name} of {score.name}: it should be {bounds}.")
    return settled


def _entry(score: Score, result: Any) -> dict[str, Any]:
    """Describe a score's result: a number, an estimate, or a record with its headline first."""
    if isinstance(result, Estimate):
        value, std, parts = result.mean, result.std, {"values": list(result.values)}
    else:
        fields = result._asdict() if hasattr(result, "_asdict") else {"value": result}
        value = next(iter(fields.values()))
        std = value.std if isinstance(value, Estimate) else None
        parts = {name: _plain(part) for name, part in fields.items() if name != "value"}
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UserError(
            f"The score {score.name} gave {value!r}, but a score is a finite number, or a "
            "NamedTuple that begins with one."
        )
    return {"value": number, "std": std, "parts": parts}


def _plain(part: Any) -> Any:
    """Turn a record's field into what JSON holds."""
    if isinstance(part, Estimate):
        return {"mean": part.mean, "std": part.std, "values": list(part.values)}
    return part.tolist() if hasattr(part, "tolist") else part
