"""The order of batches, and their way to the device."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from disvae.data.dataset import Dataset
from disvae.data.gpu_cache import resident
from disvae.data.parallel import map_in_order


def epoch_order(n_images: int, seed: int, epoch: int) -> Int[np.ndarray, "N"]:
    """Return the order of the images in `epoch`: a pure function of its arguments."""
    return np.random.default_rng((seed, epoch)).permutation(n_images)


def batches(
    dataset: Dataset, order: Int[np.ndarray, "N"], batch_size: int, device: torch.device
) -> Iterator[Float[Tensor, "B C H W"]]:
    """Yield the images of `dataset` in `order`, in [0, 1], on `device`; the last may be short.

    A GPU with room for it keeps the whole dataset and gathers the batches itself. Elsewhere
    each batch is read from the memory map while the one before it is at work.
    """
    on_device = resident(dataset, device) if device.type == "cuda" else None
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
    """Move bytes to `device` and divide there by 255: a quarter of the traffic."""
    return images.to(device, non_blocking=True).float().div_(255)
