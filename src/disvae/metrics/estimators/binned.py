"""Codes cut into equal-width bins, and the entropies of their counts."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from disvae.metrics.arrays import CodeArray, FactorArray, checked, shared
from disvae.metrics.estimators.sampling import draw_rows, repeated

NOTHING = 1e-12  # nats; below it mutual information is rounding


class BinnedInformation(NamedTuple):
    """Entropies of binned codes and of factors in one sample, in nats."""

    information: Float[np.ndarray, "K D"]  # I(bin of z_j; v_k)
    code: Float[np.ndarray, " D"]  # entropy of the binned code
    factor: Float[np.ndarray, " K"]  # H(v_k)

    @property
    def normalised(self) -> Float[np.ndarray, "K D"]:
        """I(bin of z_j; v_k) / H(v_k); 0 for a factor of which the sample shows one value."""
        entropy = self.factor[:, None]
        shares = np.zeros_like(self.information)
        np.divide(self.information, entropy, out=shares, where=entropy > 0)
        return shares


def bin_codes(codes: Float[np.ndarray, "N D"], bins: int) -> Int[np.ndarray, "N D"]:
    """Give every value the number of its equal-width bin; a constant code has one bin."""
    low, high = codes.min(axis=0), codes.max(axis=0)
    edges = np.linspace(low, high, bins + 1)[1:-1]
    return np.stack(
        [np.searchsorted(e, c, side="right") for e, c in zip(edges.T, codes.T, strict=True)], axis=1
    )


def binned_information(
    binned: Int[np.ndarray, "N D"], factors: Int[np.ndarray, "N K"]
) -> BinnedInformation:
    """Mutual information of numbered codes and factors, and their entropies, in nats."""
    information = np.array([[count_information(v, z) for z in binned.T] for v in factors.T])
    return BinnedInformation(
        information,
        np.array([count_entropy(z) for z in binned.T]),
        np.array([count_entropy(v) for v in factors.T]),
    )


def count_entropy(labels: Int[np.ndarray, " N"]) -> float:
    """Entropy of the empirical frequencies of labels, in nats."""
    from scipy.special import entr

    return float(entr(np.bincount(labels) / len(labels)).sum())


def count_information(first: Int[np.ndarray, " N"], second: Int[np.ndarray, " N"]) -> float:
    """Mutual information of two columns of labels, in nats, at least 0."""
    joint = first * (int(second.max()) + 1) + second
    information = count_entropy(first) + count_entropy(second) - count_entropy(joint)
    return 0.0 if information < NOTHING else information


@shared
def binned_draws(
    codes: CodeArray,
    factors: FactorArray,
    bins: int,
    num_points: int | None,
    seed: int | None,
    repeats: int,
) -> list[BinnedInformation]:
    """Binned information of each of several draws."""
    table, labels = checked(codes, factors)

    def once(rng: np.random.Generator) -> BinnedInformation:
        rows = draw_rows(rng, len(table), num_points)
        return binned_information(bin_codes(table[rows], bins), labels[rows])

    return repeated(once, seed, repeats)
