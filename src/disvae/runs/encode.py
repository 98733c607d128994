"""One pass of an encoder over a dataset: the table that all scores read."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Int
from tqdm.auto import tqdm

from disvae.data.batches import batches
from disvae.data.dataset import Dataset
from disvae.models.vae import VAE

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
) -> "Codes":
    """Encode the images `indices` of `dataset` (default: all) by `vae`, which moves to `device`.

    Returns float32 means and log variances ``[N, D]``, and the factors where they are known. The
    progress bar shows on terminals only.
    """
    from disvae.metrics.codes import Codes

    vae = vae.to(device)
    order = np.arange(len(dataset)) if indices is None else indices
    mean, logvar = np.empty((2, len(order), vae.latent_dim), dtype=np.float32)
    done = 0
    with tqdm(total=len(order), desc="Encode", disable=None if progress_bar else True) as bar:
        for images in batches(dataset, order, batch_size, torch.device(device)):
            posterior = vae.encode(images)
            here = slice(done, done + len(images))
            mean[here], logvar[here] = posterior.mean.cpu(), posterior.logvar.cpu()
            done += len(images)
            bar.update(len(images))
    factors = dataset.factors
    return Codes(mean, logvar, None if factors is None else factors[order], dataset.factor_names)
