"""A training step at batch 64, next to plain PyTorch loops and to the machine's limit.

``python -m benchmarks.step [--rounds N] [--json FILE]``. "x plain" is the plain loop's time
over the row's; the limit is a matrix product of as many operations as the step has.
"""

import argparse
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from benchmarks import inputs, plain
from benchmarks.report import Row, flops, matrix_product, table, time_in_turn, write
from disvae.data.batches import batches, epoch_order
from disvae.devices.fabric import make_fabric
from disvae.devices.process import keep_freed_memory
from disvae.models.vae import VAE
from disvae.options import resolve
from disvae.training.learners import make_learners
from disvae.training.loop import accumulate_gradients

BATCH = 64
LOSSES = {"VAE": ("VAE", "betaH", "betaB", "btcvae"), "FactorVAE": ("factor",)}
CALLS = 6  # a turn
SHAPES = ((1, 64, 64), (3, 64, 64), (1, 32, 32))


def our_step(folder: Path, loss: str, model: str = "Burgess") -> Callable[[], None]:
    """Make a function that does one step of this project's loop, in a process set up as its own."""
    keep_freed_memory()
    dataset = inputs.open_dataset(folder)
    options = resolve({"dataset": "dsprites", "loss": loss, "device": "cpu"})
    fabric = make_fabric(options)
    objective = options.objective
    vae = VAE(dataset.image_shape, options.latent_dim, model)
    learners = make_learners(fabric, vae, objective, options.lr)
    per_step = BATCH * objective.batches_per_step

    def endless() -> Iterator[Tensor]:
        for epoch in itertools.count():
            order = epoch_order(len(dataset), 0, epoch)[: len(dataset) // per_step * per_step]
            yield from batches(dataset, order, per_step, fabric.device)

    stream, count = endless(), itertools.count(1)
    factors = torch.arange(per_step).view(-1, 1) if objective.needs_factors else None

    def step() -> None:
        at = objective.at(next(count), len(dataset), learners.critics, learners.state)
        at = at._replace(factors=factors)
        losses, terms = objective.step(learners.vae, next(stream), at)
        accumulate_gradients(fabric, losses)
        torch.stack([term.detach() for term in terms.values()])
        for optimiser in learners.optimisers:
            optimiser.step()
            optimiser.zero_grad()

    return step


def plain_step(folder: Path, kind: str) -> Callable[[], None]:
    """Make a function that does one step of a plain loop."""
    make = {"VAE": plain.vae_step, "FactorVAE": plain.factor_vae_step}[kind]
    return make(inputs.all_images(folder), BATCH)


def rows_of(folder: Path) -> dict[str, Row]:
    """All that is timed on one dataset."""
    rows = {}
    for kind, losses in {
        "VAE": ("VAE", "betaH", "betaB", "btcvae"),
        "FactorVAE": ("factor",),
    }.items():
        name, limit = f"plain PyTorch {kind}", f"limit: matrix product, {kind}"
        work = partial(plain_step, folder, kind)
        rows[name] = Row(work, None, limit)
        rows |= {
            f"disvae {loss}": Row(partial(our_step, folder, loss), name, limit) for loss in losses
        }
        rows[limit] = Row(partial(matrix_product, flops(work())))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    tables = []
    for shape in SHAPES:
        with TemporaryDirectory() as folder:
            inputs.prepare(Path(folder) / "images", shape)
            rows = rows_of(Path(folder) / "images")
            seconds = time_in_turn(rows, arguments.rounds, CALLS)
        title = f"Training step, batch {BATCH}, {'x'.join(map(str, shape))}"
        tables.append(table(title, rows, seconds))
    write(arguments.json, tables)


if __name__ == "__main__":
    main()
