"""IRS: interventional robustness."""

from typing import Annotated, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from disvae.metrics.arrays import CodeArray, FactorArray, checked, varies
from disvae.metrics.estimators.sampling import Estimate, averaged, draw_rows
from disvae.metrics.score import declare
from disvae.metrics.settings import NumPoints, Repeats, Seed


class IRS(NamedTuple):
    """Interventional robustness and its parts.

    The mean over codes, weighted by how far each reaches from its mean; the largest entry of each
    code's row of the matrix (0 for a constant code); and the matrix, mean over repeats: 1 -
    deviation within a factor's value over largest deviation.
    """

    score: Estimate
    per_code: Float[np.ndarray, " D"]
    matrix: Float[np.ndarray, "D K"]


@declare(
    "irs",
    "Suter et al. 2019",
    formula="mean_j max_k 1 - E_v Q|z_j - E(z_j | v_k)| / r_j, weighted by r_j = max |z_j - E z_j|",
)
def irs(
    codes: CodeArray,
    factors: FactorArray,
    *,
    quantile: Annotated[
        float,
        Field(ge=0, le=1),
        "Which deviation stands for the largest; 1 is the paper's maximum.",
    ] = 0.99,
    num_points: NumPoints = 10_000,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> IRS:
    """How still a code stays while all factors but one change.

    For a factor's value, take the quantile of how far codes stray from their mean given that
    value; average over values; divide by the largest distance of the code from its mean. One
    minus that is the robustness of the code towards changes of all factors but this one.

    Source: Suter et al., "Robustly Disentangled Causal Mechanisms", 2019, section 4; estimator of
    Locatello et al. 2019, but factors are never binned.

    Returns
    -------
    IRS
        `score` in [0, 1]. A constant code counts as nothing: its weight is 0, and if all codes
        are constant the score is 0.
    """
    table, labels = checked(codes, factors)

    def once(rng: np.random.Generator) -> tuple[float, Float[np.ndarray, "D K"]]:
        rows = draw_rows(rng, len(table), num_points)
        sample = table[rows]
        reach = np.abs(sample - sample.mean(axis=0)).max(axis=0)
        reach[~varies(sample)] = 0
        strays = np.stack([_strays(sample, v, quantile) for v in labels[rows].T], axis=1)
        share = np.ones_like(strays)
        np.divide(strays, reach[:, None], out=share, where=reach[:, None] > 0)
        matrix = np.clip(1 - share, 0, 1)
        score = matrix.max(axis=1) @ reach / reach.sum() if reach.any() else 0.0
        return float(score), matrix

    score, matrix = averaged(once, seed, repeats)
    return IRS(score, matrix.max(axis=1), matrix)


def _strays(
    sample: Float[np.ndarray, "N D"], values: Int[np.ndarray, " N"], quantile: float
) -> Float[np.ndarray, " D"]:
    """Quantile of each code's distance from its mean given the factor, mean over values."""
    order = np.argsort(values, kind="stable")
    groups = np.split(sample[order], np.flatnonzero(np.diff(values[order])) + 1)
    quantiles = [np.quantile(np.abs(g - g.mean(axis=0)), quantile, axis=0) for g in groups]
    return np.mean(quantiles, axis=0)
