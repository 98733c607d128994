"""Trees of depth 3 that fit gradients, compiled.

The trees are those of scikit-learn's GradientBoostingClassifier, to the last bit where no two
values of a feature are equal: its splits and thresholds, the order of its sums, and the random
order of features that decides between equally good splits. What differs is the time: rows are
sorted by each feature once a fit, and each tree hands that order down to its nodes by stable
partition, so that one pass with a running sum finds a feature's best split.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int, UInt, UInt8, UInt32

from disvae.metrics.estimators.compiling import compiled
from disvae.metrics.estimators.partition import partition, swap_apart

DEPTH = 3
N_NODES = 2 ** (DEPTH + 1) - 1  # numbered like a heap: the children of n are 2n + 1 and 2n + 2
INNER = (0, 1, 3, 4, 2, 5, 6)  # above the lowest leaves, a left branch before the right one
NODE = np.dtype(
    [
        ("feature", np.int64),  # -1 in a leaf
        ("threshold", np.float64),
        ("start", np.int64),  # where its rows stand
        ("end", np.int64),
        ("n_constant", np.int64),  # features known to be constant in it
        ("variance", np.float64),  # of its rows' gradients
    ]
)
CLOSE = np.float32(1e-7)  # values no farther apart are not told apart
PURE = np.finfo(np.float64).eps  # variance of gradients below which nothing is split
ROUNDING = 1e-14  # more than that of a product
BLOCK = 512  # splits that are looked at together


class Tree(NamedTuple):
    """A tree at work: its nodes, and scratch paper (of this name only: caches on disk know it)."""

    values: Float32[np.ndarray, "D N"]
    longest: Int[np.ndarray, " D"]  # run of rows that a feature does not tell apart
    order: UInt[np.ndarray, "depth D N"]  # rows by each feature's values, within nodes of a depth
    rows: UInt[np.ndarray, " N"]  # node by node, in the order of sums
    parted: UInt[np.ndarray, " N"]
    goes_left: UInt8[np.ndarray, " N"]
    features: Int[np.ndarray, "2 D"]  # as they are drawn, constant ones first; these alone
    random: UInt32[np.ndarray, "1"]
    inverse: Float[np.ndarray, "2 N+1"]  # 1 / n, and the same from the end
    sums: Float[np.ndarray, " block"]
    about: Float[np.ndarray, " block"]


def make_tree(values: Float32[np.ndarray, "D N"]) -> Tree:
    """Make one that reads such rows, to be grown and regrown by one thread at a time."""
    n_features, n_rows = values.shape
    sorted_rows = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, sorted_rows, axis=1)
    apart = np.ones((n_features, n_rows + 1), bool)
    apart[:, 1:-1] = ordered[:, 1:] > ordered[:, :-1] + CLOSE
    longest = np.array([np.diff(np.flatnonzero(each)).max() for each in apart])
    # short numbers, so that more of them stay in the cache
    order = np.empty((DEPTH, n_features, n_rows), np.uint16 if n_rows <= 2**16 else np.uint32)
    order[0] = sorted_rows
    rows, parted = np.empty((2, n_rows), order.dtype)
    inverse = 1 / np.maximum(np.arange(n_rows + 1), 1)
    sums, about = np.empty((2, BLOCK))
    return Tree(
        values, longest, order, rows, parted, np.empty(n_rows, np.uint8),
        np.empty((2, n_features), np.int64), np.empty(1, np.uint32),
        np.stack([inverse, inverse[::-1]]), sums, about,
    )  # fmt: skip


@compiled
def grow(
    first: int,
    last: int,
    seeds: UInt32[np.ndarray, " trees"],
    gradients: Float[np.ndarray, "trees N"],
    tree: Tree,
    nodes: np.ndarray,
    leaf: UInt8[np.ndarray, "trees N"],
    gains: Float[np.ndarray, "trees D"],
) -> None:
    """Grow trees `first` to `last`; write their nodes and each row's leaf, add to the gains."""
    for t in range(first, last):
        tree.random[0] = seeds[t]
        _grow_one(gradients[t], tree, nodes[t], gains[t])
        for node in range(N_NODES):
            if nodes[t, node].feature < 0:
                for i in tree.rows[nodes[t, node].start : nodes[t, node].end]:
                    leaf[t, i] = node


@compiled
def _grow_one(
    gradient: Float[np.ndarray, " N"],
    tree: Tree,
    nodes: np.ndarray,
    gains: Float[np.ndarray, " D"],
) -> None:
    """Grow one tree."""
    values, rows, goes_left = tree.values, tree.rows, tree.goes_left
    for feature in range(len(values)):
        tree.features[0, feature] = feature
    for row in range(len(rows)):
        rows[row] = row
    for node in range(N_NODES):
        nodes[node].feature, nodes[node].start, nodes[node].end = -1, 0, 0
    nodes[0].end, nodes[0].n_constant, nodes[0].variance = len(rows), 0, np.inf
    for node in INNER:
        start, end = nodes[node].start, nodes[node].end
        size = end - start
        if size < 2 or nodes[node].variance <= PURE:
            continue
        total, squares = 0.0, 0.0
        for i in range(start, end):
            total += gradient[rows[i]]
            squares += gradient[rows[i]] * gradient[rows[i]]
        if node == 0:
            nodes[0].variance = squares / size - (total / size) ** 2
            if nodes[0].variance <= PURE:
                continue
        depth = 0 if node == 0 else (1 if node < 3 else 2)
        order = tree.order[depth]
        feature, n_left, sorted_by = _best_split(gradient, total, order, tree, nodes[node])
        if sorted_by >= 0:
            for i in range(start, end):
                rows[i] = order[sorted_by, i]
        if feature < 0:
            continue
        below, above = order[feature, start + n_left - 1], order[feature, start + n_left]
        nodes[node].feature = feature
        threshold = np.float64(values[feature, below]) / 2 + np.float64(values[feature, above]) / 2
        nodes[node].threshold = threshold
        for i in range(start, end):
            goes_left[order[feature, i]] = i < start + n_left
        swap_apart(rows[start:end], goes_left, tree.parted)
        gains[feature] += _divide(gradient, n_left, total, squares, rows, nodes, node)
        if depth < DEPTH - 1:
            for j in range(len(values)):
                parted = tree.order[depth + 1, j, start:end]
                partition(order[j, start:end], goes_left, n_left, parted)


@compiled
def _best_split(
    gradient: Float[np.ndarray, " N"],
    total: float,
    order: UInt[np.ndarray, "D N"],
    tree: Tree,
    node: Any,
) -> tuple[int, int, int]:
    """Find the best feature (-1: none) and how many rows go left; tell the last one sorted by.

    Features are drawn at random, also those known to be constant, and of equally good ones the
    first wins. Those found to be constant are passed on to the children.
    """
    start, end, values = node.start, node.end, tree.values
    features, constant = tree.features
    best, n_left, sorted_by, highest = -1, 0, -1, -np.inf
    n_known, n_found, n_passed, n_open = node.n_constant, 0, 0, len(features)
    while n_open > n_known + n_found:
        drawn = n_passed + _draw(tree.random) % (n_open - n_found - n_passed)
        if drawn < n_known:
            features[drawn], features[n_passed] = features[n_passed], features[drawn]
            n_passed += 1
            continue
        drawn += n_found
        feature = features[drawn]
        lowest = values[feature, order[feature, start]]
        largest = values[feature, order[feature, end - 1]]
        if largest != lowest:
            sorted_by = feature
        if largest <= lowest + CLOSE:
            place = n_known + n_found
            n_found += 1
        else:
            place = n_open = n_open - 1
            rows, run = order[feature, start:end], tree.longest[feature]
            n, found = _scan(values[feature], run, gradient, total, rows, tree, highest)
            if n > 0:
                best, n_left, highest = feature, n, found
        features[drawn], features[place] = features[place], feature
    n_constant = n_known + n_found
    for i in range(n_known):  # slices take long to compile
        features[i] = constant[i]
    for i in range(n_known, n_constant):
        constant[i] = features[i]
    node.n_constant = n_constant
    return best, n_left, sorted_by


@compiled
def _scan(
    values: Float32[np.ndarray, " N"],
    longest: int,
    gradient: Float[np.ndarray, " N"],
    total: float,
    rows: UInt[np.ndarray, " n"],
    tree: Tree,
    highest: float,
) -> tuple[int, float]:
    """Find a feature's best split, if it is better than `highest`: rows to the left, and how good.

    Divisions take longer than all else here; they are made only where products come near.
    """
    size, n_left, left = len(rows), 0, 0.0
    nearly, risky = highest * (1 - ROUNDING), max(size - 2 * longest, 1)
    at, to_end = risky - 1, len(gradient) - size
    sums, about = tree.sums, tree.about
    for low in range(1, size, BLOCK):
        count = min(BLOCK, size - low)
        careful = min(max(risky - low, 0), count)
        last = rows[low - 1 :]  # of those to the left
        for i in range(careful):
            left += gradient[last[i]]
            sums[i] = left
        for i in range(careful, count):
            n = low + i
            left += gradient[last[i]]
            # a run of equal values may be longer than what is left behind it
            if _are_apart(values, rows, n):
                if n - at > size - n:
                    left = total
                    for row in rows[: n - 1 : -1]:
                        left -= gradient[row]
                at = n
            sums[i] = left
        share, others_share = tree.inverse[0, low:], tree.inverse[1, to_end + low :]
        near = 0
        for i in range(count):
            right = total - sums[i]
            about[i] = sums[i] * sums[i] * share[i] + right * right * others_share[i]
            near += about[i] >= nearly
        if near > 0:
            for i in range(count):
                if about[i] * (1 - ROUNDING) > nearly and _are_apart(values, rows, low + i):
                    nearly = about[i] * (1 - ROUNDING)
            for i in range(count):
                if about[i] >= nearly and _are_apart(values, rows, low + i):
                    n, right = low + i, total - sums[i]
                    found = sums[i] * sums[i] / n + right * right / (size - n)
                    if found > highest:
                        n_left, highest = n, found
    return n_left, highest


@compiled
def _are_apart(values: Float32[np.ndarray, " N"], rows: UInt[np.ndarray, " n"], n: int) -> bool:
    """Whether the first n rows differ from the others by this feature."""
    return bool(values[rows[n]] > values[rows[n - 1]] + CLOSE)


@compiled
def _divide(
    gradient: Float[np.ndarray, " N"],
    n_left: int,
    total: float,
    squares: float,
    rows: UInt[np.ndarray, " N"],
    nodes: np.ndarray,
    node: int,
) -> float:
    """Make the children of a node; return by how much that lowers the squared deviation."""
    start, end = nodes[node].start, nodes[node].end
    middle, n_right = start + n_left, end - start - n_left
    squares_left, left = 0.0, 0.0
    for i in range(start, middle):
        squares_left += gradient[rows[i]] * gradient[rows[i]]
        left += gradient[rows[i]]
    if n_left > n_right:  # the sum over fewer rows is taken
        left = total
        for i in range(end - 1, middle - 1, -1):
            left -= gradient[rows[i]]
    one, other = 2 * node + 1, 2 * node + 2
    nodes[one].variance = squares_left / n_left - (left / n_left) ** 2
    nodes[other].variance = (squares - squares_left) / n_right - ((total - left) / n_right) ** 2
    nodes[one].start, nodes[one].end = start, middle
    nodes[other].start, nodes[other].end = middle, end
    nodes[one].n_constant = nodes[other].n_constant = nodes[node].n_constant
    deviations = n_left * nodes[one].variance + n_right * nodes[other].variance
    return float((end - start) * nodes[node].variance - deviations)


@compiled
def _draw(state: UInt32[np.ndarray, "1"]) -> int:
    """Draw from 0 to 2^31 - 1 by Marsaglia's xorshift of 32 bits."""
    bits = state[0] if state[0] else np.uint32(1)
    bits ^= np.uint32(bits << np.uint32(13))
    bits ^= np.uint32(bits >> np.uint32(17))
    bits ^= np.uint32(bits << np.uint32(5))
    state[0] = bits
    return int(bits & np.uint32(0x7FFFFFFF))
