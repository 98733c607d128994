"""A run with its data open: what several plots share is opened and measured once."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from disvae.data.batches import batches, to_unit_interval
from disvae.data.dataset import Dataset
from disvae.errors import UserError
from disvae.options import PlotOptions
from disvae.plots.grids import Grid, check_size, image_grid
from disvae.runs.run import Run
from disvae.types import checked

_IMAGES_FOR_KL = 1000


class Opened:
    """A run whose dataset and KL are read at most once, when a plot first asks for them.

    Every plot takes one in the place of a `run`. Prepared datasets lie in `data_dir`, or where
    `Run.dataset` looks for them.
    """

    def __init__(self, run: Run, data_dir: Path | None = None):
        self.run = run
        self._data_dir = data_dir

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset that the run was trained on."""
        dataset = self.run.dataset(self._data_dir)
        if dataset.image_shape != self.run.image_shape:
            raise UserError(
                f"{self.run.path} was trained on images of {self.run.image_shape}, but "
                f"{dataset.name} now has {dataset.image_shape}; give the --data-dir of the former."
            )
        return dataset

    @cached_property
    def kl(self) -> Float[np.ndarray, "D"]:
        """KL of each latent in nats: of the model's epoch in the log, else of some images."""
        if (logged := self.run.kl) is not None:
            return logged
        some = np.random.default_rng(0).permutation(len(self.dataset))[:_IMAGES_FOR_KL]
        (images,) = batches(self.dataset, some, _IMAGES_FOR_KL, torch.device("cpu"))
        with torch.inference_mode():
            measured: Float[np.ndarray, "D"] = self.run.model.encode(images).kl().mean(0).numpy()
        return measured

    def latents(self, plot: PlotOptions) -> Int[np.ndarray, "R"]:
        """Return the ``n_rows`` latents with the largest KL, largest first.

        If the user gave no ``n_rows``, fewer latents than its default are no fault.
        """
        n_latents = self.run.options.latent_dim
        if plot.n_rows > n_latents and "n_rows" in plot.model_fields_set:
            raise UserError(
                f"The model has {n_latents} latents, so --n-rows can be at most {n_latents}, "
                f"but it is {plot.n_rows}."
            )
        return np.argsort(-self.kl, kind="stable")[: plot.n_rows]

    def row_label(self, latent: int) -> str:
        """Name a latent and its KL, for the side of its row."""
        return f"z{latent}: KL {self.kl[latent]:.2f}"

    def row_labels(self, latents: Int[np.ndarray, "R"], plot: PlotOptions) -> list[str]:
        """Label the rows of `latents` if the user asked for it."""
        return [self.row_label(j) for j in latents] if plot.is_show_loss else []

    def grid(
        self,
        images: Float[Tensor, "R C channels H W"],
        plot: PlotOptions,
        labels: Sequence[str] = (),
    ) -> Grid:
        """Arrange R rows of C images as the options say."""
        grid = image_grid(images, self.run.background, plot.upsample_factor, labels)
        return grid._replace(title=plot.title or "", dpi=plot.dpi)

    def samples(self, count: int, plot: PlotOptions) -> Float[Tensor, "count C H W"]:
        """Return the images at `plot.idcs`, then others at random, in [0, 1].

        All plots of one seed and shape take theirs from the beginning of the same list
        of ``n_rows * n_cols`` images, so that they show the same.
        """
        room = plot.n_rows * plot.n_cols
        if len(plot.idcs) > room:
            raise UserError(
                f"--idcs names {len(plot.idcs)} images, but the plot has room for {room}; "
                "name fewer, or raise --n-rows or --n-cols."
            )
        name, n_images = self.dataset.name, len(self.dataset)
        if max(plot.idcs, default=0) >= n_images:
            raise UserError(
                f"--idcs: {name} has the images 0 to {n_images - 1}, not {max(plot.idcs)}."
            )
        if count > n_images:
            raise UserError(
                f"The plot shows {count} images, but {name} has only {n_images}; "
                "lower --n-rows or --n-cols."
            )
        random = np.random.default_rng(plot.seed)
        drawn = random.choice(n_images, min(room, n_images), replace=False)
        others = drawn[~np.isin(drawn, plot.idcs)]
        chosen = np.concatenate([np.array(plot.idcs, dtype=np.int64), others])[:count]
        return to_unit_interval(self.dataset.images(chosen))


def prepare(
    run: Run | Opened, options: Mapping[str, Any], n_frames: int = 1
) -> tuple[Opened, PlotOptions]:
    """Check what the user gave to a plot of images, before anything is opened."""
    plot = checked(PlotOptions, options)
    opened = run if isinstance(run, Opened) else Opened(run, plot.data_dir)
    check_size(opened.run.image_shape, plot.n_rows, plot.n_cols, plot.upsample_factor, n_frames)
    return opened, plot
