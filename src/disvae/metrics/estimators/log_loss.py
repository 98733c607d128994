"""The log loss that boosted trees lower: its gradients, and the steps that leaves make, compiled.

All sums are in the order of scikit-learn's, so that results are the same to the last bit.
"""

import math

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from disvae.metrics.estimators.compiling import compiled
from disvae.metrics.estimators.trees import DEPTH, N_NODES

LEARNING_RATE = 0.1
FLAT = 1e-150  # curvature below which no step is made
BLOCK = 256  # rows that stay in the cache


@compiled
def residuals(
    start: int,
    end: int,
    scores: Float[np.ndarray, "trees N"],
    labels: Int[np.ndarray, "K N"],
    first: Int[np.ndarray, " K+1"],
    gradients: Float[np.ndarray, "trees N"],
) -> None:
    """Write the negative gradients of the log loss of rows `start` to `end`.

    Factor k has the trees `first[k]` to `first[k + 1]`: one a value, or one for two values.
    """
    largest, total = np.empty(BLOCK), np.empty(BLOCK)
    for begin in range(start, end, BLOCK):  # what is read again is still in the cache
        rows = range(begin, min(begin + BLOCK, end))
        for k in range(len(labels)):
            low, high = first[k], first[k + 1]
            if high - low == 1:
                for i in rows:
                    part = math.exp(-scores[low, i])
                    gradients[low, i] = -(((1 - labels[k, i]) - labels[k, i] * part) / (1 + part))
                continue
            largest[:], total[:] = -np.inf, 0.0
            for tree in range(low, high):
                for i in rows:
                    largest[i - begin] = max(largest[i - begin], scores[tree, i])
            for tree in range(low, high):
                for i in rows:
                    gradients[tree, i] = math.exp(scores[tree, i] - largest[i - begin])
                    total[i - begin] += gradients[tree, i]
            for tree in range(low, high):
                for i in rows:
                    is_value = 1.0 if labels[k, i] == tree - low else 0.0
                    gradients[tree, i] = is_value - gradients[tree, i] / total[i - begin]


@compiled
def add_steps(
    first: int,
    last: int,
    shrink: Float[np.ndarray, " trees"],
    gradients: Float[np.ndarray, "trees N"],
    leaf: UInt8[np.ndarray, "trees N"],
    scores: Float[np.ndarray, "trees N"],
    nodes: np.ndarray,
    test: Float32[np.ndarray, "M D"],
    test_scores: Float[np.ndarray, "trees M"],
) -> None:
    """Add to the scores of each row the step of its leaf, in trees `first` to `last`."""
    n_rows = gradients.shape[1]
    slopes, bends = np.empty(n_rows), np.empty(n_rows)
    test_leaf = np.empty(len(test), np.uint8)
    places, steps = np.empty(N_NODES + 1, np.int64), np.empty(N_NODES)
    for t in range(first, last):
        places[:] = 0
        for i in range(n_rows):
            places[leaf[t, i]] += 1
        for node in range(N_NODES):
            places[node + 1] += places[node]
        for i in range(n_rows - 1, -1, -1):  # leaf by leaf, in their order
            places[leaf[t, i]] -= 1
            place, slope = places[leaf[t, i]], gradients[t, i]
            share = (slope > 0) - slope
            slopes[place], bends[place] = slope, share * (1 - share)
        for node in range(N_NODES):
            start, end = places[node], places[node + 1]
            if end > start:
                rise, bend = _mean(slopes[start:end]) * shrink[t], _mean(bends[start:end])
                steps[node] = LEARNING_RATE * (rise / bend) if bend >= FLAT else 0.0
        for i in range(n_rows):
            scores[t, i] += steps[leaf[t, i]]
        _place(test, nodes[t], test_leaf)
        for i in range(len(test)):
            test_scores[t, i] += steps[test_leaf[i]]


@compiled
def _place(
    rows: Float32[np.ndarray, "M D"], nodes: np.ndarray, leaf: UInt8[np.ndarray, " M"]
) -> None:
    """Write the leaf of each of other rows; without branches, which no processor could foresee."""
    feature, threshold = np.zeros(N_NODES, np.uint64), np.full(N_NODES, np.inf)
    found = np.zeros(N_NODES, np.uint8)  # the leaf, at or above a node
    for node in range(1, N_NODES):
        above = (node - 1) // 2
        if nodes[above].feature < 0:
            found[node] = found[above]
        else:
            found[node] = node
            feature[above], threshold[above] = nodes[above].feature, nodes[above].threshold
    for i in range(len(rows)):
        at = np.uint64(0)
        for _ in range(DEPTH):
            goes_right = np.uint64(rows[i, feature[at]] > threshold[at])
            at += at + np.uint64(1) + goes_right
        leaf[i] = found[at]


@compiled
def _mean(values: Float[np.ndarray, " n"]) -> float:
    return float(_sum(values) / len(values))


@compiled
def _sum(values: Float[np.ndarray, " n"]) -> float:
    """Add up in the order of NumPy's sum."""
    size = len(values)
    if size > 128:
        half = size // 2 // 8 * 8
        return _sum(values[:half]) + _sum(values[half:])
    part, whole = np.zeros(8), size // 8 * 8
    for i in range(0, whole, 8):
        for lane in range(8):
            part[lane] += values[i + lane]
    total = part[0] + part[1] + (part[2] + part[3]) + (part[4] + part[5] + (part[6] + part[7]))
    for i in range(whole, size):
        total += values[i]
    return float(total)
