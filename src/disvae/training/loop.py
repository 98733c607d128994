"""The training loop."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from lightning_fabric import Fabric
from tqdm.auto import tqdm

from disvae.data.batches import batches, epoch_order
from disvae.data.dataset import Dataset
from disvae.objectives import Minimise, Objective
from disvae.training.setup import Learners
from disvae.training.terms import EpochTerms


class Schedule(NamedTuple):
    """How long to train, and on which batches.

    Attributes
    ----------
    epochs
        Passes over the dataset.
    images_per_step
        Images that one step takes, on all devices together.
    max_steps
        Steps at most; None: no limit.
    seed
        Of the order of the images.
    """

    epochs: int
    images_per_step: int
    max_steps: int | None
    seed: int


class Epoch(NamedTuple):
    """What an epoch was.

    Attributes
    ----------
    number
        From 0.
    terms
        Mean of each term over all steps, nats an image.
    images_per_second
        Images trained on a second, on all devices together.
    step
        Training steps done since the start.
    """

    number: int
    terms: dict[str, float]
    images_per_second: float
    step: int


def train_epochs(
    fabric: Fabric,
    learners: Learners,
    objective: Objective,
    dataset: Dataset,
    schedule: Schedule,
    progress_bar: bool,
) -> Iterator[Epoch]:
    """Train; yield after every epoch.

    Raises
    ------
    UserError
        If a loss is not finite.
    """
    step = 0
    for number in range(schedule.epochs):
        learners.vae.train()
        terms = EpochTerms(first_step=step + 1)
        order = epoch_order(len(dataset), schedule.seed, number)
        order = order[
            fabric.global_rank : len(order) - len(order) % fabric.world_size : fabric.world_size
        ]
        batch_size = schedule.images_per_step // fabric.world_size
        if len(order) % batch_size == 1:
            order = order[:-1]  # one image is no batch for objectives that compare images
        n_steps = -(-len(order) // batch_size)
        if schedule.max_steps is not None:
            n_steps = min(n_steps, schedule.max_steps - step)
        order = order[: n_steps * batch_size]

        started = time.perf_counter()
        with tqdm(
            total=n_steps, desc=f"Epoch {number + 1}", disable=None if progress_bar else True
        ) as bar:
            for images in batches(dataset, order, batch_size, fabric.device):
                step += 1
                losses, named = objective.step(learners.vae, images, step)
                accumulate_gradients(fabric, losses)
                for optimiser in learners.optimisers:
                    optimiser.step()
                    optimiser.zero_grad()
                if terms.add(named):
                    bar.set_postfix(loss=f"{terms.last['loss']:.2f}", refresh=False)
                bar.update()
        means = terms.means(fabric)
        seconds = time.perf_counter() - started
        yield Epoch(number, means, fabric.world_size * len(order) / seconds, step)
        if step == schedule.max_steps:
            return


def accumulate_gradients(fabric: Fabric, losses: list[Minimise]) -> None:
    """Add the gradient of each loss to the parameters of its module, and to no others."""
    for left, (loss, module) in zip(reversed(range(len(losses))), losses, strict=True):
        own = list(module.parameters())
        fabric.backward(loss, model=module, inputs=own, retain_graph=left > 0)  # type: ignore[arg-type]
