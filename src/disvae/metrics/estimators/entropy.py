"""Entropies of one-dimensional Gaussian mixtures, by quadrature on an adaptive grid.

The axis is cut into dyadic tiles. A component of width s belongs to the level whose tiles are
2 to 4 widths long, so a narrow component is resolved by short tiles near its mean and a wide one
by long tiles elsewhere; nothing is smeared and nothing is sampled.

Components that fall into the same cell (a level, a tile, an eighth of the tile, an eighth of the
octave of widths) are summed into a few Taylor moments: N(b + u, v + d) is
exp(-u D + d D^2 / 2) applied to N(b, v), with D the derivative. Moments are then turned into
densities at the Gauss-Legendre nodes of the tiles around, all by one matrix product, and handed
down from long tiles to short ones by polynomial interpolation. All errors together stay below
1e-6 nats.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Int
from numpy.polynomial import hermite_e, legendre
from scipy.special import entr

from disvae.metrics.arrays import compact

N_NODES = 16  # Gauss-Legendre nodes in a tile
N_BINS = 8  # cells in a tile
N_CLASSES = 8  # cells in an octave of widths
N_MOMENTS = 10
REACH = 3  # tiles on each side: at least 6 standard deviations
FINEST = 2.0**-40  # of the axis' extent; narrower components are raised to it
CHUNK = 1 << 12  # tiles expanded at once


@dataclass(frozen=True)
class _Sources:
    """Where each component lies on the dyadic grid, and its Taylor moments."""

    levels: Int[np.ndarray, " levels"]  # log2 of the tile length, ascending
    offsets: Int[np.ndarray, " levels+1"]  # first cell key of each level
    cells: Int[np.ndarray, " cells"]  # occupied cell keys, ascending
    cell_of: Int[np.ndarray, " N"]  # index into `cells`
    moments: Float[np.ndarray, "N moments"]

    def tiles_in_row(self, index: int) -> int:
        """Count the tiles of the axis at a level: twice as many at each finer one."""
        return int(self.offsets[index + 1] - self.offsets[index]) // (N_CLASSES * N_BINS)


@dataclass(frozen=True)
class _Level:
    """The occupied tiles of one level and the moments of their occupied cells."""

    tiles: Int[np.ndarray, " tiles"]  # ascending
    tile_of: Int[np.ndarray, " cells"]  # index into `tiles`, ascending
    cell: Int[np.ndarray, " cells"]  # width class and eighth within the tile
    moments: Float[np.ndarray, "cells moments"]


def grouped_entropies(
    mean: Float[np.ndarray, " N"],
    logvar: Float[np.ndarray, " N"],
    groupings: list[tuple[Int[np.ndarray, " N"], int]],
) -> list[Float[np.ndarray, " _groups"]]:
    """Differential entropy of every group's mixture in nats, for several ways of grouping.

    Components have equal weight; a grouping is the group of each (0 .. groups - 1, none empty)
    and the number of groups.
    """
    sources = _place(mean, logvar)
    return [_group_entropies(sources, group, count) for group, count in groupings]


def _place(mean: Float[np.ndarray, " N"], logvar: Float[np.ndarray, " N"]) -> _Sources:
    """Assign components to cells and expand each around its cell's centre."""
    mean = mean - mean.min()  # far from 0, tiles would be lost in rounding
    octave = logvar * (0.5 / np.log(2))
    extent = max(float(mean.max()), float(np.exp2(octave.max())))
    octave = np.maximum(octave, np.log2(extent * FINEST))
    level = np.floor(octave)
    fraction = octave - level
    level = level.astype(np.int64) + 2
    width_class = np.minimum((fraction * N_CLASSES).astype(np.int64), N_CLASSES - 1)

    levels = np.arange(level.min(), level.max() + 1)
    top = 2.0 ** float(levels[-1])
    origin = -(REACH + 1) * top
    tiles_at_top = int((float(mean.max()) - origin) / top) + REACH + 2
    counts = tiles_at_top << (levels[-1] - levels)
    offsets = np.concatenate([[0], np.cumsum(counts * N_CLASSES * N_BINS)])

    position = np.ldexp(mean - origin, -level)
    tile = position.astype(np.int64)
    position -= tile
    place = np.minimum((position * N_BINS).astype(np.int64), N_BINS - 1)
    key = (tile * N_CLASSES + width_class) * N_BINS + place + offsets[level - levels[0]]
    cells, cell_of = compact(key, int(offsets[-1]))

    shift = position - (place + 0.5) / N_BINS
    spread = np.exp2(2 * fraction) / 16 - _class_variances()[width_class]
    return _Sources(levels, offsets, cells, cell_of, _taylor_moments(shift, spread))


def _taylor_moments(
    shift: Float[np.ndarray, " N"], spread: Float[np.ndarray, " N"]
) -> Float[np.ndarray, "N moments"]:
    """Coefficients of D^p in exp(-shift D + spread D^2 / 2)."""
    moments = np.empty((len(shift), N_MOMENTS))
    for start in range(0, len(shift), CHUNK):  # small enough for the cache
        here = slice(start, start + CHUNK)
        part = np.ones((N_MOMENTS, len(shift[here])))
        part[1] = -shift[here]
        for p in range(2, N_MOMENTS):
            part[p] = (spread[here] * part[p - 2] - shift[here] * part[p - 1]) / p
        moments[here] = part.T
    return moments


def _group_entropies(
    sources: _Sources, group: Int[np.ndarray, " N"], n_groups: int
) -> Float[np.ndarray, " groups"]:
    """Entropy of each group's mixture: build densities from long tiles to short, integrate."""
    from scipy.sparse import csc_array

    n_cells = len(sources.cells)
    pairs, pair_of = compact(group * n_cells + sources.cell_of, n_groups * n_cells)
    shape = (len(pairs), len(group))  # of the matrix that adds up the components of each pair
    adding = csc_array((np.ones(len(group)), pair_of, np.arange(len(group) + 1)), shape)
    sums = adding @ sources.moments
    row, cell = np.divmod(pairs, n_cells)
    key = sources.cells[cell]
    sizes = np.bincount(group, minlength=n_groups).astype(np.float64)

    levels = [_occupied(sources, i, row, key, sums) for i in range(len(sources.levels))]
    active = _active_tiles([level.tiles for level in levels])
    result = np.zeros(n_groups)
    top = len(levels) - 1
    # from long tiles to short; as many densities wait as CHUNK and the levels allow
    waiting = [(top, active[top][i : i + CHUNK], None) for i in range(0, len(active[top]), CHUNK)]
    while waiting:
        index, tiles, density = waiting.pop()
        if density is None:
            density = np.zeros((len(tiles), N_NODES))
        _add_components(density, tiles, levels[index])
        halves = np.empty(0, dtype=np.int64)
        if index:
            finer = active[index - 1]
            halves = finer[slice(*np.searchsorted(finer, [2 * tiles[0], 2 * tiles[-1] + 2]))]
        split = np.searchsorted(tiles, halves[::2] >> 1)
        leaf = np.ones(len(tiles), dtype=bool)
        leaf[split] = False
        group_of_leaf = tiles[leaf] // sources.tiles_in_row(index)
        length = 2.0 ** float(sources.levels[index])
        _integrate(result, density[leaf], group_of_leaf, length, sizes)
        # Both halves of each split tile, at the nodes of the next shorter tiles.
        density = (density[split] @ _halving()).reshape(-1, N_NODES)
        waiting += [
            (index - 1, halves[i : i + CHUNK], density[i : i + CHUNK])
            for i in range(0, len(halves), CHUNK)
        ]
    return result


def _occupied(
    sources: _Sources,
    index: int,
    row: Int[np.ndarray, " pairs"],
    key: Int[np.ndarray, " pairs"],
    sums: Float[np.ndarray, "pairs moments"],
) -> _Level:
    """Collect what lies at one level.

    Tiles of all groups share one numbering, group after group, so that the parent of tile t is
    t // 2 and its neighbours are t - 1 and t + 1 (the margin keeps groups apart).
    """
    low, high = sources.offsets[index : index + 2]
    here = (key >= low) & (key < high)
    tile, cell = np.divmod(key[here] - low, N_CLASSES * N_BINS)
    tile += row[here] * sources.tiles_in_row(index)
    tiles, tile_of = np.unique(tile, return_inverse=True)
    return _Level(tiles, tile_of, cell, sums[here])


def _active_tiles(occupied: list[Int[np.ndarray, " _tiles"]]) -> list[Int[np.ndarray, " _active"]]:
    """Tiles that carry density at each level, finest first, closed under siblings and parents."""
    reach = np.arange(-REACH, REACH + 1)
    active = []
    needed = np.empty(0, dtype=np.int64)
    for index, tiles in enumerate(occupied):
        needed = np.unique(np.concatenate([needed, (tiles[:, None] + reach).ravel()]))
        if index < len(occupied) - 1:
            above = np.unique(needed >> 1)
            active.append((above[:, None] * 2 + [0, 1]).ravel())
            needed = above
        else:
            active.append(needed)
    return active


def _add_components(
    density: Float[np.ndarray, "tiles nodes"], tiles: Int[np.ndarray, " tiles"], level: _Level
) -> None:
    """Add one level's components to the densities of those of its active tiles, in place."""
    ends = [tiles[0] - REACH, tiles[-1] + REACH + 1]
    first, last = np.searchsorted(level.tiles, ends)
    if first == last:
        return
    low, high = np.searchsorted(level.tile_of, [first, last])
    table = np.zeros((last - first, N_CLASSES * N_BINS, N_MOMENTS))
    table[level.tile_of[low:high] - first, level.cell[low:high]] = level.moments[low:high]
    spread = table.reshape(len(table), -1) @ _kernel()
    spread = spread.reshape(len(table), 2 * REACH + 1, N_NODES)
    for step in range(2 * REACH + 1):
        target = level.tiles[first:last] + step - REACH
        here = slice(*np.searchsorted(target, [tiles[0], tiles[-1] + 1]))
        density[np.searchsorted(tiles, target[here])] += spread[here, step]


def _integrate(
    result: Float[np.ndarray, " groups"],
    density: Float[np.ndarray, "leaves nodes"],
    row: Int[np.ndarray, " leaves"],
    length: float,
    sizes: Float[np.ndarray, " groups"],
) -> None:
    """Add -q log q over leaf tiles, a group each; q is the density per component and unit."""
    if not len(row):
        return
    q = np.maximum(density, 0) / (sizes[row, None] * length)
    sums = np.bincount(row - row[0], entr(q) @ (_quadrature()[1] * length))
    result[row[0] : row[-1] + 1] += sums


@cache
def _quadrature() -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = legendre.leggauss(N_NODES)
    return (nodes + 1) / 2, weights / 2


@cache
def _class_variances() -> Float[np.ndarray, " classes"]:
    """Variance at the middle of each width class, in squared tile lengths."""
    edges = np.exp2(2 * np.arange(N_CLASSES + 1) / N_CLASSES) / 16
    middle: Float[np.ndarray, " classes"] = (edges[:-1] + edges[1:]) / 2
    return middle


@cache
def _kernel() -> Float[np.ndarray, "kernels targets"]:
    """Tabulate the derivatives of every cell's Gaussian at the nodes of the tiles within reach.

    Kernels are classes by bins by moments, targets are tiles by nodes.
    """
    nodes = _quadrature()[0]
    target = np.arange(-REACH, REACH + 1)[:, None] + nodes
    centre = (np.arange(N_BINS) + 0.5) / N_BINS
    width = np.sqrt(_class_variances())[:, None, None, None]
    x = (target - centre[:, None, None]) / width
    gauss = np.exp(-(x**2) / 2) / (np.sqrt(2 * np.pi) * width)
    orders = np.eye(N_MOMENTS)
    parts = [hermite_e.hermeval(x, orders[p]) * gauss / (-width) ** p for p in range(N_MOMENTS)]
    return np.stack(parts, axis=2).reshape(N_CLASSES * N_BINS * N_MOMENTS, -1)


@cache
def _halving() -> Float[np.ndarray, "nodes 2*nodes"]:
    """Interpolate from a tile's nodes to the nodes of its halves, halving lengths."""
    nodes = _quadrature()[0]
    basis = legendre.legvander(2 * nodes - 1, N_NODES - 1)
    inside = np.concatenate([nodes / 2, nodes / 2 + 0.5])
    values = legendre.legvander(2 * inside - 1, N_NODES - 1)
    # A density per tile length halves when the tile does.
    return np.linalg.solve(basis.T, values.T) / 2
