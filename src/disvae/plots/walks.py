"""Latent traversals: one latent varies along a row, all others stay."""

from typing import Any

import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from disvae.options import PlotOptions
from disvae.plots.figures import shown
from disvae.plots.grids import Grid
from disvae.plots.opened import Opened, prepare
from disvae.plots.samples import decode, reconstruct_images
from disvae.posterior import Posterior
from disvae.runs.run import Run


@shown
def traversals(run: Run | Opened, **options: Any) -> Grid:
    """Draw traversals of the `n_rows` latents with the largest KL, largest first.

    All other latents stay at the prior's mean, or, with ``is_posterior``, at the
    posterior mean of an image: the first of `idcs`, else one at random.

    Reads ``n_rows, n_cols, max_traversal, is_posterior, is_show_loss, idcs, seed,
    upsample_factor, title, dpi``.
    """
    opened, plot = prepare(run, options)
    latents = opened.latents(plot)
    images = decode(opened.run.model, _codes(opened, latents, plot))
    labels = opened.row_labels(latents, plot)
    return opened.grid(images, plot, labels)


@shown
def reconstruct_traverse(run: Run | Opened, **options: Any) -> Grid:
    """Draw a row of images, a row of their reconstructions, then `n_rows` traversals.

    With ``is_posterior`` the traversals are those of the first image, else of the prior.

    Reads what `traversals` reads.
    """
    opened, plot = prepare(run, options)
    latents = opened.latents(plot)
    originals = opened.samples(plot.n_cols, plot)
    above = torch.stack([originals, reconstruct_images(opened.run.model, originals)])
    below = decode(opened.run.model, _codes(opened, latents, plot))
    labels = opened.row_labels(latents, plot)
    if labels:
        labels = ["original", "reconstruction", *labels]
    grid = torch.cat([above, below])
    return opened.grid(grid, plot, labels)


def standard_normal(n_latents: int) -> Posterior:
    """Return the prior, as a batch of one."""
    return Posterior(torch.zeros(1, n_latents), torch.zeros(1, n_latents))


def traversal_codes(
    base: Posterior, latents: Int[ndarray, "R"], n_cols: int, max_traversal: float
) -> Float[Tensor, "R C D"]:
    """Make one row of codes a latent: it varies symmetrically, all others keep the base mean.

    `base` is a batch of one. From 0.5 on, `max_traversal` is the largest absolute value; below,
    the values span the base's quantiles ``0.5 - max_traversal`` to ``0.5 + max_traversal``.
    """
    codes = base.mean.repeat(len(latents), n_cols, 1)
    for row, latent in enumerate(latents.tolist()):
        if max_traversal >= 0.5:
            centre, end = torch.tensor(0.0), torch.tensor(max_traversal, dtype=torch.float32)
        else:
            # of the lower tail, where numbers are dense
            tail = torch.tensor(0.5 - max_traversal, dtype=torch.float64)
            centre = base.mean[0, latent]
            end = base.std[0, latent] * -torch.special.ndtri(tail).float()
        codes[row, :, latent] = centre + end * torch.linspace(-1, 1, n_cols)
    return codes


def _codes(opened: Opened, latents: Int[ndarray, "R"], plot: PlotOptions) -> Float[Tensor, "R C D"]:
    """Codes of a traversal of the prior, or of the posterior of the first image."""
    model = opened.run.model
    base = standard_normal(model.latent_dim)
    if plot.is_posterior:
        with torch.inference_mode():
            base = model.encode(opened.samples(1, plot))
    return traversal_codes(base, latents, plot.n_cols, plot.max_traversal)
