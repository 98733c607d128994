"""Images of the dataset, of the model, and what the model makes of the former."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Num
from PIL import Image
from torch import Tensor

from disvae.data.batches import to_unit_interval
from disvae.data.dataset import Dataset
from disvae.errors import UserError
from disvae.metrics.arrays import ArrayLike, to_numpy
from disvae.models.vae import VAE
from disvae.plots.figures import shown
from disvae.plots.grids import Grid, check_size, image_grid
from disvae.plots.opened import Opened, prepare
from disvae.runs.run import Run

_AT_ONCE = 256  # their activations take about 60 MB


@torch.inference_mode()
def decode(model: VAE, codes: Float[Tensor, "*grid D"]) -> Float[Tensor, "*grid C H W"]:
    """Decode codes, arranged in any way, to probabilities."""
    rows = codes.flatten(0, -2)
    images = torch.cat([model.decode(some) for some in torch.split(rows, _AT_ONCE)])
    return images.view(*codes.shape[:-1], *model.image_shape)


@torch.inference_mode()
def reconstruct_images(model: VAE, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Decode the posterior means of `images` to probabilities."""
    parts = torch.split(images, _AT_ONCE)
    return torch.cat([model.decode(model.encode(some).mean) for some in parts])


def dataset_samples(dataset: Dataset) -> Image.Image:
    """Draw 6 x 10 images of a dataset from its first to its last, at equal distances."""
    images = to_unit_interval(dataset.images(np.linspace(0, len(dataset) - 1, 60).astype(int)))
    return image_grid(images.view(6, 10, *dataset.image_shape), dataset.background).to_image()


@shown
def decoded(
    run: Run,
    codes: Num[ArrayLike, "N D"],
    n_cols: int = 10,
    upsample_factor: int = 1,
    device: torch.device | str = "cpu",
) -> Grid:
    """Draw what the model of `run` decodes from `codes`, in their order, line by line.

    A line has `n_cols` images, of whose pixels each becomes a square of side `upsample_factor`.
    Codes of another model, or so many that the picture would fill the memory, are a `UserError`.
    """
    count = len(to_numpy(codes))
    n_cols = min(n_cols, max(1, count))
    n_rows = -(-count // n_cols)
    check_size(run.image_shape, n_rows, n_cols, upsample_factor)
    images = torch.from_numpy(run.decode(codes, device))
    paper = 1.0 if run.background == "black" else 0.0
    rest = torch.full((n_rows * n_cols - count, *run.image_shape), paper)
    grid = torch.cat([images, rest]).view(n_rows, n_cols, *run.image_shape)
    return image_grid(grid, run.background, upsample_factor)


@shown
def generate_samples(run: Run | Opened, **options: Any) -> Grid:
    """Draw what the model decodes from random codes of the prior N(0, I).

    Reads ``n_rows, n_cols, seed, upsample_factor, title, dpi``.
    """
    opened, plot = prepare(run, options)
    model = opened.run.model
    shape = (plot.n_rows, plot.n_cols, model.latent_dim)
    codes = np.random.default_rng(plot.seed).standard_normal(shape, dtype=np.float32)
    images = decode(model, torch.from_numpy(codes))
    return opened.grid(images, plot)


@shown
def data_samples(run: Run | Opened, **options: Any) -> Grid:
    """Draw images of the run's dataset: those of `idcs` first, then others at random.

    Reads ``n_rows, n_cols, idcs, seed, upsample_factor, title, dpi``.
    """
    opened, plot = prepare(run, options)
    images = opened.samples(plot.n_rows * plot.n_cols, plot)
    grid = images.view(plot.n_rows, plot.n_cols, *images.shape[1:])
    return opened.grid(grid, plot)


@shown
def reconstruct(run: Run | Opened, **options: Any) -> Grid:
    """Draw images above, in the first half of the rows, and their reconstructions below.

    Reads ``n_rows`` (an even number), ``n_cols, idcs, seed, upsample_factor, title, dpi``.
    """
    opened, plot = prepare(run, options)
    if plot.n_rows % 2:
        raise UserError(
            f"reconstruct draws originals above reconstructions, so --n-rows must be even, "
            f"but it is {plot.n_rows}."
        )
    originals = opened.samples(plot.n_rows // 2 * plot.n_cols, plot)
    grid = torch.cat([originals, reconstruct_images(opened.run.model, originals)])
    grid = grid.view(plot.n_rows, plot.n_cols, *originals.shape[1:])
    return opened.grid(grid, plot)
