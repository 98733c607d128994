"""A prepared dataset, as users hold it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from disvae.data.store import Manifest, open_array
from disvae.errors import UserError

Indices = Sequence[int] | slice | Int[np.ndarray, "B"] | Int[Tensor, "B"]


class Dataset:
    """Images ``uint8 [N, C, H, W]`` and, where known, their factors; opened by memory map.

    Parameters
    ----------
    folder
        The prepared dataset.
    manifest
        Its manifest.
    split
        ``train`` (all images, where the dataset has no split) or another name of the manifest.

    Attributes
    ----------
    name, background
        Name, and colour behind the objects: ``black`` or ``white``.
    image_shape
        ``(C, H, W)``.
    factor_names, factor_sizes
        Names of the K factors, slowest first, and their numbers of values; empty if unknown.
    """

    def __init__(self, folder: Path, manifest: Manifest, split: str = "train"):
        self.name = manifest.name
        self.background = manifest.background
        self.image_shape = manifest.image_shape
        self.factor_names = tuple(manifest.factors)
        self.factor_sizes = tuple(manifest.factors.values())
        self._packed = manifest.packed
        start = sum(_sizes_before(manifest.splits, split))
        self._range = slice(start, start + manifest.splits[split])
        stored = open_array(folder / "images.npy", (manifest.n_images, *manifest.row_shape))
        self._rows = stored[self._range]
        self._factors_file = folder / "factors.npy"

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {len(self):,} images of {self.image_shape})"

    def images(self, indices: Indices) -> UInt8[Tensor, "B C H W"]:
        """Return the images at `indices`, 0 to 255.

        Raises
        ------
        UserError
            If an index lies outside the dataset.
        """
        try:
            rows = self._rows[indices if isinstance(indices, slice) else np.asarray(indices)]
        except IndexError:
            raise UserError(
                f"Dataset '{self.name}' has the images 0 to {len(self) - 1}; "
                "choose indices among these."
            ) from None
        if self._packed:
            bits = np.unpackbits(rows, axis=1)
            pixels = np.negative(bits, out=bits)  # 1 becomes 255
        else:
            pixels = np.array(rows)
        return torch.from_numpy(pixels.reshape(-1, *self.image_shape))

    @property
    def factors(self) -> Int[np.ndarray, "N K"] | None:
        """Factor values of all images, int64 ``[N, K]``; None if unknown."""
        if not self.factor_names:
            return None
        return open_array(self._factors_file)[self._range].astype(np.int64)


def _sizes_before(splits: dict[str, int], split: str) -> list[int]:
    names = list(splits)
    if split not in names:
        raise UserError(f"There is no split '{split}'; choose among {', '.join(names)}.")
    return list(splits.values())[: names.index(split)]
