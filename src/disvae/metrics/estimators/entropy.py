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
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.polynomial import hermite_e, legendre

from disvae.metrics.arrays import compact

N_NODES = 16  # Gauss-Legendre nodes in a tile
N_BINS = 8  # cells in a tile
N_CLASSES = 8  # cells in an octave of widths
N_MOMENTS = 10
REACH = 3  # tiles on each side: at least 6 standard deviations
OCTAVES = 0.5 / np.log(2)  # of width, per unit of log variance
FINEST = 2.0**-40  # of the axis' extent; narrower components are raised to it
SHARED = 8  # times as many components as sums, where groupings share these
CHUNK = 1 << 12  # tiles expanded at once


class _Sums(NamedTuple):
    """Taylor moments, added up by group and cell."""

    group: Int[np.ndarray, " pairs"]  # ascending
    cell: Int[np.ndarray, " pairs"]  # index into the grid's cells, ascending within a group
    moments: Float[np.ndarray, "pairs moments"]


@dataclass(frozen=True)
class _Grid:
    """The dyadic grid, and which of its cells are occupied."""

    levels: Int[np.ndarray, " levels"]  # log2 of the tile length, ascending
    offsets: Int[np.ndarray, " levels+1"]  # first cell key of each level
    cells: Int[np.ndarray, " cells"]  # occupied cell keys, ascending

    def tiles_in_row(self, index: int) -> int:
        """Count the tiles of the axis at a level: twice as many at each finer one."""
        return int(self.offsets[index + 1] - self.offsets[index]) // (N_CLASSES * N_BINS)


@dataclass(frozen=True)
class _Level:
    """The occupied tiles of one level and the moments of their occupied cells."""

    tiles: Int[np.ndarray, " tiles"]  # ascending
    tile_of: Int[np.ndarray, " cells"]  # index into `tiles`, ascending
    cell: Int[np.ndarray, " cells"]  # eighth within the tile and width class
    moments: Float[np.ndarray, "cells moments"]


def grouped_entropies(
    mean: Float[np.ndarray, " N"],
    logvar: Float[np.ndarray, " N"],
    groupings: list[tuple[Int[np.ndarray, " N"], int]],
    room: Float[np.ndarray, "N moments"] | None = None,
) -> list[Float[np.ndarray, " _groups"]]:
    """Differential entropy of every group's mixture in nats, for several ways of grouping.

    Components have equal weight; a grouping is the group of each (0 .. groups - 1, none empty)
    and the number of groups. Room is what `make_room` made, to be written to.
    """
    moments = make_room(len(mean)) if room is None else room
    grid, cell = _place(mean, logvar, moments)
    n_cells = len(grid.cells)
    result: list[Float[np.ndarray, " _groups"]] = []
    while len(result) < len(groupings):
        # groupings with few combinations share the sum over all components
        group, n_groups = groupings[len(result)]
        sizes = [n_groups]
        for another, count in groupings[len(result) + 1 :]:
            if n_groups * count * n_cells * SHARED > len(mean):
                break
            group, n_groups = group * count + another, n_groups * count
            sizes.append(count)
        sums = _add_up(group, n_groups, cell, n_cells, moments)
        for own, count in zip(np.unravel_index(sums.group, sizes), sizes, strict=True):
            own_sums = _add_up(own, count, sums.cell, n_cells, sums.moments)
            result.append(_group_entropies(grid, own_sums, count))
    return result


def make_room(count: int) -> Float[np.ndarray, "N moments"]:
    """Make room for so many components; it takes time to be first used, so use it again."""
    return np.empty((count, N_MOMENTS))


def _place(
    mean: Float[np.ndarray, " N"],
    logvar: Float[np.ndarray, " N"],
    moments: Float[np.ndarray, "N moments"],
) -> tuple[_Grid, Int[np.ndarray, " N"]]:
    """Assign each component to a cell of the grid, and write its moments around the centre."""
    low = mean.min()  # far from 0, tiles would be lost in rounding
    thinnest, thickest = OCTAVES * logvar.min(), OCTAVES * logvar.max()
    extent = max(float(mean.max() - low), float(np.exp2(thickest)))
    finest = np.log2(extent * FINEST)
    octaves = np.floor(np.maximum([thinnest, thickest], finest)).astype(np.int64)
    levels = np.arange(octaves[0], octaves[1] + 1) + 2

    top = 2.0 ** float(levels[-1])
    origin = -(REACH + 1) * top
    tiles_at_top = int((float(mean.max() - low) - origin) / top) + REACH + 2
    counts = tiles_at_top << (levels[-1] - levels)
    offsets = np.concatenate([[0], np.cumsum(counts * N_CLASSES * N_BINS)])

    # of each level's width classes, one after the other
    per_unit = np.repeat(N_BINS / np.exp2(levels), N_CLASSES)  # bins
    first_key = np.repeat(offsets[:-1], N_CLASSES) + np.tile(np.arange(N_CLASSES), len(levels))
    variance = np.tile(_class_variances(), len(levels))

    key = np.empty(len(mean), np.int64)
    for start in range(0, len(mean), CHUNK):  # small enough for the cache
        here = slice(start, start + CHUNK)
        octave = np.maximum(OCTAVES * logvar[here], finest)
        kind = np.floor(N_CLASSES * octave).astype(np.int64) - N_CLASSES * octaves[0]
        bins = (mean[here] - low - origin) * per_unit[kind]
        whole = bins.astype(np.int64)
        key[here] = whole * N_CLASSES + first_key[kind]
        spread = (np.exp2(octave) * per_unit[kind] / N_BINS) ** 2 - variance[kind]
        moments[here] = _taylor_moments((bins - whole - 0.5) / N_BINS, spread).T
    cells, cell_of = compact(key, int(offsets[-1]))
    return _Grid(levels, offsets, cells), cell_of.astype(np.int32)


def _taylor_moments(
    shift: Float[np.ndarray, " n"], spread: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "moments n"]:
    """Coefficients of D^p in exp(-shift D + spread D^2 / 2)."""
    moments, term = np.empty((N_MOMENTS, len(shift))), np.empty(len(shift))
    moments[0] = 1
    np.negative(shift, out=moments[1])
    for p in range(2, N_MOMENTS):
        np.multiply(spread, moments[p - 2], out=moments[p])
        moments[p] -= np.multiply(shift, moments[p - 1], out=term)
        moments[p] *= 1 / p
    return moments


def _add_up(
    group: Int[np.ndarray, " N"],
    n_groups: int,
    cell: Int[np.ndarray, " N"],
    n_cells: int,
    moments: Float[np.ndarray, "N moments"],
) -> _Sums:
    """Add up what has the same group and cell."""
    from scipy.sparse import csc_array

    if n_groups * n_cells >= 2**31:
        group = group.astype(np.int64)
    pairs, pair_of = compact(group * n_cells + cell, n_groups * n_cells)
    ends = np.arange(len(group) + 1, dtype=pair_of.dtype)
    adding = csc_array((np.ones(len(group)), pair_of, ends), (len(pairs), len(group)))
    return _Sums(*np.divmod(pairs, n_cells), adding @ moments)


def _group_entropies(grid: _Grid, sums: _Sums, n_groups: int) -> Float[np.ndarray, " groups"]:
    """Entropy of each group's mixture: build densities from long tiles to short, integrate."""
    sizes = np.bincount(sums.group, sums.moments[:, 0], n_groups)
    levels = [_occupied(grid, sums, index) for index in range(len(grid.levels))]
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
        group_of_leaf = tiles[leaf] // grid.tiles_in_row(index)
        length = 2.0 ** float(grid.levels[index])
        _integrate(result, density[leaf], group_of_leaf, length, sizes)
        # Both halves of each split tile, at the nodes of the next shorter tiles.
        density = (density[split] @ _halving()).reshape(-1, N_NODES)
        waiting += [
            (index - 1, halves[i : i + CHUNK], density[i : i + CHUNK])
            for i in range(0, len(halves), CHUNK)
        ]
    return result


def _occupied(grid: _Grid, sums: _Sums, index: int) -> _Level:
    """Collect what lies at one level.

    Tiles of all groups share one numbering, group after group, so that the parent of tile t is
    t // 2 and its neighbours are t - 1 and t + 1 (the margin keeps groups apart).
    """
    low, high = grid.offsets[index : index + 2]
    key = grid.cells[sums.cell]
    here = (key >= low) & (key < high)
    tile, cell = np.divmod(key[here] - low, N_CLASSES * N_BINS)
    tile += sums.group[here] * grid.tiles_in_row(index)
    tiles, tile_of = np.unique(tile, return_inverse=True)
    return _Level(tiles, tile_of, cell, sums.moments[here])


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
    from scipy.special import entr

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

    Kernels are bins by classes by moments, targets are tiles by nodes.
    """
    nodes = _quadrature()[0]
    target = np.arange(-REACH, REACH + 1)[:, None] + nodes
    centre = (np.arange(N_BINS) + 0.5) / N_BINS
    width = np.sqrt(_class_variances())[:, None, None]
    x = (target - centre[:, None, None, None]) / width
    gauss = np.exp(-(x**2) / 2) / (np.sqrt(2 * np.pi) * width)
    orders = np.eye(N_MOMENTS)
    parts = [hermite_e.hermeval(x, orders[p]) * gauss / (-width) ** p for p in range(N_MOMENTS)]
    return np.stack(parts, axis=2).reshape(N_BINS * N_CLASSES * N_MOMENTS, -1)


@cache
def _halving() -> Float[np.ndarray, "nodes 2*nodes"]:
    """Interpolate from a tile's nodes to the nodes of its halves, halving lengths."""
    nodes = _quadrature()[0]
    basis = legendre.legvander(2 * nodes - 1, N_NODES - 1)
    inside = np.concatenate([nodes / 2, nodes / 2 + 0.5])
    values = legendre.legvander(2 * inside - 1, N_NODES - 1)
    # A density per tile length halves when the tile does.
    return np.linalg.solve(basis.T, values.T) / 2
