"""Any of the scores of one table of codes, as one JSON-able record."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from disvae.metrics.arrays import as_factors, require_varied
from disvae.metrics.codes import Codes, Encodable, provided
from disvae.metrics.estimators.sampling import Estimate
from disvae.metrics.planning import Settings, plan
from disvae.metrics.scores.gap import Entropies, axis_alignments, entropies, information_gaps

Progress = Callable[[str, int, int], None]


def evaluate(
    run_or_table: Encodable | Codes,
    names: str | Iterable[str] = "all",
    *,
    seed: int | None = 0,
    repeats: int = 1,
    settings: Settings | None = None,
    factor_subset: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compute scores of a run, or of one table of codes.

    Parameters
    ----------
    run_or_table
        A run, whose dataset is encoded; or codes, with widths and factors where known.
    names
        Names of scores (see `SCORES`), or one name; "all" among them: every score that the
        table has the parts for.
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
        Unknown score, setting or factor; a setting of the wrong type; a score asked for by name
        whose parts are missing; a factor with one value. All but the last before a run is encoded.
    """
    if isinstance(run_or_table, Codes):
        there, factor_names = run_or_table.provided
    else:
        there, factor_names = provided(run_or_table.dataset())
    chosen = plan(
        names,
        there,
        factor_names,
        seed=seed,
        repeats=repeats,
        settings=settings,
        factor_subset=factor_subset,
    )
    table = run_or_table if isinstance(run_or_table, Codes) else run_or_table.encode()
    if factor_subset is not None:
        table = table.select(factor_subset)
    if any("factors" in score.needs for score, _ in chosen):
        labels = as_factors(table.factors, len(np.asarray(table.mean)))
        require_varied(labels, table.factor_names)

    exact: Entropies | None = None
    top: dict[str, Any] = {}
    results: dict[str, Any] = {}
    for number, (score, used) in enumerate(chosen):
        if progress is not None:
            progress(score.name, number, len(chosen))
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
