"""Files inside zip, tar and gzip archives, read without unpacking them to disk."""

import contextlib
import errno
import gzip
import math
import re
import struct
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import numpy as np

from disvae.errors import UserError

# BadGzipFile is an OSError; RuntimeError: encrypted, or a compression that Python cannot undo
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, struct.error,
    EOFError, RuntimeError, UnicodeDecodeError, OSError,
)  # fmt: skip

# the wanted files of an archive: their sorted names, and how to read one (thread-safe)
Members = tuple[list[str], Callable[[str], bytes]]


@contextlib.contextmanager
def open_zip(path: Path, pattern: str, max_bytes: int) -> Iterator[Members]:
    """Open the files of a zip whose names match `pattern`; none may exceed `max_bytes`.

    A `UserError` says if it is none, is damaged, or holds a larger file or a path out of it.
    """
    with damage_told(path, "zip"), zipfile.ZipFile(path) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        yield _wanted(path, sizes, pattern, max_bytes), archive.read


@contextlib.contextmanager
def open_tar(path: Path, pattern: str, max_bytes: int) -> Iterator[Members]:
    """Open the files of an uncompressed tar likewise; links and devices are left out."""
    lock = threading.Lock()
    with damage_told(path, "tar"), tarfile.open(path, "r:") as archive:
        members = {member.name: member for member in archive if member.isfile()}

        def read(name: str) -> bytes:
            with lock:
                return _content(archive, members[name])

        sizes = {name: member.size for name, member in members.items()}
        yield _wanted(path, sizes, pattern, max_bytes), read


def stream_tar_gz(path: Path, pattern: str, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files of a compressed tar likewise, in its own order."""
    with damage_told(path, "tar.gz"), tarfile.open(path, "r|gz") as archive:
        for member in archive:
            if member.isfile() and _wanted(path, {member.name: member.size}, pattern, max_bytes):
                yield member.name, _content(archive, member)


def _content(archive: tarfile.TarFile, regular_file: tarfile.TarInfo) -> bytes:
    return cast("IO[bytes]", archive.extractfile(regular_file)).read()


@contextlib.contextmanager
def open_gzip(path: Path) -> Iterator[IO[bytes]]:
    """Open the content of a file, gzipped or not; `UserError` if it is cut short or damaged."""
    with path.open("rb") as probe:
        packed = probe.read(2) == b"\x1f\x8b"
    with damage_told(path, "gzip"), path.open("rb") as raw:
        yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw


@contextlib.contextmanager
def damage_told(path: Path, kind: str) -> Iterator[None]:
    """Make one sentence (`UserError`) of all that the readers of archives raise."""
    try:
        yield
    except _BROKEN as error:
        # the readers go where a damaged file points to, even before its beginning
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise UserError(
            f"{path} is cut short or damaged, or no {kind} file; get it again."
        ) from None


def read_blocks(
    stream: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...], rows: int, start: int = 0
) -> Iterator[np.ndarray[Any, Any]]:
    """Yield an array that begins where `stream` is, from row `start` on, `rows` at a time."""
    row_bytes = math.prod(shape[1:]) * dtype.itemsize
    stream.seek(start * row_bytes, 1)
    for first in range(start, shape[0], rows):
        count = min(rows, shape[0] - first)
        raw = read_exactly(stream, count * row_bytes)
        yield np.frombuffer(raw, dtype).reshape(count, *shape[1:])


def read_exactly(stream: IO[bytes], size: int) -> bytes:
    """Read `size` bytes; `EOFError` if the stream ends before."""
    content = stream.read(size)
    if len(content) != size:
        raise EOFError
    return content


def _wanted(path: Path, sizes: dict[str, int], pattern: str, max_bytes: int) -> list[str]:
    names = sorted(name for name in sizes if re.fullmatch(pattern, name))
    for name in sizes:
        if name.startswith(("/", "\\")) or ".." in PurePosixPath(name.replace("\\", "/")).parts:
            raise UserError(f"{path} holds the path {name!r}, which leads out of it; it is unsafe.")
    for name in names:
        if sizes[name] > max_bytes:
            raise UserError(
                f"{path}: {name} would fill {sizes[name]:,} bytes, more than the {max_bytes:,} "
                "that such a file may; fetch it again."
            )
    return names
