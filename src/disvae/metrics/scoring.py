"""Any of the scores of one table of codes, as one JSON-able record."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from disvae.errors import UserError
from disvae.metrics.arrays import as_factors, require_varied
from disvae.metrics.codes import Codes, Encodable, provided
from disvae.metrics.estimators.sampling import Estimate
from disvae.metrics.planning import Settings, Wanted, plan
from disvae.metrics.score import Score
from disvae.metrics.sharing import remembering

Progress = Callable[[str, int, int], None]


def evaluate(
    run_or_table: Encodable | Codes,
    names: str | Iterable[Wanted] = "all",
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

    top: dict[str, Any] = {}
    results: dict[str, Any] = {}
    with remembering():
        for number, (score, used) in enumerate(chosen):
            if progress is not None:
                progress(score.name, number, len(chosen))
            result = _entry(score, score(table, **used))
            if score.headline:
                top[score.headline] = result["value"]
            if "factors" in score.needs:
                used = {**used, "factors": list(table.factor_names)}
            results[score.name] = {**result, "settings": used}
    return {**top, **results}


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
