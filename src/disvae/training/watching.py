"""Scores while training, of images that stay the same."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from disvae import metrics
from disvae.data.batches import fixed_part
from disvae.data.dataset import Dataset
from disvae.errors import UserError
from disvae.metrics.arrays import require_varied
from disvae.models.vae import VAE
from disvae.options import RunOptions
from disvae.runs.encode import encode

logger = logging.getLogger("disvae")
_MOST = 50_000  # images, unless options say how many
Images = Int[np.ndarray, "n"]  # by their indices


def watched_images(dataset: Dataset, options: RunOptions) -> Images:
    """Choose the images that are scored while training: the same for all runs on a dataset.

    A factor with one value among them, of which scores could tell nothing, is a `UserError`.
    """
    chosen = fixed_part(len(dataset), options.metrics_images or _MOST)
    if (factors := dataset.factors) is not None:
        require_varied(factors[chosen], dataset.factor_names)
    return chosen


def watch(
    vae: VAE,
    dataset: Dataset,
    images: Images,
    options: RunOptions,
    device: torch.device,
    trained: str,
) -> dict[str, float]:
    """Score the images chosen; where a score cannot be had of this model, say so, and none."""
    size = options.eval_batchsize
    codes = encode(vae, dataset, device, size, indices=images, trained=trained)
    try:  # at once: scores share what they compute
        results = metrics.evaluate(codes, options.metrics, seed=options.seed)
    except UserError as error:  # a training does not end for want of a score
        logger.warning("%s", error)
        return {}
    found = values_of(results)
    said = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
    logger.info("Scores of %s of %s images: %s", f"{len(images):,}", f"{len(dataset):,}", said)
    return found


def values_of(results: Mapping[str, Any]) -> dict[str, float]:
    """Return the headline of each score."""
    return {name: one["value"] for name, one in results.items() if isinstance(one, dict)}
