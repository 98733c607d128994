"""UDR: agreement of the codes of several runs, without factors."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from pydantic import Field

from disvae.errors import UserError
from disvae.metrics.arrays import CodeArray, as_codes, standardised, varies
from disvae.metrics.codes import Codes
from disvae.metrics.score import declare
from disvae.metrics.settings import Draws, Seed


class UDR(NamedTuple):
    """Unsupervised disentanglement ranking of several runs.

    The score of each run, the median of its agreement with every other run; and the agreement of
    run a (row) with run b (column), predicted from a, 0 on the diagonal.
    """

    runs: Float[np.ndarray, " R"]
    pairs: Float[np.ndarray, "R R"]


@declare(
    "udr",
    "Duan et al. 2020",
    formula="median_b mean(max(R)^2 / sum(R)), along R: codes of run a by codes of run b",
    needs=frozenset({"runs"}),
)
def udr(
    codes: Annotated[
        Sequence[CodeArray],
        "Posterior means of at least two runs on the same images in the same order. Runs may have "
        "different numbers of codes.",
    ],
    logvar: Annotated[
        Sequence[CodeArray] | None,
        "Log variances, to tell informative codes by their KL. Without it every code that is not "
        "constant is informative.",
    ] = None,
    *,
    method: Annotated[
        Literal["lasso", "spearman"],
        "Absolute weights of Lasso regressions between standardised codes, or rank correlation.",
    ] = "lasso",
    penalty: Annotated[float, Field(ge=0), "Weight of Lasso's penalty."] = 0.1,
    kl_threshold: Annotated[
        float, "A code is informative if its mean KL from N(0, 1) exceeds this many nats."
    ] = 0.01,
    num_points: Annotated[
        Draws | None, "Images drawn, without replacement; all if there are fewer, or with None."
    ] = 10_000,
    seed: Seed = 0,
) -> UDR:
    """Agreement of several runs' codes up to order and sign; needs no factors.

    For runs a and b, R_ij says how strongly code i of a goes with code j of b. Where every code
    has one partner, each row and column of R has one entry. The agreement is the mean, over the
    informative codes of both, of max(R)^2 / sum(R) along rows and columns.

    Source: Duan et al., "Unsupervised Model Selection for Variational Disentangled Representation
    Learning", 2020, section 4.

    Returns
    -------
    UDR
        Scores in [0, 1]. Dead codes are left out; a pair of runs where both have none scores 0.
    """
    tables = [as_codes(run, f"codes[{r}]") for r, run in enumerate(codes)]
    if len(tables) < 2:
        raise UserError(f"udr compares runs, so give the codes of at least 2, not {len(tables)}.")
    if len({len(table) for table in tables}) > 1:
        raise UserError("udr needs the codes of the same images for every run, in one order.")
    if logvar is not None and len(logvar) != len(tables):
        raise UserError(f"logvar has {len(logvar)} runs but codes has {len(tables)}.")

    logvars = [None] * len(tables) if logvar is None else list(logvar)
    informative = [
        varies(mean) & (True if width is None else Codes(mean, width).kl() > kl_threshold)
        for mean, width in zip(tables, logvars, strict=True)
    ]
    rows = np.arange(len(tables[0]))
    if num_points is not None and num_points < len(rows):
        rows = np.random.default_rng(seed).choice(rows, num_points, replace=False)
    scaled = [standardised(t[rows][:, i]) for t, i in zip(tables, informative, strict=True)]

    pairs = np.zeros((len(scaled), len(scaled)))
    for a, first in enumerate(scaled):
        for b, second in enumerate(scaled):
            if a != b and first.shape[1] and second.shape[1]:
                lasso = method == "lasso"
                strength = _lasso(first, second, penalty) if lasso else _spearman(first, second)
                pairs[a, b] = agreement(strength)
    others = ~np.eye(len(scaled), dtype=bool)
    runs = np.array([np.median(row[keep]) for row, keep in zip(pairs, others, strict=True)])
    return UDR(runs, pairs)


def agreement(strength: Float[np.ndarray, "D1 D2"]) -> float:
    """Mean over rows and columns of max(R)^2 / sum(R), in [0, 1]; empty ones count 0."""
    parts = []
    for axis in (0, 1):
        total = strength.sum(axis=axis)
        part = np.zeros_like(total)
        np.divide(strength.max(axis=axis) ** 2, total, out=part, where=total > 0)
        parts.append(part)
    return float(min(np.concatenate(parts).mean(), 1.0))


def _lasso(
    first: Float[np.ndarray, "N D1"], second: Float[np.ndarray, "N D2"], penalty: float
) -> Float[np.ndarray, "D1 D2"]:
    """Absolute weights with which the first run's codes predict the second's."""
    from sklearn.linear_model import Lasso

    weights = np.abs(Lasso(alpha=penalty).fit(first, second).coef_)
    return weights.reshape(second.shape[1], first.shape[1]).T


def _spearman(
    first: Float[np.ndarray, "N D1"], second: Float[np.ndarray, "N D2"]
) -> Float[np.ndarray, "D1 D2"]:
    """Absolute rank correlation of the two runs' codes."""
    from scipy.stats import rankdata

    ranks = [standardised(rankdata(run, axis=0)) for run in (first, second)]
    return np.abs(ranks[0].T @ ranks[1]) / len(first)
