"""MIG and AAM from the exact mutual information between codes and factors."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Num
from scipy.special import entr

from disvae.errors import UserError
from disvae.metrics.arrays import ONE_VALUE, ArrayLike, as_codes, as_factors, as_logvar
from disvae.metrics.estimators.entropy import grouped_entropies
from disvae.metrics.estimators.threads import in_threads

NOTHING = 1e-9  # nats; below it mutual information is the rounding of two equal entropies
MAX_THREADS = 4  # each holds some 20 numbers per image


class Entropies(NamedTuple):
    """Entropies of codes and factors over a dataset, in nats.

    Attributes
    ----------
    code
        H(z_j), differential.
    conditional
        H(z_j given v_k), the mean over the factor's values, weighted by how often each occurs.
    factor
        H(v_k), from the empirical frequencies.
    """

    code: Float[np.ndarray, " D"]
    conditional: Float[np.ndarray, "K D"]
    factor: Float[np.ndarray, " K"]

    @property
    def mutual_information(self) -> Float[np.ndarray, "K D"]:
        """I(z_j; v_k) = H(z_j) - H(z_j given v_k), held to [0, H(v_k)]."""
        information: Float[np.ndarray, "K D"]
        information = np.clip(self.code - self.conditional, 0, self.factor[:, None])
        information[information < NOTHING] = 0
        return information


def entropies(
    mean: Num[ArrayLike, "N D"],
    logvar: Num[ArrayLike, "N D"],
    factors: Num[ArrayLike, "N K"],
) -> Entropies:
    """Entropies of the aggregate posterior, whole and given each factor.

    q(z_j) is the mixture (1/N) sum_n N(mean_nj, exp(logvar_nj)) over all images, q(z_j given
    v_k) that over the images with one value of factor k. Both are integrated, not sampled
    (see `disvae.metrics.entropy`): the result is deterministic, its error below 1e-6 nats.

    Parameters
    ----------
    mean, logvar
        Posterior means and log variances, one row an image.
    factors
        True factors, one row an image. They need not fill a grid.

    Returns
    -------
    Entropies
        `code [D]`, `conditional [K, D]` and `factor [K]`, in nats.

    Raises
    ------
    UserError
        Shapes that do not match; NaN; fewer than 2 images.

    Notes
    -----
    Chen et al., "Isolating Sources of Disentanglement in Variational Autoencoders", 2018,
    section 4.1 and appendix C, where the same entropies are sampled.
    """
    means = as_codes(mean, "mean")
    logvars = as_logvar(logvar, means)
    indices = as_factors(factors, len(means))
    sizes = [int(column.max()) + 1 for column in indices.T]
    whole = (np.zeros(len(means), dtype=np.int64), 1)
    groupings = [whole, *zip(np.ascontiguousarray(indices.T), sizes, strict=True)]
    frequencies = [_frequencies(group, size) for group, size in groupings]

    def of_code(j: int) -> Float[np.ndarray, " K+1"]:
        found = grouped_entropies(means[:, j].copy(), logvars[:, j].copy(), groupings)
        return np.array([p @ h for p, h in zip(frequencies, found, strict=True)])

    columns = in_threads(of_code, [(j,) for j in range(means.shape[1])], MAX_THREADS)
    table = np.stack(columns, axis=1)
    return Entropies(table[0], table[1:], np.array([entr(p).sum() for p in frequencies[1:]]))


def mutual_information(
    mean: Num[ArrayLike, "N D"],
    logvar: Num[ArrayLike, "N D"],
    factors: Num[ArrayLike, "N K"],
) -> Float[np.ndarray, "K D"]:
    """Mutual information I(z_j; v_k) between every factor (rows) and code (columns), in nats.

    Exact for the aggregate posterior (see `entropies`). Values lie in [0, H(v_k)]. A dead code
    (the same posterior for every image) and a factor with one value have 0.

    Parameters
    ----------
    mean, logvar
        Posterior means and log variances, one row an image.
    factors
        True factors, one row an image.

    Returns
    -------
    array [K, D]
        Nats; divide by log 2 for bits.

    Raises
    ------
    UserError
        Shapes that do not match; NaN; logvar missing; fewer than 2 images.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.repeat([[0], [1]], 8, axis=0)
    >>> mean, logvar = 10.0 * factors, np.full((16, 1), -4.0)
    >>> bool(np.isclose(mutual_information(mean, logvar, factors), np.log(2)).all())
    True
    """
    return entropies(mean, logvar, factors).mutual_information


def mig(
    mean: Num[ArrayLike, "N D"],
    logvar: Num[ArrayLike, "N D"],
    factors: Num[ArrayLike, "N K"],
) -> float:
    """Mutual information gap (MIG), exact.

    The mean over factors of (I_(1) - I_(2)) / H(v_k), with I_(1) and I_(2) the largest and second
    largest mutual information that a code has with the factor. In [0, 1]. A dead code counts as
    one without information; with a single code I_(2) is 0.

    Parameters
    ----------
    mean, logvar
        Posterior means and log variances, one row an image.
    factors
        True factors, one row an image.

    Raises
    ------
    UserError
        Bad arrays (see `entropies`), or a factor with one value, whose entropy is 0.

    Notes
    -----
    Chen et al. 2018, equation 6.
    """
    found = entropies(mean, logvar, factors)
    return float(information_gaps(found.mutual_information, found.factor).mean())


def aam(
    mean: Num[ArrayLike, "N D"],
    logvar: Num[ArrayLike, "N D"],
    factors: Num[ArrayLike, "N K"],
) -> float:
    """Axis alignment metric (AAM), exact.

    The mean over factors of max(0, I_(1) - sum_{j >= 2} I_(j)) / I_(1): how far the best code
    outweighs all others together. In [0, 1]. A factor that no code knows (I_(1) = 0) counts as 0,
    a dead code as one without information.

    Parameters
    ----------
    mean, logvar
        Posterior means and log variances, one row an image.
    factors
        True factors, one row an image.

    Raises
    ------
    UserError
        Bad arrays (see `entropies`), or a factor with one value.

    Notes
    -----
    Introduced with the public re-implementation of five VAE losses by Dubois et al., 2019.
    """
    found = entropies(mean, logvar, factors)
    require_entropy(found.factor)
    return float(axis_alignments(found.mutual_information).mean())


def information_gaps(
    information: Float[np.ndarray, "K D"], factor_entropy: Float[np.ndarray, " K"]
) -> Float[np.ndarray, " K"]:
    """Gap between a factor's two best codes, over the factor's entropy, one value a factor.

    Raises
    ------
    UserError
        A factor has entropy 0 (one value).
    """
    require_entropy(factor_entropy)
    best, second = two_largest(information)
    gaps: Float[np.ndarray, " K"] = (best - second) / factor_entropy
    return gaps


def axis_alignments(information: Float[np.ndarray, "K D"]) -> Float[np.ndarray, " K"]:
    """Share by which a factor's best code outweighs all others together, one value a factor."""
    best = information.max(axis=1)
    lead = np.maximum(2 * best - information.sum(axis=1), 0)
    alignments: Float[np.ndarray, " K"] = np.zeros_like(best)
    np.divide(lead, best, out=alignments, where=best > 0)
    return alignments


def two_largest(
    table: Float[np.ndarray, "K D"],
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Largest and second largest of each row; the second is 0 where there is one column."""
    if table.shape[1] == 1:
        return table[:, 0], np.zeros(len(table))
    ordered = np.partition(table, -2, axis=1)
    return ordered[:, -1], ordered[:, -2]


def require_entropy(factor_entropy: Float[np.ndarray, " K"]) -> None:
    """Refuse factors with one value, whose entropy is 0.

    Raises
    ------
    UserError
        Names the first such factor.
    """
    for k in np.flatnonzero(factor_entropy == 0):
        raise UserError(ONE_VALUE.format(k))


def _frequencies(group: Int[np.ndarray, " N"], n_groups: int) -> Float[np.ndarray, " groups"]:
    """Share of each group among all rows."""
    shares: Float[np.ndarray, " groups"] = np.bincount(group, minlength=n_groups) / len(group)
    return shares
