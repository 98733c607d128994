"""MIG, exact and binned, and AAM."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from disvae.errors import UserError
from disvae.metrics.arrays import ONE_VALUE, CodeArray, FactorArray
from disvae.metrics.estimators.binned import binned_draws
from disvae.metrics.estimators.information import Entropies, entropies, mean_gap, two_largest
from disvae.metrics.estimators.sampling import Estimate, estimate
from disvae.metrics.score import Matrix, declare
from disvae.metrics.settings import Bins, NumPoints, Repeats, Seed

INFORMATION = Matrix("mutual_information", "mutual_information.png", "I(z; v) in nats")


class Information(NamedTuple):
    """A score of the exact information matrix, and what it rests on, in nats.

    One row a factor: its score, its entropy and its codes, best first. One row a code: its
    entropy, its best factor (None if it knows none) and that information. I(z_j; v_k).
    """

    value: float
    per_factor: list[dict[str, Any]]
    per_code: list[dict[str, Any]]
    mutual_information: Float[np.ndarray, "K D"]


def mutual_information(
    mean: CodeArray, logvar: CodeArray, factors: FactorArray
) -> Float[np.ndarray, "K D"]:
    """Mutual information I(z_j; v_k) between every factor (rows) and code (columns), in nats.

    Exact for the aggregate posterior; arguments and errors are those of `entropies`. It lies in
    [0, H(v_k)]; divide by log 2 for bits. A dead code (the same posterior for every image) and a
    factor with one value have 0.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.repeat([[0], [1]], 8, axis=0)
    >>> mean, logvar = 10.0 * factors, np.full((16, 1), -4.0)
    >>> bool(np.isclose(mutual_information(mean, logvar, factors), np.log(2)).all())
    True
    """
    return entropies(mean, logvar, factors).mutual_information


def mig(mean: CodeArray, logvar: CodeArray, factors: FactorArray) -> float:
    """Mutual information gap (MIG), exact, in [0, 1].

    The mean over factors of (I_(1) - I_(2)) / H(v_k), with I_(1) and I_(2) the largest and second
    largest mutual information that a code has with the factor. A dead code counts as one without
    information; with a single code I_(2) is 0.

    Arguments and errors are those of `mutual_information`; so is a factor with one value, whose
    entropy is 0. Source: Chen et al. 2018, equation 6.

    Examples
    --------
    Two codes that tell the same factor leave no gap.

    >>> import numpy as np
    >>> factors = np.repeat([[0], [1]], 8, axis=0)
    >>> mean = 10.0 * np.hstack([factors, factors])
    >>> round(mig(mean, np.full(mean.shape, -4.0), factors), 6)
    0.0
    """
    found = entropies(mean, logvar, factors)
    return float(information_gaps(found.mutual_information, found.factor).mean())


def aam(mean: CodeArray, logvar: CodeArray, factors: FactorArray) -> float:
    """Axis alignment metric (AAM), exact, in [0, 1].

    The mean over factors of max(0, I_(1) - sum_{j >= 2} I_(j)) / I_(1): how far the best code
    outweighs all others together. A factor that no code knows (I_(1) = 0) counts as 0, a dead code
    as one without information.

    Arguments and errors are those of `mig`. Source: introduced with the public re-implementation
    of five VAE losses by Dubois et al., 2019.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.repeat([[0], [1]], 8, axis=0)
    >>> mean = 10.0 * np.hstack([factors, 0 * factors])
    >>> round(aam(mean, np.full(mean.shape, -4.0), factors), 3)
    1.0
    """
    found = entropies(mean, logvar, factors)
    require_entropy(found.factor)
    return float(axis_alignments(found.mutual_information).mean())


def information_gaps(
    information: Float[np.ndarray, "K D"], factor_entropy: Float[np.ndarray, " K"]
) -> Float[np.ndarray, " K"]:
    """Gap between a factor's two best codes, over the factor's entropy, one value a factor.

    A factor with entropy 0 (one value) is a `UserError`.
    """
    require_entropy(factor_entropy)
    best, second = two_largest(information)
    return (best - second) / factor_entropy


def axis_alignments(information: Float[np.ndarray, "K D"]) -> Float[np.ndarray, " K"]:
    """Share by which a factor's best code outweighs all others together, one value a factor."""
    best = information.max(axis=1)
    lead = np.maximum(2 * best - information.sum(axis=1), 0)
    alignments: Float[np.ndarray, " K"] = np.zeros_like(best)
    np.divide(lead, best, out=alignments, where=best > 0)
    return alignments


def require_entropy(factor_entropy: Float[np.ndarray, " K"]) -> None:
    """Refuse factors with one value, whose entropy is 0."""
    for k in np.flatnonzero(factor_entropy == 0):
        raise UserError(ONE_VALUE.format(k))


@declare(
    "mig",
    "Chen et al. 2018",
    formula="mean_k (I_(1) - I_(2)) / H(v_k), over the codes of each factor",
    headline="MIG",
    matrix=INFORMATION,
)
def mig_in_full(
    mean: CodeArray, logvar: CodeArray, factors: FactorArray, factor_names: Sequence[str]
) -> Information:
    """Gap between a factor's two most informative codes, exact, over its entropy.

    As `mig` has it, with its tables per factor and per code.
    """
    found = entropies(mean, logvar, factors)
    gaps = information_gaps(found.mutual_information, found.factor)
    return _in_full("gap", gaps, found, factor_names)


@declare(
    "aam",
    "Dubois et al. 2019",
    formula="mean_k max(0, I_(1) - sum_{i > 1} I_(i)) / I_(1), over the codes of each factor",
    headline="AAM",
    matrix=INFORMATION,
)
def aam_in_full(
    mean: CodeArray, logvar: CodeArray, factors: FactorArray, factor_names: Sequence[str]
) -> Information:
    """How far a factor's best code outweighs all other codes together, exact.

    As `aam` has it, with its tables per factor and per code.
    """
    found = entropies(mean, logvar, factors)
    return _in_full("alignment", axis_alignments(found.mutual_information), found, factor_names)


def _in_full(
    key: str, values: Float[np.ndarray, " K"], found: Entropies, factor_names: Sequence[str]
) -> Information:
    information = found.mutual_information
    per_factor = []
    for k, name in enumerate(factor_names):
        best = np.argsort(-information[k], kind="stable")[:2]
        row = {"factor": name, key: float(values[k]), "entropy": float(found.factor[k])}
        codes = {"best_codes": best.tolist(), "best_information": information[k, best].tolist()}
        per_factor.append({**row, **codes})
    per_code = [
        {
            "code": j,
            "entropy": float(found.code[j]),
            "best_factor": factor_names[column.argmax()] if column.any() else None,
            "best_information": float(column.max()),
        }
        for j, column in enumerate(information.T)
    ]
    return Information(float(values.mean()), per_factor, per_code, information)


@declare(
    "binned_mig",
    "Chen et al. 2018; Locatello et al. 2019",
    formula="mean_k (I_(1) - I_(2)) / H(v_k), I and H of counts",
)
def binned_mig(
    codes: CodeArray,
    factors: FactorArray,
    *,
    bins: Bins = 20,
    num_points: NumPoints = 10_000,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> Estimate:
    """MIG of the posterior means cut into 20 bins, as most published tables have it.

    Each code is cut into equal-width bins between its extremes, and I and H are those of the
    counts. It reads the posterior mean as the whole code, so it exceeds the exact `mig` where
    posteriors overlap; it has a positive bias of about (bins - 1)(values - 1) / (2 points) nats
    in every entry, and one outlier can push all other values into one bin.

    Source: Chen et al. 2018; estimator and settings of Locatello et al., "Challenging Common
    Assumptions in the Unsupervised Learning of Disentangled Representations", 2019, appendix B.

    Returns
    -------
    Estimate
        In [0, 1]. A constant code falls into one bin and has no information.
    """
    draws = binned_draws(codes, factors, bins, num_points, seed, repeats)
    return estimate([mean_gap(draw.normalised) for draw in draws])
