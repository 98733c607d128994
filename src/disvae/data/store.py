"""Prepared datasets on disk: written whole or not at all, opened by memory map.

A prepared dataset is a folder with ``images.npy`` (uint8 ``[N, C, H, W]``; binary images
as bits, ``[N, C*H*W/8]``), ``factors.npy`` (where known) and ``manifest.json``.
"""

import contextlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8
from pydantic import BaseModel, ConfigDict, ValidationError

from disvae.errors import UserError

VERSION = 1


class Manifest(BaseModel):
    """The record beside the arrays (``manifest.json``)."""

    model_config = ConfigDict(frozen=True)

    name: str
    image_shape: tuple[int, int, int]
    splits: dict[str, int]
    background: str
    factors: dict[str, int]
    packed: bool
    source: dict[str, str]
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

    Rows go straight to the file, so that preparation needs no memory for them.
    """

    def __init__(self, folder: Path, manifest: Manifest):
        self._folder = folder
        self.manifest = manifest
        self._written = 0
        self._file = (folder / "images.npy").open("wb")
        header = {
            "descr": "|u1",
            "fortran_order": False,
            "shape": (manifest.n_images, *manifest.row_shape),
        }
        np.lib.format.write_array_header_2_0(self._file, header)

    def append(self, rows: UInt8[np.ndarray, "n ..."]) -> None:
        """Append images ``[n, C, H, W]``, or ``[n, C*H*W/8]`` if they are packed."""
        if rows.dtype != np.uint8 or rows.shape[1:] != self.manifest.row_shape:
            raise ValueError(f"rows are {rows.dtype} {rows.shape}, not {self.manifest.row_shape}")
        np.ascontiguousarray(rows).tofile(self._file)
        self._written += len(rows)

    def write_factors(self, factors: Int[np.ndarray, "N K"]) -> None:
        """Store the factors of all images."""
        np.save(self._folder / "factors.npy", factors, allow_pickle=False)

    def close(self) -> None:
        """Close the files."""
        self._file.close()

    def finish(self) -> None:
        """Close the files, check the count and write the manifest, last."""
        if self._written != self.manifest.n_images:
            raise UserError(
                f"Dataset '{self.manifest.name}' should have {self.manifest.n_images} images, "
                f"but its files hold {self._written}; fetch them again."
            )
        self._file.flush()
        os.fsync(self._file.fileno())
        self.close()
        done = self.manifest.model_copy(update={"done": True})
        (self._folder / "manifest.json").write_text(done.model_dump_json(indent=2) + "\n")


@contextlib.contextmanager
def building(folder: Path, manifest: Manifest) -> Iterator[Builder]:
    """Prepare a dataset in a temporary folder; rename it to `folder` when all went well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        builder = Builder(temporary, manifest)
        try:
            yield builder
            builder.finish()
        finally:
            builder.close()
        temporary.chmod(0o755)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of a prepared dataset; None if `folder` holds no complete one."""
    try:
        manifest = Manifest(**json.loads((folder / "manifest.json").read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, ValidationError):
        raise UserError(
            f"{folder / 'manifest.json'} is damaged; remove the folder {folder} "
            "and prepare the dataset again."
        ) from None
    return manifest if manifest.done and manifest.version == VERSION else None


def open_array(path: Path, shape: tuple[int, ...] | None = None) -> np.ndarray[Any, Any]:
    """Memory-map the array at `path` and check its shape.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError):
        mapped = None
    if mapped is None or (shape is not None and mapped.shape != shape):
        raise UserError(
            f"{path} is damaged; remove the folder {path.parent} and prepare the dataset again."
        )
    return np.asarray(mapped)  # a plain view: numpy's memmap class slows each look-up
