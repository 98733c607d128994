"""The user's own images as arrays: an ``.npz`` file with ``images`` and perhaps factors."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image
from tqdm.auto import tqdm

from disvae.data.catalogue.entry import Entry
from disvae.data.raw.images import to_array
from disvae.data.raw.npz import ArrayStream, array_names, open_npz_array
from disvae.data.store import Builder
from disvae.errors import UserError

_BLOCK_BYTES = 2**22  # many blocks are in memory at a time: two and more for each core
_MAX_SIDE = 4096
_MAX_FACTOR_BYTES = 2**30  # read at once


def look(path: Path, name: str, size: int) -> Entry:
    """Read through the file at `path`, and describe it as an entry, resized to side `size`."""
    grey, borders, highest = True, [], 0.0
    with open_npz_array(path, "images") as images:
        _check_images(path, images)
        count = images.shape[0]
        with tqdm(total=count, desc="looking", unit=" images", disable=None) as bar:
            for block in images.blocks(_rows(images, size)):
                _check_values(path, block)
                highest = max(highest, float(block.max()))
                pictures = _pictures(block).transpose(0, 3, 1, 2)
                grey &= is_grey(pictures.swapaxes(0, 1))
                borders.append(border_mean(pictures) * len(pictures))
                bar.update(len(block))
        if images.dtype == np.uint8 and highest <= 1:
            raise UserError(
                f"{path}: 'images' is uint8, yet no value exceeds 1; save values from 0 to 255, "
                "or floats in [0, 1]."
            )
    factors, sizes = _read_factors(path, count)
    channels = 1 if grey else 3

    def write(_: Mapping[str, Path], builder: Builder) -> None:
        with open_npz_array(path, "images") as images:
            blocks = images.blocks(_rows(images, size), builder.written)
            builder.extend(lambda block: _resized(block, channels, size), blocks)
        if factors is not None:
            builder.write_factors(factors)

    return Entry(
        name=name,
        image_shape=(channels, size, size),
        splits={"train": count},
        background="white" if sum(borders) / count > 127 else "black",
        write=write,
        factors=sizes,
    )


def is_grey(pixels: UInt8[np.ndarray, "C ..."]) -> bool:
    """Whether all channels are the same."""
    return bool((pixels == pixels[:1]).all())


def border_mean(pixels: UInt8[np.ndarray, "... H W"]) -> float:
    """Mean over the outermost rows and columns: what lies behind the objects."""
    edges = [pixels[..., 0, :], pixels[..., -1, :], pixels[..., 0], pixels[..., -1]]
    return float(np.mean([edge.mean() for edge in edges]))


def _check_images(path: Path, images: ArrayStream) -> None:
    shape = images.shape
    fits = len(shape) in (3, 4) and min(shape) > 0 and max(shape[1:]) <= _MAX_SIDE
    if not fits or (len(shape) == 4 and not {shape[1], shape[3]} & {1, 3}):
        raise UserError(
            f"{path}: 'images' should have the shape [N, H, W, C] or [N, C, H, W] with C = 1 or "
            f"3 (or [N, H, W]), with sides up to {_MAX_SIDE}, but it has {list(shape)}."
        )
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise UserError(
            f"{path}: 'images' should be uint8, or float in [0, 1], but it is {images.dtype}."
        )


def _check_values(path: Path, block: np.ndarray[Any, Any]) -> None:
    if block.dtype != np.uint8 and not (block.min() >= 0 and block.max() <= 1):  # NaN: neither
        raise UserError(
            f"{path}: 'images' is {block.dtype}, so its values should lie in [0, 1], but they "
            f"go from {block.min():g} to {block.max():g}; divide them, or save uint8."
        )


def _rows(images: ArrayStream, size: int) -> int:
    """How many images make a block, before and after they are resized."""
    before = math.prod(images.shape[1:]) * images.dtype.itemsize
    return max(1, _BLOCK_BYTES // max(before, 3 * size**2))


def _pictures(block: np.ndarray[Any, Any]) -> UInt8[np.ndarray, "n H W C"]:
    """Bring images to bytes, colours last."""
    if block.ndim == 3:
        block = block[..., None]
    elif block.shape[3] not in (1, 3):
        block = block.transpose(0, 2, 3, 1)
    if block.dtype != np.uint8:
        block = np.rint(block.astype(np.float32) * 255)
    return block.astype(np.uint8, copy=False)


def _resized(block: np.ndarray[Any, Any], channels: int, size: int) -> UInt8[np.ndarray, "n c S S"]:
    pictures = _pictures(block)
    used = np.ascontiguousarray(pictures if channels == 3 else pictures[..., 0])
    return np.stack([to_array(Image.fromarray(picture), channels, size) for picture in used])


def _read_factors(path: Path, count: int) -> tuple[Int[np.ndarray, "N K"] | None, dict[str, int]]:
    """Read the factors as ranks of their values, and how many values each has."""
    if "factors" not in array_names(path):
        return None, {}
    with open_npz_array(path, "factors", _MAX_FACTOR_BYTES) as stream:
        shape, kind = stream.shape, stream.dtype.kind
        if len(shape) > 2 or shape[0] != count or min(shape) < 1 or kind not in "biufSU":
            raise UserError(
                f"{path}: 'factors' should be numbers or texts of shape [N, K], one row for each "
                f"of the {count} images, but it is {stream.dtype} {list(shape)}."
            )
        values = next(stream.blocks(count)).reshape(count, -1)
    if kind == "f" and not np.isfinite(values).all():
        raise UserError(f"{path}: 'factors' holds NaN or infinite values; each must be known.")
    names = [f"factor_{column}" for column in range(values.shape[1])]
    if "factor_names" in array_names(path):
        with open_npz_array(path, "factor_names", _MAX_FACTOR_BYTES) as stream:
            if stream.shape != (len(names),) or stream.dtype.kind != "U":
                raise UserError(
                    f"{path}: 'factor_names' should be {len(names)} texts, one for each column of "
                    f"'factors', but it is {stream.dtype} {list(stream.shape)}."
                )
            names = next(stream.blocks(len(names))).tolist()
    if len(set(names)) != len(names) or "" in names:
        raise UserError(f"{path}: the 'factor_names' should differ from each other: {names}.")
    ranked = [np.unique(column, return_inverse=True) for column in values.T]
    table = np.stack([ranks for _, ranks in ranked], axis=1).astype(np.int32)
    sizes = {name: len(unique) for name, (unique, _) in zip(names, ranked, strict=True)}
    return table, sizes
