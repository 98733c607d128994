"""One pass of a run's encoder over its dataset: the table that all scores read."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from disvae.metrics._codes import Codes

if TYPE_CHECKING:  # scores of plain arrays need neither runs nor PyTorch
    import torch

    from disvae.data import Dataset
    from disvae.run import Run


def encode(
    run: "Run",
    data_dir: str | Path | None = None,
    device: "torch.device | str" = "cpu",
    batch_size: int = 1000,
    progress_bar: bool = False,
    indices: Int[np.ndarray, "n"] | None = None,
) -> Codes:
    """Encode the images that `run` was trained on.

    Parameters
    ----------
    run
        A trained run.
    data_dir
        Where prepared datasets lie; see `disvae.Run.dataset`.
    device
        Where to compute.
    batch_size
        Images at once.
    progress_bar
        Whether to show one on a terminal.
    indices
        Of the images to encode; default: all.

    Returns
    -------
    Codes
        float32 means and log variances ``[N, D]``, and the factors where they are known.

    Raises
    ------
    UserError
        If the dataset or the weights cannot be had.
    """
    import torch
    from tqdm.auto import tqdm

    from disvae.data.batches import batches

    dataset = run.dataset(data_dir)
    vae = run.model.to(device)
    order = np.arange(len(dataset)) if indices is None else indices
    mean, logvar = np.empty((2, len(order), vae.latent_dim), dtype=np.float32)
    bar = tqdm(total=len(order), desc="Encode", disable=None if progress_bar else True)
    done = 0
    with bar, torch.inference_mode():
        for images in batches(dataset, order, batch_size, torch.device(device)):
            posterior = vae.encode(images)
            here = slice(done, done + len(images))
            mean[here], logvar[here] = posterior.mean.cpu(), posterior.logvar.cpu()
            done += len(images)
            bar.update(len(images))
    factors = dataset.factors
    return Codes(mean, logvar, None if factors is None else factors[order], dataset.factor_names)


def provided(dataset: "Dataset") -> tuple[frozenset[str], Sequence[str]]:
    """Tell what scores can read, beyond the codes, of a run on `dataset`; name its factors."""
    there = {"logvar", "factors"} if dataset.factor_names else {"logvar"}
    return frozenset(there), dataset.factor_names
