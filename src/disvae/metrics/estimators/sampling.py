"""Draws that the sampled scores share, and how their repeats are summed up."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Int
from numpy.random import Generator

T = TypeVar("T")

CHUNK = 1 << 20  # rows drawn at once; bounds memory whatever the settings


class Estimate(NamedTuple):
    """A sampled score; `float(estimate)` is its mean.

    Mean and standard deviation (n - 1; None of one) over the repeats, and one value a repeat.
    """

    mean: float
    std: float | None
    values: tuple[float, ...]

    def __float__(self) -> float:
        return self.mean


def estimate(values: Sequence[float]) -> Estimate:
    """Sum up the values of several repeats."""
    plain = tuple(float(value) for value in values)
    std = float(np.std(plain, ddof=1)) if len(plain) > 1 else None
    return Estimate(float(np.mean(plain)), std, plain)


def repeated(run: Callable[[Generator], T], seed: int | None, repeats: int) -> list[T]:
    """Run once for each of several independent generators made from one seed."""
    children = np.random.SeedSequence(seed).spawn(repeats)
    return [run(np.random.default_rng(child)) for child in children]


def averaged(
    run: Callable[[Generator], tuple[Any, ...]], seed: int | None, repeats: int
) -> list[Any]:
    """Repeat a draw that finds several things: sum up numbers, and take the mean of arrays."""
    columns = list(zip(*repeated(run, seed, repeats), strict=True))
    return [np.mean(c, axis=0) if isinstance(c[0], np.ndarray) else estimate(c) for c in columns]


def draw_rows(rng: Generator, n_images: int, n_points: int | None) -> Int[np.ndarray, " points"]:
    """Draw rows with replacement, as the reference implementations do; None means every row."""
    if n_points is None:
        return np.arange(n_images)
    return rng.integers(n_images, size=n_points)


class SharedFactor:
    """Draws groups of images that agree in one factor and are free in all others."""

    def __init__(self, factors: Int[np.ndarray, "N K"]) -> None:
        self.values, self.n_factors = factors, factors.shape[1]
        self._order = [np.argsort(column, kind="stable") for column in factors.T]
        self._counts = [np.bincount(column) for column in factors.T]

    def draw(
        self, rng: Generator, factor: int, anchors: Int[np.ndarray, " B"], size: int
    ) -> Int[np.ndarray, "B size"]:
        """Draw `size` rows for each anchor row, each with the anchor's value of the factor."""
        counts = self._counts[factor]
        starts = np.cumsum(counts) - counts
        value = self.values[anchors, factor][:, None]
        nth = rng.integers(counts[value], size=(len(anchors), size))
        return self._order[factor][starts[value] + nth]

    def votes(
        self, rng: Generator, n_votes: int, rows_per_vote: int
    ) -> Iterator[tuple[int, Int[np.ndarray, " B"]]]:
        """Share votes out over factors at random; yield (factor, anchor rows) in chunks."""
        chosen = rng.integers(self.n_factors, size=n_votes)
        per_factor = np.bincount(chosen, minlength=self.n_factors)
        at_once = max(1, CHUNK // rows_per_vote)
        for factor, count in enumerate(per_factor.tolist()):
            for start in range(0, count, at_once):
                n_anchors = min(at_once, count - start)
                yield factor, rng.integers(len(self.values), size=n_anchors)
