"""Trees of depth 3 that fit gradients, compiled.

The trees are those of scikit-learn's GradientBoostingClassifier, to the last bit where no two
values of a feature are equal: its splits, thresholds and steps, the order of its sums, and the
random order of features that decides between equally good splits. What differs is the time: rows
are sorted by each feature once a fit, and each tree hands that order down to its nodes by stable
partition, so that one pass with a running sum finds a feature's best split.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from jaxtyping import Float, Float32, Int, Shaped, UInt8, UInt32
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

N_NODES = 15  # numbered like a heap: the children of n are 2n + 1 and 2n + 2
INNER = (0, 1, 3, 4, 2, 5, 6)  # above the lowest leaves, a left branch before the right one
LEARNING_RATE = 0.1
CLOSE = np.float32(1e-7)  # values no farther apart are not told apart
PURE = np.finfo(np.float64).eps  # variance of gradients below which nothing is split
FLAT = 1e-150  # curvature below which no step is made
ROUNDING = 1e-14  # more than that of a product


class Table(NamedTuple):
    """The rows to fit, as all trees read them."""

    values: Float32[np.ndarray, "D N"]
    order: UInt32[np.ndarray, "D N"]  # rows by each feature's values
    longest: Int[np.ndarray, " D"]  # run of rows that a feature does not tell apart
    inverse: Float[np.ndarray, " N+1"]  # 1 / n


class Nodes(NamedTuple):
    """The nodes of one tree."""

    feature: Int[np.ndarray, " nodes"]  # -1 in a leaf
    threshold: Float[np.ndarray, " nodes"]
    start: Int[np.ndarray, " nodes"]  # where its rows stand
    end: Int[np.ndarray, " nodes"]
    n_constant: Int[np.ndarray, " nodes"]  # features known to be constant in it
    variance: Float[np.ndarray, " nodes"]  # of its rows' gradients


class Desk(NamedTuple):
    """Where a tree is worked out."""

    rows: UInt32[np.ndarray, " N"]  # node by node, in the order of sums
    below: UInt32[np.ndarray, "2 D N"]  # rows by features, within the nodes of depth 1 and 2
    goes_left: UInt8[np.ndarray, " N"]
    leaf: UInt8[np.ndarray, " N"]
    features: Int[np.ndarray, " D"]  # as they are drawn, the constant ones first
    constant: Int[np.ndarray, " D"]
    random: UInt32[np.ndarray, "1"]


def compiled(function: F) -> F:
    """Compile for this machine, without Python's lock; kept on disk where that can be written."""
    try:
        return cast("F", njit(cache=True, nogil=True)(function))
    except RuntimeError:
        return cast("F", njit(nogil=True)(function))


def make_table(values: Float32[np.ndarray, "D N"]) -> Table:
    """Sort the rows."""
    order = np.argsort(values, axis=1, kind="stable").astype(np.uint32)
    ordered = np.take_along_axis(values, order, axis=1)
    apart = np.pad(ordered[:, 1:] > ordered[:, :-1] + CLOSE, ((0, 0), (1, 1)), constant_values=True)
    longest = np.array([np.diff(np.flatnonzero(each)).max() for each in apart])
    return Table(values, order, longest, 1 / np.maximum(np.arange(values.shape[1] + 1), 1))


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
                part = np.exp(-scores[low, i])
                gradients[low, i] = -(((1 - labels[k, i]) - labels[k, i] * part) / (1 + part))
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
    shrink: Float[np.ndarray, " trees"],
    table: Table,
    gradients: Float[np.ndarray, "trees N"],
    scores: Float[np.ndarray, "trees N"],
    test: Float32[np.ndarray, "M D"],
    test_scores: Float[np.ndarray, "trees M"],
    gains: Float[np.ndarray, "trees D"],
) -> None:
    """Grow trees `first` to `last`; add their steps to the scores, and their gains to `gains`."""
    n_features, n_rows = table.values.shape
    whole, real = np.empty((4, N_NODES), np.int64), np.empty((2, N_NODES))
    nodes = Nodes(whole[0], real[0], whole[1], whole[2], whole[3], real[1])
    desk = Desk(
        np.empty(n_rows, np.uint32),
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
        step = _steps(gradients[tree], desk.leaf, shrink[tree])
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
    desk.rows[:] = np.arange(n_rows)
    nodes.feature[:], nodes.start[:], nodes.end[:] = -1, 0, 0
    nodes.end[0], nodes.n_constant[0], nodes.variance[0] = n_rows, 0, np.inf
    for node in INNER:
        start, end = nodes.start[node], nodes.end[node]
        if end - start < 2 or nodes.variance[node] <= PURE:
            continue
        total, squares = 0.0, 0.0
        for i in desk.rows[start:end]:
            total += gradient[i]
            squares += gradient[i] * gradient[i]
        if node == 0:
            nodes.variance[0] = squares / n_rows - (total / n_rows) ** 2
            if nodes.variance[0] <= PURE:
                continue
        depth = 0 if node == 0 else (1 if node < 3 else 2)
        order = table.order if depth == 0 else desk.below[depth - 1]
        feature, n_left, sorted_by = _best_split(gradient, total, table, order, nodes, node, desk)
        if sorted_by >= 0:
            desk.rows[start:end] = order[sorted_by, start:end]
        if feature < 0:
            continue
        ordered = order[feature, start:end]
        for n in range(end - start):
            desk.goes_left[ordered[n]] = n < n_left
        _swap_apart(desk.rows[start:end], desk.goes_left)
        below, above = (
            table.values[feature, ordered[n_left - 1]],
            table.values[feature, ordered[n_left]],
        )
        nodes.feature[node] = feature
        nodes.threshold[node] = np.float64(below) / 2 + np.float64(above) / 2
        gains[feature] += _divide(gradient, desk.rows, n_left, total, squares, nodes, node)
        if depth < 2:
            for j in range(n_features):
                parted = desk.below[depth, j, start:end]
                _partition(order[j, start:end], desk.goes_left, n_left, parted)
    for node in range(N_NODES):
        if nodes.feature[node] < 0:
            for i in desk.rows[nodes.start[node] : nodes.end[node]]:
                desk.leaf[i] = node


@compiled
def _best_split(
    gradient: Float[np.ndarray, " N"],
    total: float,
    table: Table,
    order: UInt32[np.ndarray, "D N"],
    nodes: Nodes,
    node: int,
    desk: Desk,
) -> tuple[int, int, int]:
    """Find the best feature (-1: none) and how many rows go left; tell the last one sorted by.

    Features are drawn at random, also those known to be constant, and of equally good ones the
    first wins. Those found to be constant are passed on to the children.
    """
    start, end = nodes.start[node], nodes.end[node]
    size, features = end - start, desk.features
    best, n_left, sorted_by, highest, nearly = -1, 0, -1, -np.inf, -np.inf
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
        lowest, largest = values[rows[0]], values[rows[size - 1]]
        if largest != lowest:
            sorted_by = feature
        if largest <= lowest + CLOSE:
            _swap(features, drawn, n_known + n_found)
            n_found += 1
            continue
        n_open -= 1
        _swap(features, drawn, n_open)
        left, risky = 0.0, max(size - 2 * table.longest[feature], 1)
        at = risky - 1
        for n in range(1, size):
            left += gradient[rows[n - 1]]
            if n >= risky:  # a run of equal values may be longer than what is left behind it
                if values[rows[n]] <= values[rows[n - 1]] + CLOSE:
                    continue
                if n - at > size - n:
                    left = total
                    for m in range(size - 1, n - 1, -1):
                        left -= gradient[rows[m]]
                at = n
            right = total - left
            # divisions take longer than all else here
            about = left * left * table.inverse[n] + right * right * table.inverse[size - n]
            if about >= nearly and values[rows[n]] > values[rows[n - 1]] + CLOSE:
                explained = left * left / n + right * right / (size - n)
                if explained > highest:
                    best, n_left, highest = feature, n, explained
                    nearly = highest * (1 - ROUNDING)
    n_constant = n_known + n_found
    features[:n_known] = desk.constant[:n_known]
    desk.constant[n_known:n_constant] = features[n_known:n_constant]
    nodes.n_constant[node] = n_constant
    return best, n_left, sorted_by


@compiled
def _divide(
    gradient: Float[np.ndarray, " N"],
    rows: UInt32[np.ndarray, " N"],
    n_left: int,
    total: float,
    squares: float,
    nodes: Nodes,
    node: int,
) -> float:
    """Make the children of a node; return by how much that lowers the squared deviation."""
    start, end = nodes.start[node], nodes.end[node]
    middle, n_right = start + n_left, end - start - n_left
    squares_left, left = 0.0, 0.0 if n_left <= n_right else total
    for i in rows[start:middle]:
        squares_left += gradient[i] * gradient[i]
        if n_left <= n_right:
            left += gradient[i]
    if n_left > n_right:
        for i in rows[middle:end][::-1]:
            left -= gradient[i]
    squares_right, right = squares - squares_left, total - left
    one, other = 2 * node + 1, 2 * node + 2
    nodes.variance[one] = squares_left / n_left - (left / n_left) ** 2
    nodes.variance[other] = squares_right / n_right - (right / n_right) ** 2
    nodes.start[one], nodes.end[one] = start, middle
    nodes.start[other], nodes.end[other] = middle, end
    nodes.n_constant[one] = nodes.n_constant[other] = nodes.n_constant[node]
    deviations = n_left * nodes.variance[one] + n_right * nodes.variance[other]
    return float((end - start) * nodes.variance[node] - deviations)


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
def _swap_apart(rows: UInt32[np.ndarray, " n"], goes_left: UInt8[np.ndarray, " N"]) -> None:
    """Bring the rows that go left before the others, by swaps with the end."""
    low, high = 0, len(rows)
    while low < high:
        if goes_left[rows[low]]:
            low += 1
        else:
            high -= 1
            _swap(rows, low, high)


@compiled
def _steps(
    gradient: Float[np.ndarray, " N"], leaf: UInt8[np.ndarray, " N"], shrink: float
) -> Float[np.ndarray, " nodes"]:
    """Return the Newton step of each leaf, times the learning rate."""
    start = np.zeros(N_NODES + 1, np.int64)
    for node in leaf:
        start[node + 1] += 1
    start = np.cumsum(start)
    place = start.copy()
    slope, curvature = np.empty((2, len(gradient)))
    for i in range(len(gradient)):
        share = (1.0 if gradient[i] > 0 else 0.0) - gradient[i]
        at = place[leaf[i]]
        slope[at], curvature[at] = gradient[i], share * (1 - share)
        place[leaf[i]] += 1
    step = np.zeros(N_NODES)
    for node in range(N_NODES):
        low, high = start[node], start[node + 1]
        if high > low:
            rise = _sum(slope, low, high) / (high - low) * shrink
            bend = _sum(curvature, low, high) / (high - low)
            if bend >= FLAT:
                step[node] = LEARNING_RATE * (rise / bend)
    return step


@compiled
def _sum(values: Float[np.ndarray, " N"], start: int, end: int) -> float:
    """Add up a part of `values`, in the order of NumPy's sum."""
    size = end - start
    if size > 128:
        middle = start + size // 2 // 8 * 8
        return _sum(values, start, middle) + _sum(values, middle, end)
    if size < 8:
        total = -0.0
        for i in range(start, end):
            total += values[i]
        return total
    rest = end - size % 8
    part = values[start : start + 8].copy()
    for i in range(start + 8, rest, 8):
        part += values[i : i + 8]
    total = part[0] + part[1] + (part[2] + part[3]) + (part[4] + part[5] + (part[6] + part[7]))
    for i in range(rest, end):
        total += values[i]
    return float(total)


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
def _swap(array: Shaped[np.ndarray, " n"], one: int, other: int) -> None:
    array[one], array[other] = array[other], array[one]
