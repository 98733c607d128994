"""From the options of a run to all that training works with."""

import logging
from collections.abc import Mapping, Sized
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from lightning_fabric import Fabric

from disvae import metrics
from disvae.data.catalogue.registry import CATALOG
from disvae.data.dataset import Dataset
from disvae.data.prepare import load_dataset, prepare_entry
from disvae.errors import UserError
from disvae.models.vae import VAE
from disvae.objectives import Objective
from disvae.options import RunOptions, UserCode
from disvae.options.user_code import architecture
from disvae.runs.run import Run
from disvae.training.learners import Learners, make_learners
from disvae.training.loop import Schedule, last_step
from disvae.training.rates import rate_by_step
from disvae.training.watching import watched_images

logger = logging.getLogger("disvae")


class Prepared(NamedTuple):
    """All that training works with.

    ``dataset`` is what training draws from, ``whole`` the same and what its regime holds out,
    ``tested`` what the test losses are computed on, ``watched`` what is scored on the way,
    ``validation`` what is evaluated on the way.
    """

    fabric: Fabric
    dataset: Dataset
    whole: Dataset
    tested: Dataset
    schedule: Schedule
    learners: Learners
    objective: Objective
    watched: Int[np.ndarray, "n"] | None
    validation: Dataset | None


def prepare(
    fabric: Fabric,
    options: RunOptions,
    code: Mapping[str, UserCode],
    seed: int,
    before: Run | None,
) -> Prepared:
    """Open the data, set the seed, and build modules, optimisers and objective.

    `before` is the run that goes on, which knows where its dataset is; None: a new one. A
    `UserError` says that the dataset cannot be had, or does not fit model, devices or scores.
    """

    def split(name: str) -> Dataset:
        if before is not None:
            return before.dataset(options.data_dir, name)
        place: str | Path = options.dataset
        if own := code.get("dataset"):
            place = prepare_entry(own.value, own.label, own.sha256, options.data_dir)
        return load_dataset(
            place, options.data_dir, split=name, train_fraction=options.train_fraction,
            val_fraction=options.val_fraction, seed=seed, image_size=options.image_size,
            fit=options.fit,
        )  # fmt: skip

    if options.patience is not None and not options.val_fraction:
        raise UserError(
            "--patience watches images that are held out; say which share (--val-fraction 0.1)."
        )
    objective = options.objective
    if "dataset" not in code and options.dataset in CATALOG:  # refused before it is downloaded
        _require_factors(options, objective, CATALOG[options.dataset].factors)
    with fabric.rank_zero_first():  # only one process prepares it
        whole = split("train")
    dataset = options.regime.drawn(whole)
    for sentence in options.regime.summary(whole):
        logger.info("Training: %s", sentence)
    if options.is_metrics or options.metrics_every:  # refused now rather than after hours
        metrics.plan(options.metrics, *metrics.provided(whole))
    watched = watched_images(whole, options) if options.metrics_every else None
    validation = options.regime.drawn(split("val")) if options.val_fraction else None
    tested = whole if options.split == "train" else split("test")
    schedule = _schedule(fabric, options, objective, dataset, seed)
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    vae = VAE(dataset.image_shape, options.latent_dim, architecture(options.model_type, code))
    learners = make_learners(fabric, vae, objective, options.lr)
    if fabric.world_size > 1:
        torch.manual_seed(seed + 1 + fabric.global_rank)  # equal weights, but own noise
    return Prepared(
        fabric, dataset, whole, tested, schedule, learners, objective, watched, validation
    )


def _schedule(
    fabric: Fabric, options: RunOptions, objective: Objective, dataset: Dataset, seed: int
) -> Schedule:
    # a step of several batches takes as many times the epochs, for the same number of steps
    factor = objective.batches_per_step
    images_per_step = options.batch_size * factor
    _require_factors(options, objective, dataset.factor_names)
    if len(dataset) < 2 * fabric.world_size:  # one image is no batch
        raise UserError(
            f"{dataset.name} has {len(dataset)} images to train on, but 2 a device are the least; "
            "add images, or raise --train-fraction."
        )
    if images_per_step % (fabric.world_size * objective.group):
        groups = "" if objective.group == 1 else f" in groups of {objective.group}"
        raise UserError(
            f"{images_per_step} images per step cannot be shared by {fabric.world_size} devices"
            f"{groups}; choose a --batch-size that is a multiple."
        )
    schedule = Schedule(options.epochs * factor, images_per_step, options.max_steps, seed)
    last = last_step(fabric, schedule, objective, dataset)
    return schedule._replace(rate=rate_by_step(options, last))


def _require_factors(options: RunOptions, objective: Objective, names: Sized) -> None:
    if objective.needs_factors and not names:
        raise UserError(
            f"The loss {options.loss} reads the factors of the images, which {options.dataset} "
            "comes without; choose a dataset with factors (disvae data list)."
        )
