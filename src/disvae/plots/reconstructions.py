"""Images of the dataset, and what the model makes of them."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from disvae.data import Dataset
from disvae.errors import UserError
from disvae.options import PlotOptions
from disvae.plots.grids import image_grid
from disvae.run import Run
from disvae.validation import checked


def data_samples(run: Run, **options: Any) -> Image.Image:
    """Draw images of the run's dataset: those of `idcs` first, then others at random.

    Parameters
    ----------
    run
        A run.
    **options
        Of `disvae.options.PlotOptions`: ``n_rows, n_cols, idcs, seed, upsample_factor``.
    """
    plot = checked(PlotOptions, options)
    dataset = run.dataset(plot.data_dir)
    images = sample_images(dataset, plot.n_rows * plot.n_cols, plot)
    grid = images.view(plot.n_rows, plot.n_cols, *dataset.image_shape)
    return image_grid(grid, dataset.background, plot.upsample_factor)


@torch.inference_mode()
def reconstruct(run: Run, **options: Any) -> Image.Image:
    """Draw images above, in the first half of the rows, and their reconstructions below.

    Parameters
    ----------
    run
        A run.
    **options
        Of `disvae.options.PlotOptions`: ``n_rows, n_cols, idcs, seed, upsample_factor``.

    Raises
    ------
    UserError
        If `n_rows` is odd.
    """
    plot = checked(PlotOptions, options)
    if plot.n_rows % 2:
        raise UserError(
            f"reconstruct draws originals above reconstructions, so --n-rows must be even, "
            f"but it is {plot.n_rows}."
        )
    dataset = run.dataset(plot.data_dir)
    originals = sample_images(dataset, plot.n_rows // 2 * plot.n_cols, plot)
    reconstructions = run.model(originals).logits.sigmoid()
    grid = torch.cat([originals, reconstructions])
    grid = grid.view(plot.n_rows, plot.n_cols, *dataset.image_shape)
    return image_grid(grid, dataset.background, plot.upsample_factor)


def sample_images(dataset: Dataset, count: int, plot: PlotOptions) -> Float[Tensor, "count C H W"]:
    """Take the images at `plot.idcs`, then others at random, in [0, 1].

    Raises
    ------
    UserError
        If an index lies outside the dataset, or there are more than `count`, or
        the dataset has fewer images.
    """
    if len(plot.idcs) > count:
        raise UserError(
            f"--idcs names {len(plot.idcs)} images, but the plot has room for {count}; "
            "name fewer, or raise --n-rows or --n-cols."
        )
    if max(plot.idcs, default=0) >= len(dataset):
        raise UserError(
            f"--idcs: {dataset.name} has the images 0 to {len(dataset) - 1}, not {max(plot.idcs)}."
        )
    if count > len(dataset):
        raise UserError(
            f"The plot shows {count} images, but {dataset.name} has only {len(dataset)}; "
            "lower --n-rows or --n-cols."
        )
    random = np.random.default_rng(plot.seed)
    drawn = random.choice(len(dataset), count, replace=False)
    others = drawn[~np.isin(drawn, plot.idcs)]
    chosen = np.concatenate([np.array(plot.idcs, dtype=np.int64), others])[:count]
    return dataset.images(chosen).float() / 255
