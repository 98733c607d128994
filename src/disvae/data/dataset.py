"""A prepared dataset, as users hold it."""

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from disvae.data.store import Manifest, open_array
from disvae.errors import UserError

Indices = Sequence[int] | slice | Int[np.ndarray, "B"] | Int[Tensor, "B"]


class Dataset:
    """Images ``uint8 [N, C, H, W]`` and, where known, their factors; opened by memory map.

    `disvae.load_dataset` makes one, and says what `split` and the fractions are.

    `name` and `background` (``black`` or ``white``, behind the objects) are its entry's, `folder`
    is where it is prepared, `is_whole` says whether it is all that training takes by default.
    `image_shape` is ``(C, H, W)``; if the images are `packed`, as bits, `row_shape` is that of one
    as it is stored. `images_hash` is the SHA-256 of all stored images, None where the manifest does
    not say it. `factor_names` are those of the K factors, slowest first, and `factor_sizes` their
    numbers of values; empty if unknown. `weights` say how often training draws each image, in sum
    1; None: each once an epoch.
    """

    weights: Float[np.ndarray, "N"] | None = None

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        split: str = "train",
        train_fraction: float = 1,
        seed: int = 0,
        val_fraction: float = 0,
    ):
        self.folder = folder
        self.is_whole = split == "train" and train_fraction == 1 and not val_fraction
        self.name = manifest.name
        self.background = manifest.background
        self.image_shape = manifest.image_shape
        self.factor_names = tuple(manifest.factors)
        self.factor_sizes = tuple(manifest.factors.values())
        self.packed, self.row_shape = manifest.packed, manifest.row_shape
        self.images_hash = manifest.hashes.get("images.npy")
        whole = "train" if split == "val" else split
        self._range, self._chosen = _part(manifest, whole, train_fraction, seed)
        if val_fraction and whole == "train":
            n_images = self._range.stop - self._range.start
            chosen = np.arange(n_images) if self._chosen is None else self._chosen
            self._chosen = _without_or_only(chosen, split == "val", val_fraction, seed, self.name)
        elif split == "val":
            raise UserError(
                f"Of dataset '{self.name}' nothing is held out as 'val'; say which share "
                "(--val-fraction)."
            )
        stored = open_array(folder / "images.npy", (manifest.n_images, *manifest.row_shape))
        self._rows = stored[self._range]
        self._factors_file = folder / "factors.npy"

    def __len__(self) -> int:
        return len(self._rows if self._chosen is None else self._chosen)

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {len(self):,} images of {self.image_shape})"

    def taken(
        self,
        chosen: Bool[np.ndarray, "N"] | None = None,
        weights: Float[np.ndarray, "n"] | None = None,
    ) -> "Dataset":
        """Return the dataset of the images that are `chosen`, all by default, with `weights`."""
        other = copy.copy(self)
        if chosen is not None:
            indices = np.flatnonzero(chosen)
            other._chosen = indices if self._chosen is None else self._chosen[indices]
        other.weights = weights
        return other

    def images(self, indices: Indices) -> UInt8[Tensor, "B C H W"]:
        """Return the images at `indices`, 0 to 255; `UserError` if one lies outside the dataset."""
        pixels = self.rows(indices)
        if self.packed:
            bits = np.unpackbits(pixels, axis=1)
            pixels = np.negative(bits, out=bits)  # 1 becomes 255
        return torch.from_numpy(pixels.reshape(-1, *self.image_shape))

    def rows(self, indices: Indices) -> UInt8[np.ndarray, "B ..."]:
        """Return the images at `indices` as they are stored, in memory (see `packed`, `images`)."""
        where = indices if isinstance(indices, slice) else np.asarray(indices)
        try:
            rows = self._rows[where if self._chosen is None else self._chosen[where]]
        except IndexError:
            raise UserError(
                f"Dataset '{self.name}' has the images 0 to {len(self) - 1}; "
                "choose indices among these."
            ) from None
        return rows if rows.flags.writeable else rows.copy()  # a slice is a view of the file

    @property
    def indices(self) -> Int[np.ndarray, "N"]:
        """Where its images stand in the dataset from which a train fraction took them."""
        return np.arange(len(self)) if self._chosen is None else self._chosen.copy()

    @property
    def factors(self) -> Int[np.ndarray, "N K"] | None:
        """Factor values of all images, int64 ``[N, K]``; None if unknown."""
        if not self.factor_names:
            return None
        factors = open_array(self._factors_file)[self._range]
        return factors[slice(None) if self._chosen is None else self._chosen].astype(np.int64)


def _without_or_only(
    chosen: Int[np.ndarray, "n"], only: bool, share: float, seed: int, name: str
) -> Int[np.ndarray, "m"]:
    """Return a `share` of the images `chosen`, or the others, in their order."""
    count = round(len(chosen) * share)
    if not 0 < count < len(chosen):
        raise UserError(
            f"A share of {share} of the {len(chosen)} images of dataset '{name}' (--val-fraction) "
            f"is {count}; both it and the others should be at least 1."
        )
    drawn = np.random.default_rng((seed, 1)).permutation(len(chosen))
    part: Int[np.ndarray, "m"] = chosen[np.sort(drawn[:count] if only else drawn[count:])]
    return part


def _part(
    manifest: Manifest, split: str, train_fraction: float, seed: int
) -> tuple[slice, Int[np.ndarray, "n"] | None]:
    """Return which stored images are `split`: a range, and which of its images (None: all)."""
    own = manifest.splits
    if not 0 < train_fraction <= 1:
        raise UserError(f"The train fraction should lie in (0, 1], but it is {train_fraction}.")
    if split not in {"train", "test", *own}:
        choices = "train or test" if train_fraction < 1 else f"among {', '.join(own)}"
        raise UserError(f"There is no split '{split}'; choose {choices}.")
    if train_fraction == 1:
        if split not in own:
            raise UserError(
                f"Dataset '{manifest.name}' has no split '{split}' of its own; "
                "hold images out with a train fraction below 1 (--train-fraction)."
            )
        start = sum(list(own.values())[: list(own).index(split)])
        return slice(start, start + own[split]), None
    if len(own) > 1:
        raise UserError(
            f"Dataset '{manifest.name}' has the splits {', '.join(own)} already; "
            "leave the train fraction (--train-fraction) at 1."
        )
    count = manifest.n_images
    n_train = round(count * train_fraction)
    if not 0 < n_train < count:
        raise UserError(
            f"A train fraction of {train_fraction} divides the {count} images of dataset "
            f"'{manifest.name}' into {n_train} and {count - n_train}; both should be at least 1."
        )
    drawn = np.random.default_rng(seed).permutation(count)
    return slice(0, count), np.sort(drawn[:n_train] if split == "train" else drawn[n_train:])
