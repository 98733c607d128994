"""Dependence between codes, without factors: total correlation, Wasserstein, mutual information."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from disvae.metrics.arrays import CodeArray, as_codes, varies
from disvae.metrics.estimators.binned import bin_codes, count_information
from disvae.metrics.estimators.sampling import Estimate, draw_rows, estimate, repeated
from disvae.metrics.score import declare
from disvae.metrics.settings import Bins, NumPoints, Repeats, Seed


class WassersteinDependence(NamedTuple):
    """Squared 2-Wasserstein distance: over the sum of variances, and in squared units of codes."""

    normalised: float
    distance: float


@declare(
    "total_correlation",
    "Locatello et al. 2019",
    formula="(sum_j log C_jj - log det C) / 2, C: covariance of the codes",
    bounds=(0, math.inf),
)
def total_correlation(codes: CodeArray) -> float:
    """Total correlation of the codes' Gaussian fit, in nats; 0 is best.

    (sum_j log C_jj - log det C) / 2 for the covariance C: 0 if no two codes are correlated. All
    images are used, so the value is deterministic.

    Source: Watanabe 1960; as a score of codes in Locatello et al. 2019, section 5.2.

    Returns
    -------
    float
        Nats, at least 0. A constant code depends on nothing and is left out; a code that is a
        linear function of others, whose exact value would be infinite, counts up to about 18
        nats.
    """
    centred = _centred(as_codes(codes))
    centred /= np.sqrt((centred**2).mean(axis=0))
    eigenvalues = np.linalg.eigvalsh(centred.T @ centred / len(centred))
    # Rounding leaves an eigenvalue of 0 anywhere up to here, on either side of 0.
    floor = len(eigenvalues) * np.finfo(np.float64).eps
    return max(0.0, float(-np.log(np.maximum(eigenvalues, floor)).sum() / 2))


@declare(
    "wasserstein_dependence",
    "Xiao and Wang 2019; Locatello et al. 2019",
    formula="2 - 2 tr (D^1/2 C D^1/2)^1/2 / tr C, C: covariance of the codes, D its diagonal",
    bounds=(0, 2),
)
def wasserstein_dependence(codes: CodeArray) -> WassersteinDependence:
    """Distance of the codes' Gaussian fit from its independent version; 0 is best.

    The squared 2-Wasserstein one: 2 tr C - 2 tr (D^(1/2) C D^(1/2))^(1/2), with C the covariance
    and D its diagonal. All images are used, so the value is deterministic.

    Source: Xiao and Wang, "Disentangled Representation Learning with Wasserstein Total
    Correlation", 2019; closed form as in Locatello et al. 2019, section 5.2.

    Returns
    -------
    WassersteinDependence
        `distance` at least 0, and `normalised` by tr C, in [0, 2): 2 - 2 / sqrt(D) if all D codes
        are equal. A constant code adds nothing; if all are constant both are 0.
    """
    centred = _centred(as_codes(codes))
    # C = root^T root: singular values of the root keep digits that eigenvalues of C lose
    root = np.linalg.qr(centred / np.sqrt(len(centred) - 1), mode="r")
    scale = np.linalg.norm(root, axis=0)
    total = float(scale @ scale)
    overlap = float(np.linalg.svd(root * scale, compute_uv=False).sum())
    distance = max(0.0, 2 * total - 2 * overlap)
    return WassersteinDependence(distance / total if total > 0 else 0.0, distance)


@declare(
    "code_information",
    "Locatello et al. 2019",
    formula="mean_{i < j} I(z_i; z_j)",
    bounds=(0, math.inf),
)
def code_information(
    codes: CodeArray,
    *,
    bins: Bins = 20,
    num_points: NumPoints = 10_000,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> Estimate:
    """Binned mutual information between two codes, mean over pairs, in nats; 0 is best.

    Source: Locatello et al. 2019, appendix B (mutual information score).

    Returns
    -------
    Estimate
        Nats, in [0, log bins]. A constant code has none; a single code has no pair and scores 0.
    """
    table = as_codes(codes)
    pairs = np.stack(np.triu_indices(table.shape[1], 1), axis=1)

    def once(rng: np.random.Generator) -> float:
        binned = bin_codes(table[draw_rows(rng, len(table), num_points)], bins)
        found = [count_information(binned[:, i], binned[:, j]) for i, j in pairs]
        return float(np.mean(found)) if found else 0.0

    return estimate(repeated(once, seed, repeats))


def _centred(codes: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N active"]:
    """Return the codes that are not constant, less their means."""
    active = codes[:, varies(codes)]
    return active - active.mean(axis=0)
