"""Pairwise entanglement: which factors share codes."""

from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, NamedTuple

import numpy as np
from jaxtyping import Float
from pydantic import Field

from disvae.errors import UserError
from disvae.metrics.arrays import CodeArray, FactorArray
from disvae.metrics.score import declare
from disvae.metrics.scores.dci import dci
from disvae.metrics.settings import NumTest, NumTrain, Repeats, Seed


class Entanglement(NamedTuple):
    """Mean over the pairs that were named, median over the others, and that of all pairs."""

    pairs: float
    others: float
    matrix: Float[np.ndarray, "K K"]


@declare(
    "pairwise_entanglement",
    "Träuble et al. 2021",
    formula="mean over pairs of the largest t at which codes of importance t or more join both",
)
def pairwise_entanglement(
    codes: CodeArray,
    factors: FactorArray,
    factor_names: Sequence[str] = (),
    *,
    pairs: Annotated[
        str, Field(max_length=1000), "Those that count, as posX:posY & shape:scale; none: all."
    ] = "",
    num_train: NumTrain = 10_000,
    num_test: NumTest = 5_000,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> Entanglement:
    """How important a code can be for both of two factors, or join them by way of others.

    A factor and a code are joined at a threshold if the code's share in what DCI's trees explain of
    the factor reaches it. The entanglement of two factors is the largest threshold at which a path
    of such links still leads from one to the other: 1 if one code alone stands for both, about 0
    if each has codes of its own. Factors that were correlated in training show by larger values.

    Returns
    -------
    Entanglement
        In [0, 1]; `others` is 0 if there are none, all is 0 for one factor.

    Notes
    -----
    Träuble et al., "On Disentangled Representations Learned from Correlated Data", 2021, after the
    groups of factors in Locatello et al. 2020, "A Sober Look at the Unsupervised Learning of
    Disentangled Representations". The definition is as stated here; the papers' own code was not
    at hand to compare with.
    """
    trees = dci(  # as `evaluate` calls it, which then fits them once for both scores
        codes, factors,
        num_train=num_train, num_test=num_test, levels=None, seed=seed, repeats=repeats,
    )  # fmt: skip
    matrix = joined(trees.importance)
    names = list(factor_names) or [str(k) for k in range(len(matrix))]
    counted = _chosen(pairs, names)
    every = list(combinations(range(len(matrix)), 2))
    others = [matrix[pair] for pair in every if pair not in counted] if counted else []
    values = [matrix[pair] for pair in counted or every]
    return Entanglement(float(np.mean(values or [0.0])), float(np.median(others or [0.0])), matrix)


def joined(importance: Float[np.ndarray, "D K"]) -> Float[np.ndarray, "K K"]:
    """Return the largest threshold at which two factors are still joined by codes, by pair."""
    by_one = np.minimum(importance[:, :, None], importance[:, None]).max(0)
    for k in range(len(by_one)):  # by way of factor k too
        by_one = np.maximum(by_one, np.minimum(by_one[:, k, None], by_one[k]))
    return by_one


def _chosen(pairs: str, names: Sequence[str]) -> set[tuple[int, int]]:
    found = set()
    for text in filter(None, map(str.strip, pairs.split("&"))):
        both = [name.strip() for name in text.split(":")]
        if len(both) != 2 or both[0] == both[1] or not {*both} <= {*names}:
            raise UserError(
                f"{text!r} cannot be among the pairs of pairwise_entanglement: it should be two of "
                f"the factors {', '.join(names)}, as {':'.join(names[:2])}."
            )
        low, high = sorted(map(list(names).index, both))
        found.add((low, high))
    return found
