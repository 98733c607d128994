"""The user's own images as arrays: an ``.npz`` or ``.npy`` file, or in memory."""

import contextlib
import hashlib
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from tqdm.auto import tqdm

from disvae.data.catalogue.entry import Background, Entry
from disvae.data.own.factors import Ranked, ranked
from disvae.data.raw.images import tell_of_stretching, to_array
from disvae.data.raw.npz import array_names, open_stream
from disvae.data.store import Builder, file_hash
from disvae.errors import UserError
from disvae.types import Fit

SUFFIXES = (".npz", ".npy")
_BLOCK_BYTES = 2**22  # many blocks are in memory at a time: two and more for each core
_MAX_SIDE = 4096
_MAX_FACTOR_BYTES = 2**30  # read at once


class Stream(Protocol):
    """An array that is read from its first row to its last."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def blocks(self, rows: int, start: int = 0) -> Iterator[np.ndarray[Any, Any]]:
        """Yield the array from row `start` on, `rows` at a time."""


class Arrays(ABC):
    """Images as an array, and perhaps factors; `place` is what messages call it."""

    name: str
    place: str

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a hash of all: the same images are prepared once."""

    @abstractmethod
    def images(self) -> AbstractContextManager[Stream]:
        """Open the images."""

    @abstractmethod
    def factors(self, count: int) -> Ranked | None:
        """Return the factors of `count` images, if they are known."""

    def look(self, size: int, fit: Fit) -> tuple[Entry, dict[str, str]]:
        """Read through all, and describe it as an entry, fitted to side `size`; none is skipped."""
        grey, borders, highest = True, [], 0.0
        with self.images() as images:
            _check_images(self.place, images)
            count = images.shape[0]
            with tqdm(total=count, desc="looking", unit=" images", disable=None) as bar:
                for block in images.blocks(_rows(images, size)):
                    _check_values(self.place, block)
                    highest = max(highest, float(block.max()))
                    pictures = _pictures(block).transpose(0, 3, 1, 2)
                    height, width = pictures.shape[2:]
                    grey &= is_grey(pictures.swapaxes(0, 1))
                    borders.append(border_mean(pictures) * len(pictures))
                    bar.update(len(block))
            if images.dtype == np.uint8 and highest <= 1:
                raise UserError(
                    f"{self.place}: 'images' is uint8, yet no value exceeds 1; save values from "
                    "0 to 255, or floats in [0, 1]."
                )
        tell_of_stretching([width / height], fit)
        factors, sizes = self.factors(count) or (None, {})
        channels = 1 if grey else 3
        background: Background = "white" if sum(borders) / count > 127 else "black"

        def write(_: Mapping[str, Path], builder: Builder) -> None:
            with self.images() as images:
                blocks = images.blocks(_rows(images, size), builder.written)
                builder.extend(
                    lambda block: _resized(block, channels, size, fit, background), blocks
                )
            if factors is not None:
                builder.write_factors(factors)

        entry = Entry(
            name=self.name,
            image_shape=(channels, size, size),
            splits={"train": count},
            background=background,
            write=write,
            factors=sizes,
        )
        return entry, {}


class ArrayFile(Arrays):
    """An ``.npz`` file with ``images`` and perhaps ``factors``, or an ``.npy`` file of images."""

    def __init__(self, path: Path):
        self._path = path
        self.name = plain_name(path.resolve().stem)
        self.place = str(path)

    def fingerprint(self) -> str:
        """Return the hash of the file."""
        if not self._path.is_file():
            raise UserError(f"There is no file {self._path}.")
        return file_hash(self._path, "sha256")

    def images(self) -> AbstractContextManager[Stream]:
        """Open the images."""
        return open_stream(self._path, "images")

    def factors(self, count: int) -> Ranked | None:
        """Read the factors of `count` images, if they are there."""
        there = array_names(self._path)
        if "factors" not in there:
            return None
        with open_stream(self._path, "factors", _MAX_FACTOR_BYTES) as stream:
            values = next(stream.blocks(max(1, stream.shape[0])), np.empty(stream.shape))
        names: list[str] = []
        if "factor_names" in there:
            with open_stream(self._path, "factor_names", _MAX_FACTOR_BYTES) as stream:
                if stream.dtype.kind != "U" or len(stream.shape) != 1:
                    raise UserError(
                        f"{self._path}: 'factor_names' should be {math.prod(values.shape[1:])} "
                        f"texts, but it is {stream.dtype} {list(stream.shape)}."
                    )
                names = [str(name) for block in stream.blocks(2**10) for name in block]
        return ranked(self.place, values, names, count)


class ArraysInMemory(Arrays):
    """Images, NumPy's or torch's, and perhaps their factors."""

    name, place = "array", "The array"

    def __init__(self, images: Any, factors: Any = None, factor_names: Sequence[str] = ()):
        self.shape, self.dtype = (images := _to_numpy(images)).shape, images.dtype
        self._images = images
        self._factors = None if factors is None else _to_numpy(factors)
        self._names = [str(name) for name in factor_names]
        if images.ndim == 0:
            raise UserError(f"The array should hold images, but it is {images.dtype} [].")
        if factors is None and self._names:
            raise UserError("factor_names were given without factors: give both or neither.")

    def fingerprint(self) -> str:
        """Return a hash of all values."""
        whole = hashlib.sha256(repr((self.dtype, self.shape, self._names)).encode())
        for block in self.blocks(max(1, 2**26 // max(1, self._images[:1].nbytes))):
            whole.update(np.ascontiguousarray(block).data)
        if self._factors is not None:
            whole.update(repr((self._factors.dtype, self._factors.shape)).encode())
            whole.update(np.ascontiguousarray(self._factors).tobytes())
        return whole.hexdigest()

    def images(self) -> AbstractContextManager[Stream]:
        """Return itself, which is open."""
        return contextlib.nullcontext(self)

    def blocks(self, rows: int, start: int = 0) -> Iterator[np.ndarray[Any, Any]]:
        """Yield the images from row `start` on, `rows` at a time."""
        return (self._images[at : at + rows] for at in range(start, len(self._images), rows))

    def factors(self, count: int) -> Ranked | None:
        """Return the factors of `count` images, if they were given."""
        if self._factors is None:
            return None
        return ranked(self.place, self._factors, self._names, count)


def plain_name(name: str) -> str:
    """Return the name of a dataset, of letters that are safe in names of folders."""
    return re.sub(r"[^\w.+-]", "_", name)[:60] or "images"


def is_array(given: object) -> bool:
    """Whether `given` is an array of NumPy's or torch's, or one that reads like these."""
    return hasattr(given, "shape") and hasattr(given, "dtype")


def is_grey(pixels: UInt8[np.ndarray, "C ..."]) -> bool:
    """Whether all channels are the same."""
    return bool((pixels == pixels[:1]).all())


def border_mean(pixels: UInt8[np.ndarray, "... H W"]) -> float:
    """Mean over the outermost rows and columns: what lies behind the objects."""
    edges = [pixels[..., 0, :], pixels[..., -1, :], pixels[..., 0], pixels[..., -1]]
    return float(np.mean([edge.mean() for edge in edges]))


def _to_numpy(values: Any) -> np.ndarray[Any, Any]:
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def _check_images(place: str, images: Stream) -> None:
    shape = images.shape
    fits = len(shape) in (3, 4) and min(shape) > 0 and max(shape[1:]) <= _MAX_SIDE
    if not fits or (len(shape) == 4 and not {shape[1], shape[3]} & {1, 3}):
        raise UserError(
            f"{place}: 'images' should have the shape [N, H, W, C] or [N, C, H, W] with C = 1 or "
            f"3 (or [N, H, W]), with sides up to {_MAX_SIDE}, but it has {list(shape)}."
        )
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise UserError(
            f"{place}: 'images' should be uint8, or float in [0, 1], but it is {images.dtype}."
        )


def _check_values(place: str, block: np.ndarray[Any, Any]) -> None:
    if block.dtype != np.uint8 and not (block.min() >= 0 and block.max() <= 1):  # NaN: neither
        raise UserError(
            f"{place}: 'images' is {block.dtype}, so its values should lie in [0, 1], but they "
            f"go from {block.min():g} to {block.max():g}; divide them, or save uint8."
        )


def _rows(images: Stream, size: int) -> int:
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


def _resized(
    block: np.ndarray[Any, Any], channels: int, size: int, fit: Fit, paper: str
) -> UInt8[np.ndarray, "n c S S"]:
    pictures = _pictures(block)
    used = np.ascontiguousarray(pictures if channels == 3 else pictures[..., 0])
    return np.stack(
        [
            to_array(Image.fromarray(picture), channels, size, fit=fit, paper=paper)
            for picture in used
        ]
    )
