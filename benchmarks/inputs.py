"""Datasets to measure on, made in a moment."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from disvae.data.catalogue.dsprites import render_block
from disvae.data.dataset import Dataset
from disvae.data.store import Manifest, building, read_manifest


def prepare(folder: Path, image_shape: tuple[int, int, int], blocks: int = 20) -> None:
    """Prepare 1,024 images a block: sprites as bits if they are 1x64x64, else bytes at random."""
    packed = image_shape == (1, 64, 64)
    manifest = Manifest(
        name="benchmark", image_shape=image_shape, splits={"train": 1024 * blocks},
        background="black", factors={}, packed=packed, source={},
    )  # fmt: skip
    random = np.random.default_rng(0)
    with building(folder, manifest) as builder:
        for block in range(blocks):
            builder.append(
                render_block(36 * block)
                if packed
                else random.integers(0, 256, (1024, *image_shape), dtype=np.uint8)
            )


def open_dataset(folder: Path) -> Dataset:
    """Open what was prepared."""
    manifest = read_manifest(folder)
    assert manifest is not None
    return Dataset(folder, manifest)


def all_images(folder: Path) -> UInt8[Tensor, "N C H W"]:
    """Read what was prepared into memory."""
    return open_dataset(folder).images(slice(None))
