"""Mutual information of a code and a factor, from nearest neighbours on a line."""

import numpy as np
from jaxtyping import Float, Int

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
    from scipy.special import digamma

    counts = np.bincount(values)
    kept = counts[values] > 1
    scaled = code / code.std()
    scale = _NOISE * max(1.0, float(np.abs(scaled).mean()))
    noise = np.random.RandomState(seed).standard_normal(len(code))
    noisy = (scaled + scale * noise)[kept]

    order = np.argsort(noisy)
    line, values = noisy[order], values[kept][order]
    sizes = counts[counts > 1]
    grouped = line[np.argsort(values, kind="stable")]
    distance = _distances(grouped, sizes, neighbours)
    near = _count_nearer(line, grouped, distance)
    n_neighbours = np.minimum(sizes - 1, neighbours)
    expected = digamma(len(line)) + sizes @ (digamma(n_neighbours) - digamma(sizes)) / len(line)
    return max(0.0, float(expected - digamma(near).mean()))


def _distances(
    line: Float[np.ndarray, " N"], sizes: Int[np.ndarray, " groups"], neighbours: int
) -> Float[np.ndarray, " N"]:
    """Return each point's distance to its n-th nearest of its group, or to its farthest.

    Groups stand one after the other, each an ascending line of at least two points.
    """
    starts = np.cumsum(sizes) - sizes
    below = np.arange(len(line)) - np.repeat(starts, sizes)
    above = np.repeat(sizes, sizes) - 1 - below
    distance = np.full(len(line), np.inf)
    # of n + 1 points side by side with this one among them, how far the farthest is
    for n_below in range(neighbours + 1) if neighbours < len(line) else ():
        n_above = neighbours - n_below
        here = slice(n_below, len(line) - n_above)
        farthest = np.maximum(
            line[here] - line[: len(line) - neighbours], line[neighbours:] - line[here]
        )
        fits = (below[here] >= n_below) & (above[here] >= n_above)
        np.minimum(distance[here], farthest, out=distance[here], where=fits)
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        n_neighbours = min(size - 1, neighbours)
        if n_neighbours >= size // 2:
            # few points: published values rest on how scikit-learn rounds distances here
            from sklearn.neighbors import NearestNeighbors

            group = line[start : start + size, None]
            by_all = NearestNeighbors(n_neighbors=n_neighbours, algorithm="brute").fit(group)
            distance[start : start + size] = by_all.kneighbors()[0][:, -1]
    return distance


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
