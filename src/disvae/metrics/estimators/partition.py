"""Two ways to bring rows that go left before the others, compiled: they differ in the order."""

import numpy as np
from jaxtyping import UInt, UInt8

from disvae.metrics.estimators.compiling import compiled


@compiled
def partition(
    rows: UInt[np.ndarray, " n"],
    goes_left: UInt8[np.ndarray, " N"],
    n_left: int,
    parted: UInt[np.ndarray, " n"],
) -> None:
    """Write the rows that go left, then those that go right, each in the order of `rows`."""
    left = np.uint64(0)  # unsigned: no index can count from the end, which would be looked at
    for n in range(len(rows)):
        row = rows[n]
        is_left = np.uint64(goes_left[row])
        right = np.uint64(n_left) + np.uint64(n) - left
        parted[left if is_left else right] = row
        left += is_left


@compiled
def swap_apart(
    rows: UInt[np.ndarray, " n"],
    goes_left: UInt8[np.ndarray, " N"],
    parted: UInt[np.ndarray, " N"],
) -> None:
    """Bring the rows that go left before the others, as swaps with the end would."""
    low, high = np.uint64(0), np.uint64(len(rows))
    at = low
    for _ in range(len(rows)):
        row = rows[at]
        is_left = np.uint64(goes_left[row])
        high -= np.uint64(1) - is_left
        parted[low if is_left else high] = row
        low += is_left
        at = low if is_left else high
    for n in range(len(rows)):  # slices take long to compile
        rows[n] = parted[n]
