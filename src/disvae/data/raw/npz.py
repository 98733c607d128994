"""Arrays in ``.npz`` and ``.npy`` files, read in blocks: they may be larger than the memory."""

import contextlib
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from disvae.data.raw.archives import damage_told, read_blocks
from disvae.errors import UserError

_MAX_BYTES = 2**37  # of one array read in blocks; the largest of the field has 2^34


class ArrayStream:
    """One array of the file, read from its first row to its last."""

    def __init__(self, path: Path, name: str, stream: IO[bytes], size: int, max_bytes: int):
        self._stream = stream
        try:
            version = np.lib.format.read_magic(stream)
            read_header = np.lib.format.read_array_header_1_0
            if version != (1, 0):
                read_header = np.lib.format.read_array_header_2_0
            self.shape, columns_first, self.dtype = read_header(stream)
        except ValueError:
            raise EOFError from None
        if self.dtype.hasobject or (columns_first and len(self.shape) > 1) or not self.shape:
            raise UserError(
                f"{path}: '{name}' should be a plain array with its rows one after the other; "
                "save np.ascontiguousarray of it, with numbers or text and no objects."
            )
        expected = math.prod(self.shape) * self.dtype.itemsize
        if expected > max_bytes or size - stream.tell() != expected:
            raise UserError(
                f"{path}: '{name}' announces {expected:,} bytes but holds {size - stream.tell():,} "
                f"(at most {max_bytes:,} are read); save it again."
            )

    def blocks(self, rows: int, start: int = 0) -> Iterator[np.ndarray[Any, Any]]:
        """Yield the array from row `start` on, `rows` at a time."""
        return read_blocks(self._stream, self.dtype, self.shape, rows, start)


@contextlib.contextmanager
def open_stream(path: Path, name: str, max_bytes: int = _MAX_BYTES) -> Iterator[ArrayStream]:
    """Open array `name` of the file at `path`; it may fill at most `max_bytes`.

    The only array of an ``.npy`` file has any name. A `UserError` says if the file is damaged, has
    no such array, or one of Python objects.
    """
    if _is_npy(path):
        with damage_told(path, ".npy"), path.open("rb") as stream:
            yield ArrayStream(path, name, stream, path.stat().st_size, max_bytes)
        return
    with damage_told(path, ".npz"), zipfile.ZipFile(path) as archive:
        member = f"{name}.npy"
        if member not in archive.namelist():
            names = ", ".join(entry.removesuffix(".npy") for entry in archive.namelist()[:10])
            raise UserError(f"{path} has no array '{name}', but: {names or 'nothing'}.")
        size = archive.getinfo(member).file_size
        with archive.open(member) as stream:
            yield ArrayStream(path, name, stream, size, max_bytes)


def array_names(path: Path) -> list[str]:
    """Name the arrays of an ``.npz`` file; that of an ``.npy`` file holds images."""
    if _is_npy(path):
        return ["images"]
    with damage_told(path, ".npz"), zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def _is_npy(path: Path) -> bool:
    return path.suffix.lower() == ".npy"
