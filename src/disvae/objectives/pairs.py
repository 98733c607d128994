"""Pairs of images that differ in some factors: the order of an epoch of weak supervision."""

import math
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from disvae.errors import UserError

PairRule = Literal["uniform_fixed", "uniform", "locatello"]
_TRIES = 10_000
_PATIENCE = 100  # tries, after which other factors of a pair change
_SPARSEST = 0.01  # share of all combinations that there are images of


def pair_order(
    factors: Int[np.ndarray, "N K"],
    rule: PairRule,
    seed: int,
    epoch: int,
    weights: Float[np.ndarray, "N"] | None = None,
) -> Int[np.ndarray, "N2"]:
    """Return 2 N images, pairs side by side: a pure function of its arguments.

    Every image is the first of one pair. The second differs in k of the n factors that vary:
    k is uniform in 1..n-1, and which they are, too. Where images of some combinations are
    missing, a pair whose second is missing is drawn again; if too many are, or fewer than two
    factors vary, that is a `UserError`. With `weights`, in sum 1, the first are drawn by them, and
    so is the second, among the images that share the factors it is to share.

    Rules: ``uniform_fixed``: the k values are drawn among the others, as Locatello et al. 2020
    say. ``uniform``: among all, so that some stay. ``locatello``: as their code, k is then with
    chance 1/2 replaced by 1, and values are drawn among all.
    """
    values, sizes = _varying(factors)
    codes = np.ravel_multi_index(tuple(values.T), sizes)
    by_code = np.argsort(codes, kind="stable")
    ordered = codes[by_code]
    random, n = np.random.default_rng((seed, epoch)), len(values)
    first = random.permutation(n) if weights is None else random.choice(n, n, p=weights)
    second = np.full_like(first, -1)
    chosen = choose(n, len(sizes), rule, random)
    for attempt in range(_TRIES):
        wanted = np.flatnonzero(second < 0)
        if not len(wanted):
            return np.stack([first, second], 1).ravel()
        others = redraw(values[first[wanted]], sizes, chosen[wanted], rule, random)
        code = np.ravel_multi_index(tuple(others.T), sizes)
        start, end = (np.searchsorted(ordered, code, side) for side in ("left", "right"))
        # where several images have these factors: any of them
        which = start + (random.random(len(code)) * (end - start)).astype(np.int64)
        there = end > start
        which = by_code[np.where(there, which, 0)]
        kept = there
        if weights is not None:  # a second image that is drawn more often is kept more often
            kept = there & (random.random(len(which)) * weights.max() < weights[which])
        second[wanted[kept]] = which[kept]
        # other factors change where there is no image, but not where one is rare
        anew = wanted[~there if (attempt + 1) % _PATIENCE else ~kept]
        chosen[anew] = choose(len(anew), len(sizes), rule, random)
    raise _too_sparse()


def redraw(
    values: Int[np.ndarray, "P n"],
    sizes: tuple[int, ...],
    chosen: Bool[np.ndarray, "P n"],
    rule: PairRule,
    random: np.random.Generator,
) -> Int[np.ndarray, "P n"]:
    """Return the factors of each pair's second image, given those of its first.

    Those that are `chosen` are drawn anew.
    """
    counts = np.array(sizes)
    if rule == "uniform_fixed":
        others = (values + random.integers(1, counts, values.shape)) % counts
    else:
        others = random.integers(0, counts, values.shape)
    return np.where(chosen, others, values)


def choose(
    n_pairs: int, n_factors: int, rule: PairRule, random: np.random.Generator
) -> Bool[np.ndarray, "P n"]:
    """Draw which factors of each pair are drawn anew."""
    k = random.integers(1, n_factors, n_pairs)
    if rule == "locatello":
        k = np.where(random.random(n_pairs) < 0.5, 1, k)
    ranks = random.random((n_pairs, n_factors)).argsort(1).argsort(1)
    return ranks < k[:, None]


def _varying(factors: Int[np.ndarray, "N K"]) -> tuple[Int[np.ndarray, "N n"], tuple[int, ...]]:
    """Return numbers for the values that occur, of the factors that vary, and their counts."""
    columns, sizes = [], []
    for column in factors.T:
        found, numbers = np.unique(column, return_inverse=True)
        if len(found) > 1:
            columns.append(numbers)
            sizes.append(len(found))
    if len(sizes) < 2:
        raise UserError(
            f"Pairs of images share some factors and differ in others, but {len(sizes)} of this "
            "dataset's vary; choose one with two at least."
        )
    if len(factors) < _SPARSEST * math.prod(sizes):
        raise _too_sparse()
    return np.stack(columns, 1), tuple(sizes)


def _too_sparse() -> UserError:
    return UserError(
        "Pairs of images need most combinations of the factors, but too few of them have an "
        "image; leave --train-fraction at 1, or choose a dataset that is a grid of factors."
    )
