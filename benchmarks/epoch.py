"""Whole passes over dSprites: a training epoch next to its bare steps, encoding next to the limit.

``python -m benchmarks.epoch [--rounds N] [--json FILE]``. Every pass is over 3% of dSprites,
drawn from all of it. A bare step has its batch in memory and logs nothing.
"""

import argparse
import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

import disvae
from benchmarks.report import Row, flops, matrix_product, table, time_in_turn, write
from disvae.data.batches import to_unit_interval
from disvae.data.dataset import Dataset
from disvae.devices.fabric import make_fabric
from disvae.models.vae import VAE
from disvae.objectives import Objective
from disvae.options import RunOptions
from disvae.runs.run import Run
from disvae.training.learners import Learners, make_learners
from disvae.training.loop import Epoch, Schedule, accumulate_gradients, train_epochs

BATCH = 64
FRACTION = 0.03


def epoch(path: Path) -> Callable[[], object]:
    """Make a function that trains one epoch as the command does."""
    options, dataset, learners, objective = prepared(path)
    schedule = Schedule(10**6, BATCH, None, seed=0)
    events = train_epochs(
        make_fabric(options), learners, objective, dataset, schedule, progress_bar=True
    )
    return lambda: next(event for event in events if isinstance(event, Epoch))


def bare_steps(path: Path) -> Callable[[], None]:
    """Make a function that does the steps of an epoch on batches in memory."""
    options, dataset, learners, objective = prepared(path)
    fabric = make_fabric(options)
    learners.vae.train()
    ready = [
        to_unit_interval(dataset.images(slice(BATCH * i, BATCH * (i + 1))), fabric.device)
        for i in range(16)
    ]
    count = itertools.count(1)

    def steps() -> None:
        for _ in range(-(-len(dataset) // BATCH)):
            step = next(count)
            at = objective.at(step, len(dataset), learners.critics, learners.state)
            losses, _ = objective.step(learners.vae, ready[step % len(ready)], at)
            accumulate_gradients(fabric, losses)
            for optimiser in learners.optimisers:
                optimiser.step()
                optimiser.zero_grad()

    return steps


def prepared(path: Path) -> tuple[RunOptions, Dataset, Learners, Objective]:
    """Open a run, and start anew with its options."""
    run = disvae.open_run(path)
    dataset = run.dataset()
    objective = run.options.objective
    vae = VAE(run.image_shape, run.options.latent_dim)
    learners = make_learners(make_fabric(run.options), vae, objective, run.options.lr)
    return run.options, dataset, learners, objective


def encode(path: Path) -> Callable[[], object]:
    """Make a function that encodes the images of a run, as scores have it."""
    run = disvae.open_run(path)
    make_fabric(run.options)
    return lambda: run.encode()


def encoder_flops(run: Run, n_images: int) -> float:
    """Count the operations of encoding so many images."""
    images = torch.rand(BATCH, *run.image_shape)
    return flops(lambda: run.model.encode(images)) * n_images / BATCH


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        given: dict[str, Any] = {
            "dataset": "dsprites", "loss": "VAE", "train_fraction": FRACTION, "device": "cpu",
            "data_dir": f"{folder}/data", "results_dir": f"{folder}/results",
        }  # fmt: skip
        run = disvae.train("run", **given, max_steps=1, no_test=True)
        limit = encoder_flops(run, run.specs["n_data"])
        rows = {
            "epoch": Row(partial(epoch, run.path), "its steps, bare"),
            "its steps, bare": Row(partial(bare_steps, run.path)),
            "encode": Row(partial(encode, run.path), None, "limit: matrix product"),
            "limit: matrix product": Row(partial(matrix_product, limit)),
        }
        seconds = time_in_turn(rows, arguments.rounds, calls=1, warm_up=1)
        title = f"Passes over {run.specs['n_data']:,} images of dSprites"
        write(arguments.json, [table(title, rows, seconds)])


if __name__ == "__main__":
    main()
