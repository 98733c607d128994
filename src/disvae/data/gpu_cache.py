"""A whole dataset on a GPU, where batches are gathered without the host."""

import math
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from disvae.data.dataset import Dataset

_SHARE = 0.5  # of the device's free memory that a dataset may take
_ROWS_AT_ONCE = 2**15


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


def resident(dataset: Dataset, device: torch.device) -> Resident | None:
    """Return `dataset` on the GPU `device`, kept there from now on; None if it does not fit."""
    if dataset not in _kept:
        free, _ = torch.cuda.mem_get_info(device)
        if len(dataset) * math.prod(dataset.row_shape) > _SHARE * free:
            return None
        _kept[dataset] = Resident(dataset, device)
    return _kept[dataset]
