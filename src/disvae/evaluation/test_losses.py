"""The test losses: all terms over a whole dataset, in evaluation mode."""

import logging
import re
from collections.abc import Mapping

import torch
from torch import nn

from disvae.data.batches import batches, epoch_order, fixed_part
from disvae.data.dataset import Dataset
from disvae.devices.fabric import make_fabric
from disvae.models.vae import VAE
from disvae.objectives import Moment, Objective
from disvae.options import Computing
from disvae.runs.code import warn_of_changes
from disvae.runs.likelihood import read_likelihood
from disvae.runs.progress import counted
from disvae.runs.run import Run
from disvae.storage.files import to_json, write_text

logger = logging.getLogger("disvae")


@torch.inference_mode()
def test_losses(
    vae: nn.Module,
    objective: Objective,
    at: Moment,
    dataset: Dataset,
    batch_size: int,
    device: torch.device,
    progress_bar: bool = False,
    most: int | None = None,
    tell: bool = False,
) -> dict[str, float]:
    """Compute the mean of every term over the images of `dataset`, in nats per image.

    Of all images, or of `most` that are always the same (`disvae.data.batches.fixed_part`).
    Codes are posterior means (no sampling), the annealed weights are full; a batch counts by its
    size. `vae`, on `device`, is left in evaluation mode. With `tell`, the time it takes is logged.
    """
    vae.eval()
    sums: dict[str, float] = {}
    order = fixed_part(len(dataset), most)
    if objective.random_batches:
        order = order[epoch_order(len(order), seed=0, epoch=0)]
    parts = batches(dataset, order, batch_size, device)
    for images in counted(parts, len(order), "Test", progress_bar, tell):
        terms = objective.evaluate(vae, images, at)
        values = torch.stack(list(terms.values())).tolist()
        for name, value in zip(terms, values, strict=True):
            sums[name] = sums.get(name, 0.0) + value * len(images)
    return {name: total / len(order) for name, total in sums.items()}


def test(run: Run, where: Computing) -> None:
    """Compute the test losses of a finished run, with the options saved in it.

    The terms of FactorVAE that need its discriminator, which no run keeps, are left out.
    """
    objective = run.options.objective
    run.outputs.require_own()
    warn_of_changes(run, "loss")
    fabric = make_fabric(where)
    dataset = run.dataset(where.data_dir, where.split)
    model = run.model.to(fabric.device)
    # as in training: what is estimated is the aggregate posterior of the training images
    critics = read_likelihood(run, fabric.device)
    drawn = run.options.regime.drawn(run.dataset(where.data_dir))
    at = Moment(len(drawn), critics=critics)
    record_test(run, model, objective, at, dataset, fabric.device, where)


def record_test(
    run: Run,
    model: VAE,
    objective: Objective,
    at: Moment,
    dataset: Dataset,
    device: torch.device,
    where: Computing,
) -> dict[str, float]:
    """Compute the test losses of `model`, write them into `run`, and return them.

    Those of images that training held out stand beside those of the rest, as ``held_out_loss``.
    """
    most, bar = where.test_images, not where.no_progress_bar
    found: dict[str, float] = {}
    for part, images in run.options.regime.parts(dataset).items():
        logger.info(
            "Test losses of %s of %s images%s (fewer by --test-images; --no-test trains without)",
            f"{min(len(images), most or len(images)):,}", f"{len(images):,}",
            " that were held out" if part else "",
        )  # fmt: skip
        terms = test_losses(
            model, objective, at, images, run.options.eval_batchsize, device, bar, most, tell=True
        )
        found |= {f"{part}_{name}" if part else name: value for name, value in terms.items()}
    _write(run, found)
    # those of single latents are in the log
    told = {name: value for name, value in found.items() if not re.search(r"kl_loss_\d+$", name)}
    logger.info("Test: %s", ", ".join(f"{name} {value:.4g}" for name, value in told.items()))
    return found


def _write(run: Run, terms: Mapping[str, float]) -> None:
    """Write ``test_losses.log``; one of the original system is kept beside it."""
    file = run.outputs.file("test_losses.log")
    kept = file.with_stem(f"{file.stem}.original")
    is_foreign = file.parent == run.path and "versions" not in run.specs  # disvae writes them
    if is_foreign and file.exists() and not kept.exists():
        file.rename(kept)
        logger.info(
            "%s was not written by disvae and is kept as %s; docs/results.md says why its "
            "values are smaller.", file, kept.name,
        )  # fmt: skip
    write_text(file, to_json(terms))
