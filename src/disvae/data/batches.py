"""The order of batches, and their way to the device; a GPU may keep a whole dataset."""

import math
from collections.abc import Iterator
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from disvae.data.dataset import Dataset
from disvae.data.parallel import map_in_order

_SHARE = 0.5  # of the GPU's free memory that a dataset may take
_ROWS_AT_ONCE = 2**15


def epoch_order(
    n_images: int, seed: int, epoch: int, weights: Float[np.ndarray, "N"] | None = None
) -> Int[np.ndarray, "N"]:
    """Return the order of the images in `epoch`: a pure function of its arguments.

    Each image once; with `weights`, that sum to 1, as many are drawn by them, with replacement.
    """
    random = np.random.default_rng((seed, epoch))
    if weights is None:
        return random.permutation(n_images)
    return random.choice(n_images, n_images, p=weights)


def fixed_part(n_images: int, most: int | None) -> Int[np.ndarray, "n"]:
    """Choose `most` of `n_images`, always the same, in their order; None: all."""
    if most is None or n_images <= most:
        return np.arange(n_images)
    return np.sort(np.random.default_rng(0).choice(n_images, most, replace=False))


def batches(
    dataset: Dataset, order: Int[np.ndarray, "N"], batch_size: int, device: torch.device
) -> Iterator[Float[Tensor, "B C H W"]]:
    """Yield the images of `dataset` in `order`, in [0, 1], on `device`; the last may be short.

    A GPU with room for it keeps the whole dataset and gathers the batches itself. Elsewhere
    each batch is read from the memory map while the one before it is at work.
    """
    on_device = _resident(dataset, device) if device.type == "cuda" else None
    if on_device is None:
        parts = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        images = map_in_order(dataset.images, parts, workers=1)
    else:
        there = torch.from_numpy(order).to(device)
        images = map(on_device.images, there.split(batch_size))  # type: ignore[no-untyped-call]
    for batch in images:
        yield to_unit_interval(batch, device)


def to_unit_interval(
    images: UInt8[Tensor, "B C H W"], device: torch.device | str = "cpu"
) -> Float[Tensor, "B C H W"]:
    """Move bytes to `device`, a quarter of the traffic, and divide there by 255.

    They lie as the networks' weights do, so that no convolution or gradient copies them.
    """
    there = images.to(device, non_blocking=True)
    return there.to(torch.float32, memory_format=torch.channels_last).div_(255)


class Resident:
    """All images of a dataset on a device, as bytes or, if they are binary, as bits."""

    def __init__(self, dataset: Dataset, device: torch.device):
        self._image_shape = dataset.image_shape
        self._packed = dataset.packed
        self._rows = torch.empty(
            (len(dataset), *dataset.row_shape), dtype=torch.uint8, device=device
        )
        for start in range(0, len(dataset), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            self._rows[part] = torch.from_numpy(dataset.rows(part)).to(device)
        # the highest bit of a byte is its first pixel
        self._shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=device)

    def images(self, indices: Int[Tensor, "B"]) -> UInt8[Tensor, "B C H W"]:
        """Return the images at `indices`, which lie on the device too, 0 to 255."""
        rows = self._rows[indices]
        if self._packed:
            rows = ((rows.unsqueeze(-1) >> self._shifts) & 1) * 255
        return rows.view(-1, *self._image_shape)


_kept: WeakKeyDictionary[Dataset, Resident] = WeakKeyDictionary()


def _resident(dataset: Dataset, device: torch.device) -> Resident | None:
    """Return `dataset` on the GPU `device`, kept there from now on; None if it does not fit."""
    if dataset not in _kept:
        free, _ = torch.cuda.mem_get_info(device)
        if len(dataset) * math.prod(dataset.row_shape) > _SHARE * free:
            return None
        _kept[dataset] = Resident(dataset, device)
    return _kept[dataset]
