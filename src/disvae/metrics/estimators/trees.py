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
from jaxtyping import Float, Float32, Int, UInt8, UInt32
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

N_NODES = 15  # numbered like a heap: the children of n are 2n + 1 and 2n + 2
INNER = (0, 1, 3, 4, 2, 5, 6)  # above the lowest leaves, a left branch before the right one
LEARNING_RATE = 0.1
CLOSE = np.float32(1e-7)  # values no farther apart are not told apart
PURE = np.finfo(np.float64).eps  # variance of gradients below which nothing is split
FLAT = 1e-150  # curvature below which no step is made
ROUNDING = 1e-14  # more than that of a product


class Tree(NamedTuple):
    """A tree at work: the rows that all trees read, its nodes, and scratch paper."""

    values: Float32[np.ndarray, "D N"]
    order: UInt32[np.ndarray, "3 D N"]  # rows by each feature's values, within nodes of a depth
    longest: Int[np.ndarray, " D"]  # run of rows that a feature does not tell apart
    inverse: Float[np.ndarray, " N+1"]  # 1 / n
    feature: Int[np.ndarray, " nodes"]  # -1 in a leaf
    threshold: Float[np.ndarray, " nodes"]
    start: Int[np.ndarray, " nodes"]  # where its rows stand
    end: Int[np.ndarray, " nodes"]
    n_constant: Int[np.ndarray, " nodes"]  # features known to be constant in it
    variance: Float[np.ndarray, " nodes"]  # of its rows' gradients
    rows: UInt32[np.ndarray, " N"]  # node by node, in the order of sums
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
        for i in range(start, end):
            if high - low == 1:
                part = np.exp(-scores[low, i])
                gradients[low, i] = -(((1 - labels[k, i]) - labels[k, i] * part) / (1 + part))
            elif high > low:
                largest, total = scores[low:high, i].max(), 0.0
                for tree in range(low, high):
                    gradients[tree, i] = np.exp(scores[tree, i] - largest)
                    total += gradients[tree, i]
                for tree in range(low, high):
                    is_value = 1.0 if labels[k, i] == tree - low else 0.0
                    gradients[tree, i] = is_value - gradients[tree, i] / total


@compiled
def grow(
    first: int,
    last: int,
    seeds: UInt32[np.ndarray, " trees"],
    shrink: Float[np.ndarray, " trees"],
    values: Float32[np.ndarray, "D N"],
    order: UInt32[np.ndarray, "D N"],
    longest: Int[np.ndarray, " D"],
    gradients: Float[np.ndarray, "trees N"],
    scores: Float[np.ndarray, "trees N"],
    test: Float32[np.ndarray, "M D"],
    test_scores: Float[np.ndarray, "trees M"],
    gains: Float[np.ndarray, "trees D"],
) -> None:
    """Grow trees `first` to `last`; add their steps to the scores, and their gains to `gains`.

    `order` has the rows by each feature's values, `longest` how many of them are equal at most.
    """
    n_features, n_rows = values.shape
    orders = np.empty((3, n_features, n_rows), np.uint32)
    orders[0] = order
    whole, real = np.empty((4, N_NODES), np.int64), np.empty((2, N_NODES))
    inverse = 1 / np.maximum(np.arange(n_rows + 1), 1)
    flags, drawn = np.empty((2, n_rows), np.uint8), np.empty((2, n_features), np.int64)
    nodes = (whole[0], real[0], whole[1], whole[2], whole[3], real[1])
    paper = (np.empty(n_rows, np.uint32), flags[0], flags[1], drawn[0], drawn[1])
    tree = Tree(values, orders, longest, inverse, *nodes, *paper, np.empty(1, np.uint32))
    for t in range(first, last):
        tree.random[0] = seeds[t]
        _grow_one(gradients[t], tree, gains[t])
        step = np.zeros(N_NODES)
        for node in range(N_NODES):
            if tree.feature[node] < 0 and tree.end[node] > tree.start[node]:
                step[node] = LEARNING_RATE * _step(gradients[t][tree.leaf == node], shrink[t])
        for i in range(n_rows):
            scores[t, i] += step[tree.leaf[i]]
        for i in range(len(test)):
            node = 0
            while tree.feature[node] >= 0:
                goes_left = test[i, tree.feature[node]] <= tree.threshold[node]
                node = 2 * node + (1 if goes_left else 2)
            test_scores[t, i] += step[node]


@compiled
def _grow_one(
    gradient: Float[np.ndarray, " N"], tree: Tree, gains: Float[np.ndarray, " D"]
) -> None:
    """Grow one tree; leave each row's leaf on it."""
    n_features, n_rows = tree.values.shape
    tree.features[:] = np.arange(n_features)
    tree.rows[:] = np.arange(n_rows)
    tree.feature[:], tree.start[:], tree.end[:] = -1, 0, 0
    tree.end[0], tree.n_constant[0], tree.variance[0] = n_rows, 0, np.inf
    for node in INNER:
        start, end = tree.start[node], tree.end[node]
        if end - start < 2 or tree.variance[node] <= PURE:
            continue
        total, squares = 0.0, 0.0
        for i in tree.rows[start:end]:
            total += gradient[i]
            squares += gradient[i] * gradient[i]
        if node == 0:
            tree.variance[0] = squares / n_rows - (total / n_rows) ** 2
            if tree.variance[0] <= PURE:
                continue
        depth = 0 if node == 0 else (1 if node < 3 else 2)
        order = tree.order[depth]
        feature, n_left, sorted_by = _best_split(gradient, total, order, tree, node)
        if sorted_by >= 0:
            tree.rows[start:end] = order[sorted_by, start:end]
        if feature < 0:
            continue
        ordered, values = order[feature, start:end], tree.values[feature]
        below, above = values[ordered[n_left - 1]], values[ordered[n_left]]
        tree.feature[node] = feature
        tree.threshold[node] = np.float64(below) / 2 + np.float64(above) / 2
        for n in range(end - start):
            tree.goes_left[ordered[n]] = n < n_left
        _swap_apart(tree.rows[start:end], tree.goes_left)
        gains[feature] += _divide(gradient, n_left, total, squares, tree, node)
        if depth < 2:
            for j in range(n_features):
                parted = tree.order[depth + 1, j, start:end]
                _partition(order[j, start:end], tree.goes_left, n_left, parted)
    for node in range(N_NODES):
        if tree.feature[node] < 0:
            for i in tree.rows[tree.start[node] : tree.end[node]]:
                tree.leaf[i] = node


@compiled
def _best_split(
    gradient: Float[np.ndarray, " N"],
    total: float,
    order: UInt32[np.ndarray, "D N"],
    tree: Tree,
    node: int,
) -> tuple[int, int, int]:
    """Find the best feature (-1: none) and how many rows go left; tell the last one sorted by.

    Features are drawn at random, also those known to be constant, and of equally good ones the
    first wins. Those found to be constant are passed on to the children.
    """
    start, end, features = tree.start[node], tree.end[node], tree.features
    size, best, n_left, sorted_by, highest, nearly = end - start, -1, 0, -1, -np.inf, -np.inf
    n_known, n_found, n_passed, n_open = tree.n_constant[node], 0, 0, len(features)
    while n_open > n_known + n_found:
        drawn = n_passed + _draw(tree.random) % (n_open - n_found - n_passed)
        if drawn < n_known:
            features[drawn], features[n_passed] = features[n_passed], features[drawn]
            n_passed += 1
            continue
        drawn += n_found
        feature = features[drawn]
        rows, values = order[feature, start:end], tree.values[feature]
        lowest, largest = values[rows[0]], values[rows[size - 1]]
        if largest != lowest:
            sorted_by = feature
        if largest <= lowest + CLOSE:
            place = n_known + n_found
            n_found += 1
        else:
            place = n_open = n_open - 1
            left, risky = 0.0, max(size - 2 * tree.longest[feature], 1)
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
                about = left * left * tree.inverse[n] + right * right * tree.inverse[size - n]
                if about >= nearly and values[rows[n]] > values[rows[n - 1]] + CLOSE:
                    explained = left * left / n + right * right / (size - n)
                    if explained > highest:
                        best, n_left, highest = feature, n, explained
                        nearly = highest * (1 - ROUNDING)
        features[drawn], features[place] = features[place], feature
    n_constant = n_known + n_found
    features[:n_known] = tree.constant[:n_known]
    tree.constant[n_known:n_constant] = features[n_known:n_constant]
    tree.n_constant[node] = n_constant
    return best, n_left, sorted_by


@compiled
def _divide(
    gradient: Float[np.ndarray, " N"],
    n_left: int,
    total: float,
    squares: float,
    tree: Tree,
    node: int,
) -> float:
    """Make the children of a node; return by how much that lowers the squared deviation."""
    start, end = tree.start[node], tree.end[node]
    middle, n_right = start + n_left, end - start - n_left
    squares_left, left = 0.0, 0.0 if n_left <= n_right else total
    for i in tree.rows[start:middle]:
        squares_left += gradient[i] * gradient[i]
        if n_left <= n_right:
            left += gradient[i]
    if n_left > n_right:
        for i in tree.rows[middle:end][::-1]:
            left -= gradient[i]
    one, other = 2 * node + 1, 2 * node + 2
    tree.variance[one] = squares_left / n_left - (left / n_left) ** 2
    tree.variance[other] = (squares - squares_left) / n_right - ((total - left) / n_right) ** 2
    tree.start[one], tree.end[one] = start, middle
    tree.start[other], tree.end[other] = middle, end
    tree.n_constant[one] = tree.n_constant[other] = tree.n_constant[node]
    deviations = n_left * tree.variance[one] + n_right * tree.variance[other]
    return float((end - start) * tree.variance[node] - deviations)


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
            rows[low], rows[high] = rows[high], rows[low]


@compiled
def _step(slope: Float[np.ndarray, " n"], shrink: float) -> float:
    """Return the Newton step of a leaf, from the gradients of its rows."""
    share = (slope > 0) - slope
    rise = _sum(slope) / len(slope) * shrink
    bend = _sum(share * (1 - share)) / len(slope)
    return rise / bend if bend >= FLAT else 0.0


@compiled
def _sum(values: Float[np.ndarray, " n"]) -> float:
    """Add up in the order of NumPy's sum."""
    size = len(values)
    if size > 128:
        half = size // 2 // 8 * 8
        return _sum(values[:half]) + _sum(values[half:])
    total, whole = 0.0, size // 8 * 8
    if whole:
        part = values[:8].copy()
        for i in range(8, whole, 8):
            part += values[i : i + 8]
        total = part[0] + part[1] + (part[2] + part[3]) + (part[4] + part[5] + (part[6] + part[7]))
    for value in values[whole:]:
        total += value
    return total


@compiled
def _draw(state: UInt32[np.ndarray, "1"]) -> int:
    """Draw from 0 to 2^31 - 1 by Marsaglia's xorshift of 32 bits."""
    bits = state[0] if state[0] else np.uint32(1)
    bits ^= np.uint32(bits << np.uint32(13))
    bits ^= np.uint32(bits >> np.uint32(17))
    bits ^= np.uint32(bits << np.uint32(5))
    state[0] = bits
    return int(bits & np.uint32(0x7FFFFFFF))
