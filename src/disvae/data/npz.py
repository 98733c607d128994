"""Arrays inside an ``.npz`` file, read in blocks: they may be larger than the memory."""

import contextlib
import math
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from disvae.errors import UserError

_MAX_BYTES = 2**37  # of one array; the largest dataset of the field has 2^34


class ArrayStream:
    """One array of the file, read from its first row to its last.

    Attributes
    ----------
    shape, dtype
        Of the whole array.
    """

    def __init__(self, path: Path, name: str, stream: IO[bytes], size: int):
        self._path, self._name, self._stream = path, name, stream
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
        if expected > _MAX_BYTES or size - stream.tell() != expected:
            raise UserError(
                f"{path}: '{name}' announces {expected:,} bytes but holds {size - stream.tell():,} "
                f"(at most {_MAX_BYTES:,} are read); save it again."
            )

    def blocks(self, rows: int, start: int = 0) -> Iterator[np.ndarray[Any, Any]]:
        """Yield the array from row `start` on, `rows` at a time."""
        row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        self._stream.seek(start * row_bytes, 1)
        for first in range(start, self.shape[0], rows):
            count = min(rows, self.shape[0] - first)
            raw = self._stream.read(count * row_bytes)
            if len(raw) != count * row_bytes:
                raise EOFError
            yield np.frombuffer(raw, self.dtype).reshape(count, *self.shape[1:])


@contextlib.contextmanager
def open_npz_array(path: Path, name: str) -> Iterator[ArrayStream]:
    """Open array `name` of the file at `path`.

    Raises
    ------
    UserError
        If the file is no ``.npz``, is damaged, has no such array, or one of Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            member = f"{name}.npy"
            if member not in archive.namelist():
                names = ", ".join(entry.removesuffix(".npy") for entry in archive.namelist()[:10])
                raise UserError(f"{path} has no array '{name}', but: {names or 'nothing'}.")
            size = archive.getinfo(member).file_size
            with archive.open(member) as stream:
                yield ArrayStream(path, name, stream, size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        raise UserError(f"{path} is damaged or no .npz file; fetch or save it again.") from None


def array_names(path: Path) -> list[str]:
    """Name the arrays of an ``.npz`` file; none if it is no such file."""
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]
