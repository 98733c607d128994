"""What every score keeps: finite numbers, the same by seed and in any order of the codes."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from disvae.metrics import Codes, Score, as_score, evaluate
from disvae.testing import require

_SIZES = (4, 5, 6)  # of the factors
_COPIES = 6  # images of each combination


def check_score(
    given: Score | Callable[..., Any],
    bounds: tuple[float, float] = (-math.inf, math.inf),
    tolerance: float = 1e-6,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Score known codes, and check the numbers.

    All are finite and the headline lies in its bounds, for codes that know the factors, for
    noise, and with dead codes among them; a seed decides them; the order of the codes does not
    matter, but for the `tolerance` of ties of a predictor; one line explains the score. It is a
    score, or a function as `disvae.metrics.Score` describes it.
    """
    score = as_score(given)
    explained = "\n" not in score.explanation and score.explanation.endswith(".")
    require(explained, f"The explanation of {score.name} is no sentence of one line.")
    known, noise = _codes(spread=0.1), _codes(spread=100.0)
    mean, logvar = np.asarray(known.mean), np.asarray(known.logvar)
    dead = Codes(np.insert(mean, [0, 2], 0.0, 1), np.insert(logvar, [0, 2], 0.0, 1), known.factors)
    values = []
    for codes in (known, noise, dead):
        result, again = (_score(score, codes, settings) for _ in range(2))
        finite, value = all(map(math.isfinite, _numbers(result))), result["value"]
        values.append(value)
        require(finite, f"{score.name} gives numbers that are not finite.")
        require(bounds[0] <= value <= bounds[1], f"{score.name} is {value}, beyond {bounds}.")
        require(result == again, f"{score.name} differs from call to call with the same seed.")
    order = [2, 0, 3, 1]
    turned = Codes(mean[:, order], logvar[:, order], known.factors)
    values = [values[0], _score(score, turned, settings)["value"]]
    alike = abs(values[0] - values[1]) <= tolerance
    require(alike, f"{score.name} changes with the order of the codes: {values}.")


def _codes(spread: float) -> Codes:
    """Make four codes: three factors, and noise; all blurred by `spread`."""
    random = np.random.default_rng(0)
    factors = np.tile(np.indices(_SIZES).reshape(len(_SIZES), -1).T, (_COPIES, 1))
    exact = np.column_stack([factors, np.zeros(len(factors))])
    mean = exact + spread * random.standard_normal(exact.shape)
    return Codes(mean, np.full_like(mean, -4.0), factors)


def _score(score: Score, codes: Codes, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    if "runs" in score.needs:
        found = score.function([codes.mean, -np.asarray(codes.mean)[:, ::-1]], **(settings or {}))
        return {"value": float(np.mean(found[0])), "parts": [part.tolist() for part in found]}
    chosen = {score.name: settings} if settings else None
    return evaluate(codes, [score], settings=chosen)[score.name]


def _numbers(result: Any) -> Iterator[float]:
    """Yield all numbers in a record, however deep."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, list | tuple):
        for each in result:
            yield from _numbers(each)
    elif isinstance(result, int | float):
        yield result
