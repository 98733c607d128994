"""The training loop."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from lightning_fabric import Fabric
from torch import Tensor
from tqdm.auto import tqdm

from disvae.data.batches import batches, epoch_order
from disvae.data.dataset import Dataset
from disvae.objectives import Minimise, Objective
from disvae.training.epoch_terms import EpochTerms
from disvae.training.learners import Learners

_MOST_EPOCHS = 10**10


class Schedule(NamedTuple):
    """How long to train, on which batches, and how fast."""

    epochs: int
    images_per_step: int  # on all devices together
    max_steps: int | None  # None: no limit
    seed: int  # of the order of the images
    rate: Callable[[int], float] | None = None  # share of the rates at a step; None: always 1


class Position(NamedTuple):
    """Where training stands."""

    step: int = 0  # steps done since the start
    epoch: int = 0  # the one under way, from 0
    done: int = 0  # steps done in it
    terms: dict[str, Any] | None = None  # state of its `EpochTerms`; None at its beginning


BEGINNING = Position()


class Pause(NamedTuple):
    """A moment inside an epoch at which training can be left, and gone on with."""

    position: Position


class Reading(NamedTuple):
    """What the last steps were, now and then inside an epoch."""

    step: int  # counted from 1
    terms: dict[str, float]  # mean of each over the steps since the last reading


class Epoch(NamedTuple):
    """What an epoch was."""

    number: int  # from 0
    terms: dict[str, float]  # mean of each over all steps, nats per image
    images_per_second: float  # trained on, on all devices together
    position: Position  # the beginning of the next one; of one that was cut short, its end

    @property
    def is_whole(self) -> bool:
        """Whether all its images were trained on; else training can go on inside it."""
        return not self.position.done


def train_epochs(
    fabric: Fabric,
    learners: Learners,
    objective: Objective,
    dataset: Dataset,
    schedule: Schedule,
    progress_bar: bool,
    start: Position = BEGINNING,
    pause_is_due: Callable[[], bool] = lambda: False,
) -> Iterator[Epoch | Pause | Reading]:
    """Train from `start` on; yield after every epoch, inside one when a pause is due, and terms.

    An epoch that `max_steps` cuts short pauses at its end, before what it was so far is told.
    """
    step = start.step
    for number in range(start.epoch, schedule.epochs):
        done = start.done if number == start.epoch else 0
        if step - done == schedule.max_steps:
            return
        learners.vae.train()
        terms = EpochTerms(first_step=step - done + 1)
        if done and start.terms is not None:
            terms.load_state_dict(start.terms, done)
        order, batch_size = _share(fabric, schedule, objective, dataset, number)
        n_steps = whole = -(-len(order) // batch_size)
        if schedule.max_steps is not None:
            n_steps = min(n_steps, schedule.max_steps - (step - done))
        order = order[done * batch_size : n_steps * batch_size]

        started = time.perf_counter()
        shown = {"desc": f"Epoch {number + 1}", "disable": None if progress_bar else True}
        with tqdm(initial=done, total=n_steps, **shown) as bar:
            every = batches(dataset, order, batch_size, fabric.device)
            factors = _factors(objective, dataset, order, batch_size)
            for images, labels in zip(every, factors, strict=True):
                step += 1
                done += 1
                if schedule.rate is not None:
                    learners.set_rates(schedule.rate(step))
                at = objective.at(step, len(dataset), learners.critics, learners.state)
                at = at._replace(factors=None if labels is None else labels.to(fabric.device))
                losses, named = objective.whole_step(learners.vae, images, at)
                accumulate_gradients(fabric, losses)
                for optimiser in learners.optimisers:
                    optimiser.step()
                    optimiser.zero_grad()
                if terms.add(named):
                    bar.set_postfix(loss=f"{terms.last['loss']:.2f}", refresh=False)
                    yield Reading(step, terms.recent)
                bar.update()
                if done < n_steps and pause_is_due():
                    yield Pause(Position(step, number, done, terms.state_dict()))
        seconds = time.perf_counter() - started
        after = Position(step, number + 1)
        if n_steps < whole:
            after = Position(step, number, done, terms.state_dict())
            yield Pause(after)
        means = terms.means(fabric)
        yield Epoch(number, means, fabric.world_size * len(order) / seconds, after)


def is_on_the_way(
    fabric: Fabric, schedule: Schedule, objective: Objective, dataset: Dataset, position: Position
) -> bool:
    """Whether training by `schedule`, however long, ever pauses at `position`."""
    step, epoch, done, terms = position
    if not all(type(number) is int for number in (step, epoch, done)):
        return False
    if not 0 <= epoch <= _MOST_EPOCHS or (terms is None) != (done == 0):
        return False
    n_steps = _steps(fabric, schedule, objective, dataset, epoch)
    return 0 <= done < n_steps and step == epoch * n_steps + done


def last_step(fabric: Fabric, schedule: Schedule, objective: Objective, dataset: Dataset) -> int:
    """Return the step at which training by `schedule` ends, if nothing ends it earlier."""
    steps = schedule.epochs * _steps(fabric, schedule, objective, dataset, epoch=0)
    return steps if schedule.max_steps is None else min(steps, schedule.max_steps)


def _steps(
    fabric: Fabric, schedule: Schedule, objective: Objective, dataset: Dataset, epoch: int
) -> int:
    order, batch_size = _share(fabric, schedule, objective, dataset, epoch)
    return -(-len(order) // batch_size)


def _share(
    fabric: Fabric, schedule: Schedule, objective: Objective, dataset: Dataset, epoch: int
) -> tuple[Int[np.ndarray, "n"], int]:
    """Return the images of `epoch` that fall to this device, in order, and its batch size.

    Images that belong together stay together, and what is too few for a batch is left out.
    """
    factors = dataset.factors if objective.needs_factors else None
    drawing = len(dataset), schedule.seed, epoch
    weighted: dict[str, Any] = {} if dataset.weights is None else {"weights": dataset.weights}
    order = objective.order(factors, *drawing, **weighted)
    if order is None:
        order = epoch_order(*drawing, **weighted)
    size, group = fabric.world_size, objective.group
    groups = order[: len(order) // (size * group) * size * group].reshape(-1, size, group)
    order = groups[:, fabric.global_rank].ravel()
    batch_size = schedule.images_per_step // size
    rest = len(order) % batch_size
    # one image is no batch for anything that compares images
    if 0 < rest < max(2, objective.min_batch * objective.batches_per_step):
        order = order[: len(order) - rest]
    return order, batch_size


def _factors(
    objective: Objective, dataset: Dataset, order: Int[np.ndarray, "n"], batch_size: int
) -> Iterator[Int[Tensor, "B K"] | None]:
    """Yield the factors of each batch, or None for an objective that needs none."""
    factors = dataset.factors if objective.needs_factors else None
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        yield None if factors is None else torch.from_numpy(factors[rows])


def accumulate_gradients(fabric: Fabric, losses: list[Minimise]) -> None:
    """Add the gradient of each loss to the parameters of its module, and to no others."""
    for left, (loss, module) in zip(reversed(range(len(losses))), losses, strict=True):
        own = list(module.parameters())
        fabric.backward(loss, inputs=own, retain_graph=left > 0)
