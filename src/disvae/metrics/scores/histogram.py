"""Scores from histograms of the codes: MIG-sup, JEMMIG, DCIMIG."""

from typing import NamedTuple

import numpy as np

from disvae.metrics.arrays import CodeArray, FactorArray
from disvae.metrics.estimators.binned import NOTHING, BinnedInformation, binned_draws
from disvae.metrics.estimators.information import mean_gap, two_largest
from disvae.metrics.estimators.sampling import Estimate, estimate
from disvae.metrics.score import declare
from disvae.metrics.settings import Bins, NumPoints, Repeats, Seed


class Jemmig(NamedTuple):
    """JEMMIG in both forms, mean over factors.

    1 - JEMMIG_k / (H(v_k) + log bins), in [0, 1], 1 is best; and JEMMIG_k, in nats, 0 is best.
    """

    normalised: Estimate
    nats: Estimate


@declare(
    "mig_sup",
    "Li et al. 2020",
    formula="mean_j (N_(1) - N_(2)), N_jk = I(z_j; v_k) / H(v_k), over the factors of each code",
)
def mig_sup(
    codes: CodeArray,
    factors: FactorArray,
    *,
    bins: Bins = 10,
    num_points: NumPoints = 10_000,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> Estimate:
    """Gap between a code's two best factors, mean over codes.

    I(z_j; v_k) / H(v_k) is compared over factors for one code, where MIG compares codes for one
    factor: MIG-sup falls when one code holds several factors.

    Source: Li et al., "Progressive Learning and Disentanglement of Hierarchical Representations",
    2020, section 4.

    Returns
    -------
    Estimate
        In [0, 1]. A dead code has gap 0 and counts, so unused codes lower the score. With one
        factor the gap is the normalised information itself.
    """
    draws = binned_draws(codes, factors, bins, num_points, seed, repeats)
    return estimate([mean_gap(draw.normalised.T) for draw in draws])


@declare(
    "jemmig",
    "Do and Tran 2020",
    formula="mean_k 1 - (H(z_best, v_k) - I_(1) + I_(2)) / (H(v_k) + log bins)",
)
def jemmig(
    codes: CodeArray,
    factors: FactorArray,
    *,
    bins: Bins = 10,
    num_points: NumPoints = 10_000,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> Jemmig:
    """Joint entropy of a factor and its best code minus the gap, scaled so that 1 is best.

    JEMMIG_k = H(z_j*, v_k) - I_(1) + I_(2), with j* the best code of factor k. Unlike MIG it
    is bad when the best code holds more than the factor.

    Source: Do and Tran, "Theory and Evaluation Metrics for Learning Disentangled Representations",
    2020, section 3.3; normalised as 1 - JEMMIG_k / upper bound.

    Returns
    -------
    Jemmig
        `normalised` in [0, 1] (1 is best) and `nats` (0 is best). A dead code has no
        information. Of equally good codes the one with the lowest entropy counts.
    """

    def score(binned: BinnedInformation) -> tuple[float, float]:
        best, second = two_largest(binned.information)
        is_best = binned.information >= best[:, None] - NOTHING
        code = np.where(is_best, binned.code, np.inf).min(axis=1)
        # H(z, v) = H(z) + H(v) - I(z; v)
        nats = code + binned.factor - 2 * best + second
        bound = binned.factor + np.log(bins)
        return float((1 - nats / bound).mean()), float(nats.mean())

    found = map(score, binned_draws(codes, factors, bins, num_points, seed, repeats))
    return Jemmig(*(estimate(column) for column in zip(*found, strict=True)))


@declare(
    "dcimig",
    "Sepliarskaia et al. 2019",
    formula="sum_k max_j (I_(1) - I_(2)) / sum_k H(v_k), over the factors of codes whose best is k",
)
def dcimig(
    codes: CodeArray,
    factors: FactorArray,
    *,
    bins: Bins = 10,
    num_points: NumPoints = 10_000,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> Estimate:
    """Gap of the strongest code that stands for each factor, over the factors' entropy.

    Also called 3CharM. Every code stands for its best factor, with the gap to its second best as
    its strength. A factor gets its strongest code, or 0 if no code stands for it; the score is
    the sum over factors, over the sum of the factors' entropies.

    Source: Sepliarskaia et al., "How to Not Measure Disentanglement", 2019, section 4.

    Returns
    -------
    Estimate
        In [0, 1]. A dead code has strength 0.
    """

    def score(binned: BinnedInformation) -> float:
        best, second = two_largest(binned.information.T)
        strongest = np.zeros(len(binned.factor))
        np.maximum.at(strongest, binned.information.argmax(axis=0), best - second)
        return float(strongest.sum() / max(binned.factor.sum(), NOTHING))

    draws = binned_draws(codes, factors, bins, num_points, seed, repeats)
    return estimate([score(draw) for draw in draws])
