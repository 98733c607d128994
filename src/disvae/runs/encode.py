"""Images to codes in one pass over a dataset, the table that all scores read; and back."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int

from disvae.data.batches import batches
from disvae.data.dataset import Dataset
from disvae.errors import UserError
from disvae.models.vae import VAE
from disvae.runs.progress import counted

if TYPE_CHECKING:  # the scores take as long to import as all else but PyTorch
    from disvae.metrics.codes import Codes


_MOST_MEAN, _MOST_LOGVAR = 1e29, 700  # that scores read, and that have an exponential


@torch.inference_mode()
def encode(
    vae: VAE,
    dataset: Dataset,
    device: torch.device | str = "cpu",
    batch_size: int = 1000,
    progress_bar: bool = False,
    indices: Int[np.ndarray, "n"] | None = None,
    tell: bool = False,
    trained: str = "",
) -> "Codes":
    """Encode the images `indices` of `dataset` (default: all) by `vae`, which moves to `device`.

    Returns float32 means and log variances ``[N, D]``, and the factors where they are known. The
    progress bar shows on terminals only; with `tell`, the time it takes is logged as well. Values
    that no scores can be had of are a `UserError`, which says `trained`: of which model.
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
    _require_converged(mean, logvar, trained)
    factors = dataset.factors
    return Codes(mean, logvar, None if factors is None else factors[order], dataset.factor_names)


def _require_converged(
    mean: Float[np.ndarray, "N D"], logvar: Float[np.ndarray, "N D"], trained: str
) -> None:
    """Refuse posteriors that training leaves only where it diverged."""
    for name, values, most in (
        ("means", mean, _MOST_MEAN),
        ("log variances", logvar, _MOST_LOGVAR),
    ):
        largest = float(np.abs(values).max(initial=0))  # NaN if there is any
        if not largest <= most:
            raise UserError(
                f"Training diverged: the model{trained} encodes images to {name} of up to "
                f"{largest:.3g}; train it again with a lower --lr or a smaller weight of the "
                "regularisation."
            )


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
