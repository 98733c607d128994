"""Factors with nearly as many values as images: said before any score is computed."""

import logging
from collections.abc import Collection, Iterable
from functools import cache

logger = logging.getLogger("disvae")

_FEWEST = 2  # images of a value, on average: with fewer, scores find no two alike


def tell_of_continuous(
    names: Iterable[str], sizes: Iterable[int], n_images: int, binned: Collection[str] = ()
) -> None:
    """Say which of the factors, of so many values each, have fewer than two images a value."""
    for name, size in zip(names, sizes, strict=True):
        if size * _FEWEST > n_images and name not in binned:
            _say_once(
                f"The factor '{name}' has {size:,} values in {n_images:,} images, so nearly each "
                "image has a value of its own, and scores that read factors tell little. If it is "
                f"continuous, have it cut into bins: --bin-factors {name}=20 (of disvae eval or "
                "disvae score); or leave it out by --metric-factors."
            )


@cache
def _say_once(message: str) -> None:
    logger.warning("%s", message)
