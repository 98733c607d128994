"""Latent traversals: one latent varies along a row, all others stay."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from disvae.data.batches import batches
from disvae.errors import UserError
from disvae.models import VAE
from disvae.options import PlotOptions
from disvae.plots.grids import image_grid
from disvae.plots.reconstructions import sample_images
from disvae.posterior import Posterior
from disvae.run import Run
from disvae.validation import checked

_IMAGES_FOR_KL = 1000


@torch.inference_mode()
def traversals(run: Run, **options: Any) -> Image.Image:
    """Draw traversals of the `n_rows` latents with the largest KL, largest first.

    All other latents stay at the prior's mean, or, with ``is_posterior``, at the
    posterior mean of an image: the first of `idcs`, else one at random.

    Parameters
    ----------
    run
        A run.
    **options
        Of `disvae.options.PlotOptions`: ``n_rows, n_cols, max_traversal, is_posterior,
        is_show_loss, idcs, seed, upsample_factor``.

    Raises
    ------
    UserError
        If there are more rows than latents.
    """
    plot = checked(PlotOptions, options)
    n_latents = run.options.latent_dim
    if plot.n_rows > n_latents:
        raise UserError(
            f"The model has {n_latents} latents, so --n-rows can be at most {n_latents}, "
            f"but it is {plot.n_rows}."
        )
    kl = latent_kl(run, plot)
    latents = np.argsort(-kl, kind="stable")[: plot.n_rows]
    if plot.is_posterior:
        base = run.model.encode(sample_images(run.dataset(plot.data_dir), 1, plot))
    else:
        base = standard_normal(n_latents)
    codes = traversal_codes(base, latents, plot.n_cols, plot.max_traversal)
    labels = [f"z{j}: KL {kl[j]:.2f}" for j in latents] if plot.is_show_loss else []
    return image_grid(decode_grid(run.model, codes), run.background, plot.upsample_factor, labels)


def latent_kl(run: Run, plot: PlotOptions) -> Float[np.ndarray, "D"]:
    """KL of each latent in nats: of the last epoch of the log, else measured on some images."""
    if (run.path / "train_losses.log").exists():
        losses = run.losses
        return np.array([losses[f"kl_loss_{j}"][-1] for j in range(run.options.latent_dim)])
    dataset = run.dataset(plot.data_dir)
    some = np.random.default_rng(0).permutation(len(dataset))[:_IMAGES_FOR_KL]
    (images,) = batches(dataset, some, _IMAGES_FOR_KL, torch.device("cpu"))
    measured: Float[np.ndarray, "D"] = run.model.encode(images).kl().mean(0).numpy()
    return measured


def standard_normal(n_latents: int) -> Posterior:
    """Return the prior, as a batch of one."""
    return Posterior(torch.zeros(1, n_latents), torch.zeros(1, n_latents))


def traversal_codes(
    base: Posterior, latents: Int[np.ndarray, "R"], n_cols: int, max_traversal: float
) -> Float[Tensor, "R C D"]:
    """Make one row of codes a latent: it varies symmetrically, all others keep the base mean.

    Parameters
    ----------
    base
        A batch of one: the prior, or the posterior of an image.
    latents
        The latents to vary, in the order of the rows.
    n_cols
        C, the number of values.
    max_traversal
        At 0.5 or above the largest absolute value; below 0.5 the values span the
        quantiles ``0.5 - max_traversal`` to ``0.5 + max_traversal`` of the base.
    """
    codes = base.mean.repeat(len(latents), n_cols, 1)
    for row, latent in enumerate(latents.tolist()):
        if max_traversal >= 0.5:
            end = torch.tensor(max_traversal, dtype=torch.float32)
            centre = torch.tensor(0.0)
        else:
            quantile = torch.special.ndtri(torch.tensor(0.5 + max_traversal))
            end = base.std[0, latent] * quantile
            centre = base.mean[0, latent]
        codes[row, :, latent] = centre + end * torch.linspace(-1, 1, n_cols)
    return codes


@torch.inference_mode()
def decode_grid(model: VAE, codes: Float[Tensor, "R C D"]) -> Float[Tensor, "R C channels H W"]:
    """Decode a grid of codes to probabilities."""
    images = model.decode(codes.flatten(0, 1))
    return images.view(*codes.shape[:2], *model.image_shape)
