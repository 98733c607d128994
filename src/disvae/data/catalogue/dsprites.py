"""dSprites (Matthey et al. 2017), computed: the official 737,280 images, bit for bit."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from tqdm.auto import tqdm

from disvae.data.catalogue.entry import Entry
from disvae.data.raw.npz import open_stream
from disvae.data.store import Builder
from disvae.errors import UserError

FACTORS = {"shape": 3, "scale": 6, "orientation": 40, "posX": 32, "posY": 32}
SIZE = 64
_HALF = 9.6  # half the side of the largest square, in pixels
_SUBPIXELS = 256  # vertices lie on a grid of 1/256 pixel, so that all that follows is exact
_POSITIONS = 16 + 32 * np.arange(32) / 31
_BLOCKS = 3 * 6 * 40  # a block: the 32 x 32 positions of one shape, scale and orientation
_BLOCK = 32 * 32

# _FROM_COLUMN[c]: the bits of columns c, c+1, ... of a row; the first column is the high bit
_FROM_COLUMN = np.array([2 ** (SIZE - c) - 1 for c in range(SIZE + 1)], dtype=np.uint64)


def outline(shape: int) -> Float[np.ndarray, "E 2"]:
    """Vertices (x right, y down) of shape 0 (square), 1 (ellipse) or 2 (heart), scale 1."""
    if shape == 0:
        return _HALF * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], dtype=np.float64)
    if shape == 1:
        t = 2 * np.pi * np.arange(100) / 100
        return _HALF * np.stack([1.33 * np.cos(t), np.sin(t) / 1.33], axis=1)
    t = 2 * np.pi * np.arange(150) / 150
    height = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return _HALF * np.stack([np.sin(t) ** 3, -(height / 14.5 + 0.15)], axis=1)


def render_block(block: int) -> UInt8[np.ndarray, "1024 512"]:
    """Render images ``1024 * block`` to ``1024 * (block + 1) - 1``, packed to bits.

    A pixel is on when its centre lies inside the polygon (even-odd rule): each edge that
    crosses the row of centres toggles all columns from the crossing on.
    """
    shape, scale, orientation = np.unravel_index(block, (3, 6, 40))
    angle = -np.linspace(0, 2 * np.pi, 40)[orientation]
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    vertices = np.linspace(0.5, 1, 6)[scale] * outline(int(shape)) @ turn.T

    # x0, x1 [E, posX] and y0, y1 [posY, 1, E] are the ends of the edges, in 1/256 pixel
    x0 = np.rint(_SUBPIXELS * (vertices[:, 0, None] + _POSITIONS)).astype(np.int32)
    y0 = np.rint(_SUBPIXELS * (vertices[:, 1] + _POSITIONS[:, None])).astype(np.int32)[:, None]
    x1, y1 = np.roll(x0, -1, axis=0), np.roll(y0, -1, axis=2)
    centre = (_SUBPIXELS * np.arange(SIZE, dtype=np.int32) + _SUBPIXELS // 2)[None, :, None]
    pos_y, row, edge = np.nonzero((y0 < centre) != (y1 < centre))  # sorted by posY and row

    y0, y1 = y0[pos_y, 0, edge], y1[pos_y, 0, edge]
    rise = (y1 - y0)[:, None]
    along = (_SUBPIXELS * row + _SUBPIXELS // 2 - y0)[:, None]
    crossing = x0[edge] * rise + along * (x1[edge] - x0[edge])  # times `rise`
    # the first column whose centre is at or right of the crossing: a ceiling division
    column = -((_SUBPIXELS // 2 * rise - crossing) // (_SUBPIXELS * rise))
    toggles = _FROM_COLUMN[column]

    starts = np.flatnonzero(np.diff(pos_y * SIZE + row, prepend=-1))
    rows = np.zeros((32, 32, SIZE), dtype=np.uint64)  # [posX, posY, row]
    rows[:, pos_y[starts], row[starts]] = np.bitwise_xor.reduceat(toggles, starts, axis=0).T
    packed = np.ascontiguousarray(rows.reshape(_BLOCK, SIZE), dtype=">u8")
    return packed.view(np.uint8)


def _write(files: Mapping[str, Path], builder: Builder) -> None:
    builder.extend(render_block, range(builder.written // _BLOCK, _BLOCKS))
    builder.write_factor_grid()


def count_differences(path: Path) -> int:
    """Count the images of the official ``.npz`` at `path` that differ from the rendering."""
    wrong = UserError(
        f"{path} is not the official dSprites archive "
        "(dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz with 'imgs', uint8 737280x64x64); "
        "fetch it again."
    )
    differing = 0
    try:
        with open_stream(path, "imgs") as stream:
            if stream.shape != (_BLOCKS * _BLOCK, SIZE, SIZE) or stream.dtype != np.uint8:
                raise wrong
            blocks = stream.blocks(_BLOCK)  # all at once would fill 3 GB of memory
            bar = tqdm(blocks, "compare", _BLOCKS, unit_scale=_BLOCK, disable=None)
            for block, images in enumerate(bar):
                bits = np.packbits(images.reshape(_BLOCK, -1), axis=1)
                differing += int((bits != render_block(block)).any(1).sum())
    except UserError:
        raise wrong from None
    return differing


# of Montero et al. 2021, and of Roth et al. 2023 (v1)
HOLD_OUTS = {
    "montero_extrapolation": "posX>0.5",
    "montero_range": "shape=0 & posX>0.5",
    "montero_element": "shape=1 & scale>1 & orientation>13 & orientation<26 & posX>0.66 & "
    "posY>0.66",
    "roth_v1": "shape=2 & posX>=0.5",
}

ENTRY = Entry(
    name="dsprites",
    image_shape=(1, SIZE, SIZE),
    splits={"train": _BLOCKS * _BLOCK},
    background="black",
    factors=FACTORS,
    hold_outs=HOLD_OUTS,
    packed=True,
    write=_write,
    licence="Apache 2.0",
    citation="Matthey, Higgins, Hassabis, Lerchner: dSprites, 2017",
    compare=count_differences,
)
