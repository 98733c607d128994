"""Prepared datasets on disk: written whole or not at all, opened by memory map.

A folder with ``images.npy`` (uint8 ``[N, C, H, W]``; binary images as bits, ``[N, C*H*W/8]``),
``factors.npy`` (where known) and ``manifest.json``. While it is prepared, all lies in
``.<name>.partial`` beside it, from where an interrupted preparation goes on.
"""

import contextlib
import hashlib
import json
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer, UInt8
from pydantic import BaseModel, ConfigDict
from tqdm.auto import tqdm

from disvae.data.parallel import Item, map_in_order
from disvae.errors import UserError
from disvae.storage.files import read_whole, replacing, require_regular, write_text
from disvae.types import Fit

VERSION = 1
_COMMIT_BYTES = 2**26  # an interruption costs at most the work on so many bytes


class Manifest(BaseModel):
    """The record beside the arrays (``manifest.json``): what the dataset's entry says, and more."""

    model_config = ConfigDict(frozen=True)

    name: str
    image_shape: tuple[int, int, int]
    splits: dict[str, int]
    background: str
    factors: dict[str, int]
    packed: bool
    source: dict[str, str] = {}  # raw file to where it came from
    source_hashes: dict[str, str] = {}  # to ``md5:...`` as published, else ``sha256:...``
    hashes: dict[str, str] = {}  # array file to its sha256, for `disvae data verify`
    skipped: dict[str, str] = {}  # image file of the user's that cannot be read, to why
    fit: Fit = "stretch"  # how own images became squares
    version: int = VERSION
    done: bool = False

    @property
    def n_images(self) -> int:
        """Number of stored images, all splits together."""
        return sum(self.splits.values())

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one stored image."""
        return (math.prod(self.image_shape) // 8,) if self.packed else self.image_shape


class Builder:
    """Appends images to a dataset that is being prepared.

    `manifest` says what is prepared. `written` images are there already: 0 at first, unless a
    preparation was interrupted. Rows go straight to the file; no memory is needed for them.
    """

    def __init__(self, folder: Path, manifest: Manifest):
        self._folder = folder
        self.manifest = manifest
        self.written = _committed(folder, manifest)
        if not self.written:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / "images.npy").open("r+b" if self.written else "wb")
        shape = (manifest.n_images, *manifest.row_shape)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_2_0(self._file, header)
        row_bytes = math.prod(manifest.row_shape)
        self._file.truncate(self._file.tell() + self.written * row_bytes)
        self._file.seek(0, os.SEEK_END)
        self._rows_a_commit = max(1, _COMMIT_BYTES // row_bytes)
        self._next_commit = self.written + self._rows_a_commit
        self._bar = tqdm(
            desc=manifest.name, unit=" images", unit_scale=True, disable=None,
            initial=self.written, total=manifest.n_images,
        )  # fmt: skip

    @property
    def size(self) -> int:
        """Side of the images."""
        return self.manifest.image_shape[-1]

    def append(self, rows: UInt8[np.ndarray, "n ..."]) -> None:
        """Append images ``[n, C, H, W]``, or ``[n, C*H*W/8]`` if they are packed."""
        if rows.dtype != np.uint8 or rows.shape[1:] != self.manifest.row_shape:
            raise ValueError(f"rows are {rows.dtype} {rows.shape}, not {self.manifest.row_shape}")
        self._file.write(np.ascontiguousarray(rows).data)  # unlike tofile, it says why it fails
        self.written += len(rows)
        self._bar.update(len(rows))
        if self.written >= self._next_commit:
            self._commit()

    def extend(
        self, convert: Callable[[Item], UInt8[np.ndarray, "n ..."]], items: Iterable[Item]
    ) -> None:
        """Append ``convert(item)`` for all `items`, in their order, computed on all cores."""
        for rows in map_in_order(convert, items):
            self.append(rows)

    def expect(self, n_images: int) -> None:
        """Refuse raw files that hold another number of images than the dataset has."""
        if n_images != self.manifest.n_images:
            raise UserError(
                f"Dataset '{self.manifest.name}' should have {self.manifest.n_images} images, "
                f"but its files hold {n_images}; fetch them again."
            )

    def write_factors(self, factors: Integer[np.ndarray, "N K"]) -> None:
        """Store the factors of all images."""
        with replacing(self._folder / "factors.npy") as temporary:
            np.save(temporary, factors, allow_pickle=False)

    def write_factor_grid(self) -> None:
        """Store the factors of images in mixed-radix order, the last factor fastest."""
        sizes = tuple(self.manifest.factors.values())
        grid = np.indices(sizes, dtype=np.uint8).reshape(len(sizes), -1).T
        self.write_factors(np.ascontiguousarray(grid))

    def close(self) -> None:
        """Close the files."""
        self._bar.close()
        self._file.close()

    def finish(self) -> None:
        """Close the files, check the count and write the manifest, last."""
        self.expect(self.written)
        self._flush()
        self.close()
        arrays = sorted(self._folder.glob("*.npy"))
        hashes = {path.name: file_hash(path, "sha256") for path in arrays}
        done = self.manifest.model_copy(update={"done": True, "hashes": hashes})
        write_text(self._folder / "manifest.json", done.model_dump_json(indent=2) + "\n")
        (self._folder / "progress.json").unlink(missing_ok=True)

    def _flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def _commit(self) -> None:
        """Record that the images so far are on the disk."""
        self._flush()
        progress = {"written": self.written, "manifest": self.manifest.model_dump(mode="json")}
        write_text(self._folder / "progress.json", json.dumps(progress))
        self._next_commit = self.written + self._rows_a_commit


def _committed(folder: Path, manifest: Manifest) -> int:
    """Return how many images an interrupted preparation of the same dataset left."""
    try:
        progress = json.loads(read_whole(folder / "progress.json"))
        before = Manifest(**progress["manifest"])
        written = int(progress["written"])
    except (OSError, ValueError, TypeError, KeyError):
        return 0
    # the same raw files may have come another way
    same = before.model_copy(update={"source": manifest.source}) == manifest
    return written if same and (folder / "images.npy").exists() else 0


def partial_folder(folder: Path) -> Path:
    """Return where the dataset `folder` lies while it is prepared."""
    return folder.with_name(f".{folder.name}.partial")


@contextlib.contextmanager
def building(folder: Path, manifest: Manifest) -> Iterator[Builder]:
    """Prepare a dataset in a hidden folder; rename it to `folder` when all went well.

    An error leaves nothing behind. An interruption leaves the images so far, and the next
    preparation of the same goes on there. There must be one writer at a time.
    """
    partial = partial_folder(folder)
    try:
        with contextlib.closing(Builder(partial, manifest)) as builder:
            yield builder
            builder.finish()
        partial.rename(folder)
    except Exception:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def is_store(folder: Path) -> bool:
    """Whether `folder` looks like a prepared dataset, and not like one of the user's."""
    return all((folder / name).is_file() for name in ("images.npy", "manifest.json"))


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of a prepared dataset; None if `folder` holds no complete one."""
    try:
        manifest = Manifest(**json.loads(read_whole(folder / "manifest.json")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError, RecursionError):
        raise UserError(
            f"{folder / 'manifest.json'} is damaged; remove the folder {folder} "
            "and prepare the dataset again."
        ) from None
    return manifest if manifest.done and manifest.version == VERSION else None


def file_hash(path: Path, algorithm: str) -> str:
    """Return the hash of the file at `path`, as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def open_array(path: Path, shape: tuple[int, ...] | None = None) -> np.ndarray[Any, Any]:
    """Memory-map the array at `path`; `UserError` if it is damaged or of another shape."""
    try:
        require_regular(path, sys.maxsize)
        mapped = np.lib.format.open_memmap(path, "r")
    except (ValueError, EOFError, FileNotFoundError):
        mapped = None
    if mapped is None or (shape is not None and mapped.shape != shape):
        raise UserError(f"{path} is damaged; remove {path.parent} and prepare the dataset again.")
    return np.asarray(mapped)  # a plain view: numpy's memmap class slows each look-up
