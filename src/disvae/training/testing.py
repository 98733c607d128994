"""The test losses: all terms over a whole dataset, in evaluation mode."""

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from disvae.data.batches import batches
from disvae.data.dataset import Dataset
from disvae.objectives import Objective


@torch.inference_mode()
def test_losses(
    vae: nn.Module,
    objective: Objective,
    dataset: Dataset,
    batch_size: int,
    device: torch.device,
    progress_bar: bool = False,
) -> dict[str, float]:
    """Compute the mean of every term over all images of `dataset`, in nats an image.

    Codes are posterior means (no sampling), the annealed weights are full; a batch
    counts by its size.

    Parameters
    ----------
    vae
        A VAE on `device`; it is left in evaluation mode.
    objective
        Whose terms to compute.
    dataset, batch_size
        What to go over, and in which steps.
    device
        Where to compute.
    progress_bar
        Whether to show one on a terminal.
    """
    vae.eval()
    sums: dict[str, float] = {}
    order = np.arange(len(dataset))
    bar = tqdm(total=len(dataset), desc="Test", disable=None if progress_bar else True)
    with bar:
        for images in batches(dataset, order, batch_size, device):
            terms = objective.evaluate(vae, images)
            values = torch.stack(list(terms.values())).tolist()
            for name, value in zip(terms, values, strict=True):
                sums[name] = sums.get(name, 0.0) + value * len(images)
            bar.update(len(images))
    return {name: total / len(dataset) for name, total in sums.items()}
