"""Trees of depth 3 that fit gradients, compiled.

Rows are sorted by each feature once a fit, and each tree hands that order down to its nodes by
stable partition, so that one pass with a running sum finds a feature's best split. Splits,
thresholds, steps and the random order that decides between equally good features are those of
scikit-learn's GradientBoostingClassifier; what differs is rounding.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8, UInt32
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

N_NODES = 15  # numbered like a heap: the children of n are 2n + 1 and 2n + 2
SPLIT = (0, 1, 3, 4, 2, 5, 6)  # the nodes above the lowest leaves, a left branch before the right
LEARNING_RATE = 0.1
CLOSE = np.float32(1e-7)  # values no farther apart are not told apart
PURE = np.finfo(np.float64).eps  # variance of gradients below which nothing is split
FLAT = 1e-150  # curvature below which no step is made


class Table(NamedTuple):
    """The rows to fit, as all trees read them."""

    values: Float32[np.ndarray, "D N"]
    order: UInt32[np.ndarray, "D N"]  # rows by each feature's values
    inverse: Float[np.ndarray, " N+1"]  # 1 / n


class Nodes(NamedTuple):
    """The nodes of one tree."""

    feature: Int[np.ndarray, " nodes"]  # -1 in a leaf
    threshold: Float[np.ndarray, " nodes"]
    start: Int[np.ndarray, " nodes"]  # where its rows stand in the order
    end: Int[np.ndarray, " nodes"]
    n_constant: Int[np.ndarray, " nodes"]  # features known to be constant in it
    total: Float[np.ndarray, " nodes"]  # of its rows' gradients
    variance: Float[np.ndarray, " nodes"]


class Desk(NamedTuple):
    """Where a tree is worked out."""

    below: UInt32[np.ndarray, "2 D N"]  # the order within the nodes of depth 1 and 2
    goes_left: UInt8[np.ndarray, " N"]
    leaf: UInt8[np.ndarray, " N"]
    features: Int[np.ndarray, " D"]  # in the order of drawing, the constant ones first
    constant: Int[np.ndarray, " D"]
    random: UInt32[np.ndarray, "1"]


def compiled(function: F) -> F:
    """Compile for this machine, without Python's lock; kept on disk where that can be written."""
    try:
        return cast("F", njit(cache=True, nogil=True)(function))
    except RuntimeError:
        return cast("F", njit(nogil=True)(function))


@compiled
def residuals(
    scores: Float[np.ndarray, "trees N"],
    labels: Int[np.ndarray, "K N"],
    first: Int[np.ndarray, " K+1"],
    start: int,
    end: int,
    gradients: Float[np.ndarray, "trees N"],
) -> None:
    """Write the negative gradients of the log loss of rows `start` to `end`.

    Factor k has the trees `first[k]` to `first[k + 1]`: one a value, or one for two values.
    """
    for k in range(len(labels)):
        low, high = first[k], first[k + 1]
        if high - low == 1:
            for i in range(start, end):
                gradients[low, i] = labels[k, i] - 1 / (1 + np.exp(-scores[low, i]))
        if high - low < 2:
            continue
        largest = scores[low, start:end].copy()
        for tree in range(low + 1, high):
            largest = np.maximum(largest, scores[tree, start:end])
        total = np.zeros(end - start)
        for tree in range(low, high):
            for i in range(start, end):
                part = np.exp(scores[tree, i] - largest[i - start])
                gradients[tree, i] = part
                total[i - start] += part
        for tree in range(low, high):
            for i in range(start, end):
                is_value = 1.0 if labels[k, i] == tree - low else 0.0
                gradients[tree, i] = is_value - gradients[tree, i] / total[i - start]


@compiled
def grow(
    first: int,
    last: int,
    seeds: UInt32[np.ndarray, " trees"],
    n_values: Int[np.ndarray, " trees"],
    table: Table,
    gradients: Float[np.ndarray, "trees N"],
    scores: Float[np.ndarray, "trees N"],
    test: Float32[np.ndarray, "M D"],
    test_scores: Float[np.ndarray, "trees M"],
    gains: Float[np.ndarray, "trees D"],
) -> None:
    """Grow trees `first` to `last`; add their steps to the scores, and their gains to `gains`."""
    n_features, n_rows = table.values.shape
    whole, real = np.empty((4, N_NODES), np.int64), np.empty((3, N_NODES))
    nodes = Nodes(whole[0], real[0], whole[1], whole[2], whole[3], real[1], real[2])
    desk = Desk(
        np.empty((2, n_features, n_rows), np.uint32),
        np.empty(n_rows, np.uint8),
        np.empty(n_rows, np.uint8),
        np.empty(n_features, np.int64),
        np.empty(n_features, np.int64),
        np.empty(1, np.uint32),
    )
    for tree in range(first, last):
        desk.random[0] = seeds[tree]
        _grow_one(gradients[tree], table, nodes, desk, gains[tree])
        step = _steps(gradients[tree], desk.leaf, n_values[tree])
        for i in range(n_rows):
            scores[tree, i] += step[desk.leaf[i]]
        for i in range(len(test)):
            node = 0
            while nodes.feature[node] >= 0:
                goes_left = test[i, nodes.feature[node]] <= nodes.threshold[node]
                node = 2 * node + (1 if goes_left else 2)
            test_scores[tree, i] += step[node]


@compiled
def _grow_one(
    gradient: Float[np.ndarray, " N"],
    table: Table,
    nodes: Nodes,
    desk: Desk,
    gains: Float[np.ndarray, " D"],
) -> None:
    """Grow one tree into `nodes`; leave each row's leaf on the desk."""
    n_features, n_rows = table.values.shape
    desk.features[:] = np.arange(n_features)
    nodes.feature[:] = -1
    nodes.start[:], nodes.end[:] = 0, 0
    total, squares = gradient.sum(), (gradient * gradient).sum()
    nodes.end[0], nodes.n_constant[0], nodes.total[0] = n_rows, 0, total
    nodes.variance[0] = squares / n_rows - (total / n_rows) ** 2
    for node in SPLIT:
        start, end = nodes.start[node], nodes.end[node]
        if start == end:
            continue
        depth = 0 if node == 0 else (1 if node < 3 else 2)
        order = table.order if depth == 0 else desk.below[depth - 1]
        feature, n_left, left = -1, 0, 0.0
        if end - start > 1 and nodes.variance[node] > PURE:
            feature, n_left, left = _best_split(gradient, table, order, nodes, node, desk)
        if feature < 0:
            for i in order[0, start:end]:
                desk.leaf[i] = node
            continue
        rows = order[feature, start:end]
        gains[feature] += _divide(gradient, table.values[feature], rows, n_left, left, nodes, node)
        nodes.feature[node] = feature
        if depth == 2:
            for i in rows[:n_left]:
                desk.leaf[i] = 2 * node + 1
            for i in rows[n_left:]:
                desk.leaf[i] = 2 * node + 2
            continue
        for i in rows[:n_left]:
            desk.goes_left[i] = 1
        for i in rows[n_left:]:
            desk.goes_left[i] = 0
        for j in range(n_features):
            _partition(order[j, start:end], desk.goes_left, n_left, desk.below[depth, j, start:end])


@compiled
def _best_split(
    gradient: Float[np.ndarray, " N"],
    table: Table,
    order: UInt32[np.ndarray, "D N"],
    nodes: Nodes,
    node: int,
    desk: Desk,
) -> tuple[int, int, float]:
    """Find the best feature (-1: none), how many rows go left, and the sum of their gradients.

    Features are drawn at random, also those known to be constant, and of equally good ones the
    first wins. Those found to be constant are passed on to the children.
    """
    start, end, total = nodes.start[node], nodes.end[node], nodes.total[node]
    size, features = end - start, desk.features
    best, n_left, sum_left, highest, nearly = -1, 0, 0.0, -np.inf, -np.inf
    n_known, n_found, n_passed, n_open = nodes.n_constant[node], 0, 0, len(features)
    while n_open > n_known + n_found:
        drawn = n_passed + _draw(desk.random) % (n_open - n_found - n_passed)
        if drawn < n_known:
            _swap(features, drawn, n_passed)
            n_passed += 1
            continue
        drawn += n_found
        feature = features[drawn]
        rows, values = order[feature, start:end], table.values[feature]
        if values[rows[size - 1]] <= values[rows[0]] + CLOSE:
            _swap(features, drawn, n_known + n_found)
            n_found += 1
            continue
        n_open -= 1
        _swap(features, drawn, n_open)
        left = 0.0
        for n in range(1, size):
            left += gradient[rows[n - 1]]
            right = total - left
            about = left * left * table.inverse[n] + right * right * table.inverse[size - n]
            if about >= nearly and values[rows[n]] > values[rows[n - 1]] + CLOSE:
                explained = left * left / n + right * right / (size - n)
                if explained > highest:
                    best, n_left, sum_left, highest = feature, n, left, explained
                    nearly = highest * (1 - 1e-14)
    n_constant = n_known + n_found
    features[:n_known] = desk.constant[:n_known]
    desk.constant[n_known:n_constant] = features[n_known:n_constant]
    nodes.n_constant[node] = n_constant
    return best, n_left, sum_left


@compiled
def _divide(
    gradient: Float[np.ndarray, " N"],
    values: Float32[np.ndarray, " N"],
    rows: UInt32[np.ndarray, " n"],
    n_left: int,
    left: float,
    nodes: Nodes,
    node: int,
) -> float:
    """Make the children of a node; return by how much that lowers the squared deviation."""
    size, n_right = len(rows), len(rows) - n_left
    low, high = np.float64(values[rows[n_left - 1]]), np.float64(values[rows[n_left]])
    nodes.threshold[node] = low / 2 + high / 2
    squares = 0.0
    for i in rows[:n_left]:
        squares += gradient[i] * gradient[i]
    right = nodes.total[node] - left
    rest = (nodes.variance[node] + (nodes.total[node] / size) ** 2) * size - squares
    one, other = 2 * node + 1, 2 * node + 2
    nodes.total[one], nodes.total[other] = left, right
    nodes.variance[one] = squares / n_left - (left / n_left) ** 2
    nodes.variance[other] = rest / n_right - (right / n_right) ** 2
    middle = nodes.start[node] + n_left
    nodes.start[one], nodes.end[one] = nodes.start[node], middle
    nodes.start[other], nodes.end[other] = middle, nodes.end[node]
    nodes.n_constant[one] = nodes.n_constant[other] = nodes.n_constant[node]
    deviations = n_left * nodes.variance[one] + n_right * nodes.variance[other]
    return float(size * nodes.variance[node] - deviations)


@compiled
def _partition(
    rows: UInt32[np.ndarray, " n"],
    goes_left: UInt8[np.ndarray, " N"],
    n_left: int,
    parted: UInt32[np.ndarray, " n"],
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
def _steps(
    gradient: Float[np.ndarray, " N"], leaf: UInt8[np.ndarray, " N"], n_values: int
) -> Float[np.ndarray, " nodes"]:
    """Return the Newton step of each leaf, times the learning rate."""
    slope, curvature, step = np.zeros((3, N_NODES))
    for i in range(len(gradient)):
        size = abs(gradient[i])
        slope[leaf[i]] += gradient[i]
        curvature[leaf[i]] += size * (1 - size)
    if n_values > 2:
        slope *= (n_values - 1) / n_values
    for node in range(N_NODES):
        if curvature[node] >= FLAT:
            step[node] = LEARNING_RATE * (slope[node] / curvature[node])
    return step


@compiled
def _draw(state: UInt32[np.ndarray, "1"]) -> int:
    """Draw from 0 to 2^31 - 1 by Marsaglia's xorshift of 32 bits."""
    bits = state[0] if state[0] else np.uint32(1)
    bits ^= np.uint32(bits << np.uint32(13))
    bits ^= np.uint32(bits >> np.uint32(17))
    bits ^= np.uint32(bits << np.uint32(5))
    state[0] = bits
    return int(bits & np.uint32(0x7FFFFFFF))


@compiled
def _swap(array: Int[np.ndarray, " n"], one: int, other: int) -> None:
    array[one], array[other] = array[other], array[one]
