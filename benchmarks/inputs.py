"""Datasets to measure on, made in a moment."""

from pathlib import Path

import numpy as np

from disvae.data import Dataset
from disvae.data.dsprites import render_block
from disvae.data.store import Manifest, building

_BLOCKS = 20  # of 1,024 sprites, or as many other images


def dataset(folder: Path, image_shape: tuple[int, int, int]) -> Dataset:
    """Prepare 20,480 images: sprites as bits if they are 1x64x64, else bytes at random."""
    packed = image_shape == (1, 64, 64)
    name = "x".join(map(str, image_shape))
    manifest = Manifest(
        name=name, image_shape=image_shape, splits={"train": 1024 * _BLOCKS},
        background="black", factors={}, packed=packed, source={},
    )  # fmt: skip
    random = np.random.default_rng(0)
    with building(folder / name, manifest) as builder:
        for block in range(_BLOCKS):
            builder.append(
                render_block(36 * block)
                if packed
                else random.integers(0, 256, (1024, *image_shape), dtype=np.uint8)
            )
    return Dataset(folder / name, manifest)
