"""The exact information of codes about factors."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from disvae.metrics.arrays import CodeArray, FactorArray, as_codes, as_factors, as_logvar, shared
from disvae.metrics.estimators.entropy import grouped_entropies, make_room
from disvae.metrics.estimators.threads import in_threads

NOTHING = 1e-9  # nats; below it mutual information is the rounding of two equal entropies
MAX_THREADS = 4  # each holds some 20 numbers per image


class Entropies(NamedTuple):
    """Entropies of codes and factors over a dataset, in nats.

    H(z_j), differential; H(z_j given v_k), the mean over the factor's values, weighted by how
    often each occurs; and H(v_k), from the empirical frequencies.
    """

    code: Float[np.ndarray, " D"]
    conditional: Float[np.ndarray, "K D"]
    factor: Float[np.ndarray, " K"]

    @property
    def mutual_information(self) -> Float[np.ndarray, "K D"]:
        """I(z_j; v_k) = H(z_j) - H(z_j given v_k), held to [0, H(v_k)]."""
        information = np.clip(self.code - self.conditional, 0, self.factor[:, None])
        information[information < NOTHING] = 0
        return information


@shared
def entropies(mean: CodeArray, logvar: CodeArray, factors: FactorArray) -> Entropies:
    """Entropies of the aggregate posterior, whole and given each factor.

    q(z_j) is the mixture (1/N) sum_n N(mean_nj, exp(logvar_nj)) over all images, q(z_j given
    v_k) that over the images with one value of factor k. Both are integrated, not sampled
    (see `estimators.entropy`): the result is deterministic, its error below 1e-6 nats.

    Posterior means, log variances and true factors have one row per image; factors need not fill
    a grid. Shapes that do not match, NaN and fewer than 2 images are a `UserError`.

    Source: Chen et al., "Isolating Sources of Disentanglement in Variational Autoencoders", 2018,
    section 4.1 and appendix C, where the same entropies are sampled.
    """
    from scipy.special import entr  # here, and so elsewhere: a third of importing the scores

    means = as_codes(mean, "mean")
    logvars = as_logvar(logvar, means)
    indices = as_factors(factors, len(means))
    sizes = [int(column.max()) + 1 for column in indices.T]
    whole = (np.zeros(len(means), dtype=np.int32), 1)
    # short numbers, which are read in less time
    groupings = [whole, *zip(indices.T.astype(np.int32), sizes, strict=True)]
    frequencies = [np.bincount(group) / len(group) for group, _ in groupings]

    rooms = [make_room(len(means)) for _ in range(MAX_THREADS)]  # one a thread

    def of_code(j: int) -> Float[np.ndarray, " groupings"]:
        room = rooms.pop()
        found = grouped_entropies(means[:, j].copy(), logvars[:, j].copy(), groupings, room)
        rooms.append(room)
        return np.array([p @ h for p, h in zip(frequencies, found, strict=True)])

    columns = in_threads(of_code, [(j,) for j in range(means.shape[1])], MAX_THREADS)
    table = np.stack(columns, axis=1)
    return Entropies(table[0], table[1:], np.array([entr(p).sum() for p in frequencies[1:]]))


def two_largest(
    table: Float[np.ndarray, "K D"],
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Largest and second largest of each row; the second is 0 where there is one column."""
    if table.shape[1] == 1:
        return table[:, 0], np.zeros(len(table))
    ordered = np.partition(table, -2, axis=1)
    return ordered[:, -1], ordered[:, -2]


def mean_gap(table: Float[np.ndarray, "K D"]) -> float:
    """Mean over rows of the gap between the two largest."""
    best, second = two_largest(table)
    return float((best - second).mean())
