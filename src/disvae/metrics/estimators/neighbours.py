"""Mutual information of a code and a factor, from nearest neighbours on a line."""

import numpy as np
from jaxtyping import Float, Int
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import digamma

_NOISE = 1e-10  # tells equal values apart


def neighbour_information(
    code: Float[np.ndarray, " N"], values: Int[np.ndarray, " N"], neighbours: int, seed: int
) -> float:
    """Mutual information of a continuous and a discrete variable, in nats, at least 0.

    How many images lie as near as an image's `neighbours`-th neighbour among those with its
    value, compared with how many would if the value told nothing (Ross, "Mutual Information
    between Discrete and Continuous Data Sets", 2014, equation 2). Values that occur once are left
    out. Scaling and noise are those of scikit-learn's mutual_info_classif.

    The code is not constant; values are numbered from 0, at least one occurs twice; there are
    fewer neighbours where a value has fewer images.
    """
    counts = np.bincount(values)
    kept = counts[values] > 1
    scaled = code / code.std()
    scale = _NOISE * max(1.0, float(np.abs(scaled).mean()))
    noise = np.random.RandomState(seed).standard_normal(len(code))
    noisy = (scaled + scale * noise)[kept]

    order = np.argsort(noisy)
    line, values = noisy[order], values[kept][order]
    groups = np.split(line[np.argsort(values, kind="stable")], np.cumsum(counts[counts > 1])[:-1])
    n_neighbours = np.minimum([len(group) - 1 for group in groups], neighbours)
    distance = np.concatenate(
        [_distance(group, k) for group, k in zip(groups, n_neighbours.tolist(), strict=True)]
    )
    sizes = np.array([len(group) for group in groups])
    near = _count_nearer(line, np.concatenate(groups), distance)
    expected = digamma(len(line)) + sizes @ (digamma(n_neighbours) - digamma(sizes)) / len(line)
    return max(0.0, float(expected - digamma(near).mean()))


def _distance(line: Float[np.ndarray, " n"], k: int) -> Float[np.ndarray, " n"]:
    """Return each point's distance to its k-th nearest, on an ascending line."""
    if k >= len(line) // 2:
        # few points: published values rest on how scikit-learn rounds distances here
        from sklearn.neighbors import NearestNeighbors

        by_all = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(line[:, None])
        return by_all.kneighbors()[0][:, -1]
    ends = np.full(k, np.inf)
    windows = sliding_window_view(np.concatenate([-ends, line, ends]), 2 * k + 1)
    own = line[:, None]
    # of k + 1 neighbouring points with this one among them, how far the farthest is
    return np.maximum(own - windows[:, : k + 1], windows[:, k:] - own).min(axis=1)


def _count_nearer(
    line: Float[np.ndarray, " N"],
    points: Float[np.ndarray, " N"],
    distance: Float[np.ndarray, " N"],
) -> Int[np.ndarray, " N"]:
    """Count who on an ascending line lies nearer to each of its points than some distance."""
    last = len(line) - 1
    low = np.searchsorted(line, points - distance, "right")
    high = np.searchsorted(line, points + distance, "left")
    # a sum is rounded: the one whose distance it is may have slipped to the wrong side
    low += (low <= last) & (points - line[np.minimum(low, last)] >= distance)
    low -= (low > 0) & (points - line[low - 1] < distance)
    high -= line[high - 1] - points >= distance
    high += (high <= last) & (line[np.minimum(high, last)] - points < distance)
    return np.maximum(high - low, 1)
