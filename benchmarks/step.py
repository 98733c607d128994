"""A training step at batch 64, next to plain PyTorch loops and to the machine's limit.

``python -m benchmarks.step [--rounds N] [--json FILE]``. "x plain" is the plain loop's time
over the row's; the limit is a matrix product of as many operations as the step has.
"""

import argparse
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from benchmarks import inputs, plain
from benchmarks.report import Row, flops, matrix_product, table, time_in_turn, write
from disvae.data import Dataset
from disvae.data.batches import batches, epoch_order
from disvae.options import resolve
from disvae.training.loop import accumulate_gradients
from disvae.training.setup import make_fabric, make_learners, make_objective

BATCH = 64
SHAPES = ((1, 64, 64), (3, 64, 64), (1, 32, 32))


def our_step(dataset: Dataset, loss: str) -> Callable[[], None]:
    """Make a function that does one step of this project's loop."""
    options = resolve({"dataset": "dsprites", "loss": loss, "device": "cpu"})
    fabric = make_fabric(options)
    learners = make_learners(fabric, options, dataset.image_shape)
    objective = make_objective(options, len(dataset), learners.discriminator)
    per_step = BATCH * objective.batches_per_step

    def endless() -> Iterator[Tensor]:
        for epoch in itertools.count():
            order = epoch_order(len(dataset), 0, epoch)[: len(dataset) // per_step * per_step]
            yield from batches(dataset, order, per_step, fabric.device)

    stream, count = endless(), itertools.count(1)

    def step() -> None:
        losses, terms = objective.step(learners.vae, next(stream), next(count))
        accumulate_gradients(fabric, losses)
        torch.stack([term.detach() for term in terms.values()])
        for optimiser in learners.optimisers:
            optimiser.step()
            optimiser.zero_grad()

    return step


def rows_of(dataset: Dataset) -> dict[str, Row]:
    """All that is timed on one dataset."""
    images = torch.cat([dataset.images(slice(i, i + 4096)) for i in range(0, len(dataset), 4096)])
    vae, factor = plain.vae_step(images, BATCH), plain.factor_vae_step(images, BATCH)
    limit, factor_limit = "limit: matrix product", "limit: matrix product, factor"
    return {
        "plain PyTorch VAE": Row(vae, None, limit),
        **{
            f"disvae {loss}": Row(our_step(dataset, loss), "plain PyTorch VAE", limit)
            for loss in ("VAE", "betaH", "betaB", "btcvae")
        },
        limit: Row(matrix_product(flops(vae))),
        "plain PyTorch FactorVAE": Row(factor, None, factor_limit),
        "disvae factor": Row(our_step(dataset, "factor"), "plain PyTorch FactorVAE", factor_limit),
        factor_limit: Row(matrix_product(flops(factor))),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    tables = []
    for shape in SHAPES:
        with TemporaryDirectory() as folder:
            rows = rows_of(inputs.dataset(Path(folder), shape))
            seconds = time_in_turn(rows, arguments.rounds)
        title = f"Training step, batch {BATCH}, {'x'.join(map(str, shape))}"
        tables.append(table(title, rows, seconds))
    write(arguments.json, tables)


if __name__ == "__main__":
    main()
