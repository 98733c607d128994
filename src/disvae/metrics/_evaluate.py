"""Any of the scores of one table of codes, as one JSON-able record."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from disvae.errors import UserError
from disvae.metrics._arrays import as_factors, require_varied
from disvae.metrics._codes import Codes
from disvae.metrics._gap import Entropies, axis_alignments, entropies, information_gaps
from disvae.metrics._registry import SCORES, Score, find
from disvae.metrics._sampling import Estimate

Progress = Callable[[str, int, int], None]


def evaluate(
    table: Codes,
    names: str | Iterable[str] = "all",
    *,
    seed: int | None = 0,
    repeats: int = 1,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    factor_subset: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compute scores of one table of codes.

    Parameters
    ----------
    table
        Codes, and widths and factors where known.
    names
        Names of scores (see `SCORES`), one name, or "all": every score that the table has the
        parts for.
    seed
        All randomness; each score draws from it anew, so that a score's value does not depend
        on which others are computed.
    repeats
        How often sampled scores are repeated.
    settings
        Settings per score, such as {"dci": {"num_train": 5000}}.
    factor_subset
        Names of the factors to score, such as ["scale", "orientation", "posX", "posY"].
    progress
        Called before each score with its name, its number from 0, and how many there are.

    Returns
    -------
    dict
        Ready for JSON, without NaN. "MIG" and "AAM" come first, as numbers, where they were
        asked for. Then one key a score: "value" (the headline), "std" (over repeats, or None),
        "parts" (all fields of the score's record; for mig and aam the per-factor and per-code
        tables and the matrix) and "settings" (what was used, and the factors' names).

    Raises
    ------
    UserError
        Unknown score, setting or factor; a score asked for by name whose parts are missing; a
        factor with one value.
    """
    if factor_subset is not None:
        table = table.select(factor_subset)
    scores = _wanted(table, names)
    options = {score.name: _options(score, settings, seed, repeats) for score in scores}
    _check_settings(settings, scores)
    if any("factors" in score.needs for score in scores):
        labels = as_factors(table.factors, len(np.asarray(table.mean)))
        require_varied(labels, table.factor_names)

    exact: Entropies | None = None
    top: dict[str, Any] = {}
    results: dict[str, Any] = {}
    for number, score in enumerate(scores):
        if progress is not None:
            progress(score.name, number, len(scores))
        used = options[score.name]
        if "logvar" in score.needs:
            assert table.logvar is not None and table.factors is not None  # noqa: S101
            exact = exact or entropies(table.mean, table.logvar, table.factors)
            result = _exact_entry(score.name, exact, table.factor_names)
            top[score.name.upper()] = result["value"]
        else:
            arrays = [table.mean, table.factors] if "factors" in score.needs else [table.mean]
            result = _entry(score.function(*arrays, **used))
        if "factors" in score.needs:
            used = {**used, "factors": list(table.factor_names)}
        results[score.name] = {**result, "settings": used}
    return {**top, **results}


def _wanted(table: Codes, names: str | Iterable[str]) -> list[Score]:
    """Look the scores up and see that the table has what each needs."""
    if names == "all":
        return [score for score in SCORES.values() if score.needs <= table.provides]
    chosen = [find(name) for name in dict.fromkeys([names] if isinstance(names, str) else names)]
    for score in chosen:
        missing = score.needs - table.provides
        if "runs" in missing:
            raise UserError(
                f"{score.name} compares the codes of several runs: call "
                f"disvae.metrics.{score.name} with all of them."
            )
        if missing:
            able = [s.name for s in SCORES.values() if s.needs <= table.provides]
            raise UserError(
                f"{score.name} needs {' and '.join(sorted(missing))}, which these codes come "
                f"without; the scores to be had are {', '.join(able)}."
            )
    return chosen


def _options(
    score: Score,
    settings: Mapping[str, Mapping[str, Any]] | None,
    seed: int | None,
    repeats: int,
) -> dict[str, Any]:
    """Merge defaults, the common seed and repeats, and the score's own settings."""
    parameters = inspect.signature(score.function).parameters.values()
    known = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    common = {"seed": seed, "repeats": repeats}
    known.update({name: value for name, value in common.items() if name in known})
    given = dict((settings or {}).get(score.name, {}))
    for name in given:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise UserError(f"{score.name} has no setting {name!r}; its settings are: {listed}.")
    return {**known, **given}


def _check_settings(
    settings: Mapping[str, Mapping[str, Any]] | None, scores: Sequence[Score]
) -> None:
    """Refuse settings of scores that are not computed, which would go unnoticed."""
    for name in settings or {}:
        if find(name) not in scores:
            raise UserError(f"Settings were given for {name}, which is not among the scores.")


def _entry(result: Any) -> dict[str, Any]:
    """Describe a score's result: its first field is the headline."""
    if isinstance(result, float):
        return {"value": result, "std": None, "parts": {}}
    if isinstance(result, Estimate):
        return {
            "value": result.mean,
            "std": result.std,
            "parts": {"values": list(result.values)},
        }
    headline = result[0]
    return {
        "value": float(headline),
        "std": headline.std if isinstance(headline, Estimate) else None,
        "parts": {name: _plain(part) for name, part in result._asdict().items()},
    }


def _plain(part: Any) -> Any:
    """Turn a record's field into what JSON holds."""
    if isinstance(part, Estimate):
        return {"mean": part.mean, "std": part.std, "values": list(part.values)}
    return part.tolist() if isinstance(part, np.ndarray) else part


def _exact_entry(name: str, found: Entropies, factor_names: Sequence[str]) -> dict[str, Any]:
    """Describe MIG or AAM with its tables per factor and per code."""
    information = found.mutual_information
    key = {"mig": "gap", "aam": "alignment"}[name]
    per_factor = (
        information_gaps(information, found.factor)
        if name == "mig"
        else axis_alignments(information)
    )
    return {
        "value": float(per_factor.mean()),
        "std": None,
        "parts": {
            "per_factor": _factor_table(key, per_factor, information, found.factor, factor_names),
            "per_code": _code_table(information, found.code, factor_names),
            "mutual_information": information.tolist(),
        },
    }


def _factor_table(
    key: str,
    values: Float[np.ndarray, " K"],
    information: Float[np.ndarray, "K D"],
    entropy: Float[np.ndarray, " K"],
    factor_names: Sequence[str],
) -> list[dict[str, Any]]:
    """One row a factor: its score, its entropy and its codes, best first."""
    rows = []
    for k, name in enumerate(factor_names):
        order = np.argsort(-information[k], kind="stable")[:2]
        rows.append(
            {
                "factor": name,
                key: float(values[k]),
                "entropy": float(entropy[k]),
                "best_codes": order.tolist(),
                "best_information": information[k, order].tolist(),
            }
        )
    return rows


def _code_table(
    information: Float[np.ndarray, "K D"],
    entropy: Float[np.ndarray, " D"],
    factor_names: Sequence[str],
) -> list[dict[str, Any]]:
    """One row a code: its entropy, its best factor (None if it knows none) and that information."""
    return [
        {
            "code": j,
            "entropy": float(entropy[j]),
            "best_factor": factor_names[column.argmax()] if column.any() else None,
            "best_information": float(column.max()),
        }
        for j, column in enumerate(information.T)
    ]
