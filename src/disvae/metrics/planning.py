"""What to compute: scores, settings and factors, checked before any work is done."""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from disvae.errors import UserError
from disvae.metrics.codes import factor_columns
from disvae.metrics.registry import SCORES, find
from disvae.metrics.score import Score, as_score

_LARGEST = 10**9  # of a setting

Wanted = str | Score | Callable[..., Any]
Settings = Mapping[str, Mapping[str, Any]]


class Planned(NamedTuple):
    """A score to compute.

    Attributes
    ----------
    score
        The score.
    settings
        All its keyword settings.
    """

    score: Score
    settings: dict[str, Any]


def plan(
    names: str | Iterable[Wanted],
    provides: frozenset[str],
    factor_names: Sequence[str] = (),
    *,
    seed: int | None = 0,
    repeats: int = 1,
    settings: Settings | None = None,
    factor_subset: Sequence[str] | None = None,
) -> list[Planned]:
    """Look up scores, and check all that can be checked before there are codes.

    Parameters
    ----------
    names, seed, repeats, settings, factor_subset
        As for `evaluate`.
    provides
        What there will be beyond the codes: "logvar", "factors".
    factor_names
        Names of the factors, if there are any.

    Raises
    ------
    UserError
        Unknown score, setting or factor; a setting of the wrong type; a score that needs more
        than there is; two scores of one name.
    """
    scores = _wanted([names] if isinstance(names, str) else list(names), provides)
    for name in settings or {}:
        if name not in [score.name for score in scores]:
            find(name)
            raise UserError(f"Settings were given for {name}, which is not among the scores.")
    if factor_subset is not None:
        factor_columns(factor_subset, factor_names)
    common = {"seed": seed, "repeats": repeats}
    return [
        Planned(score, _merge(score, common, (settings or {}).get(score.name, {})))
        for score in scores
    ]


def default_settings(score: Score) -> dict[str, Any]:
    """Return the keyword settings of a score with their defaults."""
    return {name: known.default for name, known in score.settings.items()}


def _wanted(names: Sequence[Wanted], provides: frozenset[str]) -> list[Score]:
    given = [
        find(name) if isinstance(name, str) else as_score(name) for name in names if name != "all"
    ]
    able = [score for score in SCORES.values() if score.needs <= provides]
    if "all" in names:
        given = able + [score for score in given if score not in SCORES.values()]
    chosen = list(dict.fromkeys(given))
    taken = {key: score for score in SCORES.values() for key in _keys(score)}
    for score in chosen:
        for key in _keys(score):
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


def _keys(score: Score) -> list[str]:
    """Return the keys of a score in results."""
    return [score.name, score.headline] if score.headline else [score.name]


def _merge(score: Score, common: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Merge defaults, the common seed and repeats, and the score's own settings."""
    known = score.settings
    merged = {**default_settings(score), **{k: v for k, v in common.items() if k in known}}
    for name, value in given.items():
        if name not in known:
            listed = ", ".join(known) or "none"
            raise UserError(f"{score.name} has no setting {name!r}; its settings are: {listed}.")
        try:
            merged[name] = TypeAdapter(_type(known[name])).validate_python(value)
        except ValidationError as error:
            expected = error.errors()[0]["msg"].replace("Input should be", "it should be")
            raise UserError(f"{value!r} cannot be {name} of {score.name}: {expected}.") from None
        _require_sensible(score, name, merged[name])
    return merged


def _type(setting: inspect.Parameter) -> Any:
    """Return what a setting is: as annotated, else as its default is."""
    return type(setting.default) if setting.annotation is setting.empty else setting.annotation


def _require_sensible(score: Score, name: str, value: object) -> None:
    """Refuse numbers that no setting takes; each score checks its own bounds."""
    if not isinstance(value, int | float):
        return
    if not math.isfinite(value) or abs(value) > _LARGEST or (name == "seed" and value < 0):
        least = 0 if name == "seed" else -_LARGEST
        raise UserError(
            f"{value!r} cannot be {name} of {score.name}: it should be from {least:,} to "
            f"{_LARGEST:,}."
        )
