"""Images to codes in one pass over a dataset, the table that all scores read; and back."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int

from disvae.data.batches import batches
from disvae.data.dataset import Dataset
from disvae.models.vae import VAE
from disvae.runs.progress import counted

if TYPE_CHECKING:  # the scores take as long to import as all else but PyTorch
    from disvae.metrics.codes import Codes


@torch.inference_mode()
def encode(
    vae: VAE,
    dataset: Dataset,
    device: torch.device | str = "cpu",
    batch_size: int = 1000,
    progress_bar: bool = False,
    indices: Int[np.ndarray, "n"] | None = None,
    tell: bool = False,
) -> "Codes":
    """Encode the images `indices` of `dataset` (default: all) by `vae`, which moves to `device`.

    Returns float32 means and log variances ``[N, D]``, and the factors where they are known. The
    progress bar shows on terminals only; with `tell`, the time it takes is logged as well.
    """
    from disvae.metrics.codes import Codes

    vae = vae.to(device)
    order = np.arange(len(dataset)) if indices is None else indices
    mean, logvar = np.empty((2, len(order), vae.latent_dim), dtype=np.float32)
    done = 0
    parts = batches(dataset, order, batch_size, torch.device(device))
    for images in counted(parts, len(order), "Encode", progress_bar, tell):
        posterior = vae.encode(images)
        here = slice(done, done + len(images))
        mean[here], logvar[here] = posterior.mean.cpu(), posterior.logvar.cpu()
        done += len(images)
    factors = dataset.factors
    return Codes(mean, logvar, None if factors is None else factors[order], dataset.factor_names)


@torch.inference_mode()
def decode(
    vae: VAE,
    codes: Float[np.ndarray, "N D"],
    device: torch.device | str = "cpu",
    batch_size: int = 1000,
) -> Float[np.ndarray, "N C H W"]:
    """Decode codes to the probabilities of pixels, in [0, 1], by `vae`, which moves to `device`."""
    vae = vae.to(device)
    images = np.empty((len(codes), *vae.image_shape), dtype=np.float32)
    for start in range(0, len(codes), batch_size):
        here = slice(start, start + batch_size)
        images[here] = vae.decode(torch.from_numpy(codes[here]).to(device)).cpu()
    return images
