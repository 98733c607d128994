"""FoS: how far the support of codes is from the product of its marginals."""

from itertools import combinations
from typing import Annotated

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from disvae.metrics.arrays import CodeArray, as_codes
from disvae.metrics.estimators.sampling import Estimate, estimate, repeated
from disvae.metrics.score import declare
from disvae.metrics.settings import Repeats, Seed

NEAR = 8  # images that combinations are compared with first


@declare(
    "fos",
    "Roth et al. 2023",
    formula="mean over i < j of max_ab min_c (z_ai - z_ci)^2 + (z_bj - z_cj)^2, a, b, c of a batch",
    bounds=(0, np.inf),
)
def fos(
    codes: CodeArray,
    *,
    batch: Annotated[int, Field(ge=2, le=1024), "Images that are compared."] = 128,
    batches: Annotated[int, Field(ge=1, le=10_000), "Over how many the mean is taken."] = 10,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> Estimate:
    """How far a combination of two codes that could occur lies from all that do.

    For two codes, of all combinations of one image's first and another's second, the squared
    distance of the one that is farthest from every image's own pair. Zero if every combination
    occurs, whatever the frequencies, so that correlated factors cost nothing. It grows with the
    square of the codes' scale and falls with `batch`: normal codes give 3.2 at 64. The loss
    ``hfs`` minimises the sum over pairs, which is D (D - 1) / 2 times the mean.

    Returns
    -------
    Estimate
        0 or more; 0 for one code. Dead codes count as 0, in as many pairs as others.

    Notes
    -----
    Roth et al., "Disentanglement of Correlated Factors via Hausdorff Factorized Support", 2023;
    batches of 128 and all pairs as in the authors' code.
    """
    table = as_codes(codes)

    def once(rng: np.random.Generator) -> float:
        size = min(batch, len(table))
        drawn = (table[rng.choice(len(table), size, replace=False)] for _ in range(batches))
        return float(np.mean([_mean_distance(rows) for rows in drawn]))

    return estimate(repeated(once, seed, repeats))


def _mean_distance(codes: Float[np.ndarray, "B D"]) -> float:
    squared = (codes.T[:, :, None] - codes.T[:, None]) ** 2  # [D, B, B]
    near = np.argsort(squared, axis=2)[:, :, :NEAR].transpose(0, 2, 1)
    pairs = combinations(range(len(squared)), 2)
    found = [_farthest(squared[i], squared[j], near[i]) for i, j in pairs]
    return float(np.mean(found)) if found else 0.0


def _farthest(
    one: Float[np.ndarray, "B B"], other: Float[np.ndarray, "B B"], near: Int[np.ndarray, "n B"]
) -> float:
    """Of all combinations, the squared distance of the one farthest from every image.

    The images that are near by the first code bound it from above; only where these lie far is
    a combination compared with all images.
    """
    size = len(one)
    bound = np.full((size, size), np.inf)
    for c in near:
        np.minimum(bound, one[np.arange(size), c][:, None] + other[c], out=bound)
    left, highest = bound.ravel(), 0.0
    while left.max() > highest:
        top = np.argpartition(left, -size)[-size:]
        a, b = np.divmod(top, size)
        highest = max(highest, float((one[a] + other[b]).min(1).max()))
        left[top] = 0
    return highest
