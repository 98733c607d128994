"""A training step of each architecture at batch 64, next to the same network in plain PyTorch.

``python -m benchmarks.architectures [--rounds N] [--json FILE] [NAME...]``. "x plain" is the plain
step's time over the row's; the limit is a matrix product of as many operations as the step has.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import inputs, plain
from benchmarks.report import Row, flops, matrix_product, table, time_in_turn, write
from benchmarks.step import BATCH, our_step
from disvae.models.registry import ARCHITECTURES, find

CALLS = 2  # a turn


def plain_step(folder: Path, name: str) -> Callable[[], None]:
    """Make a function that does one step of the plain network."""
    return plain.architecture_step(inputs.all_images(folder), BATCH, name)


def rows_of(folder: Path, name: str) -> dict[str, Row]:
    """All that is timed of one architecture on one dataset."""
    work = partial(plain_step, folder, name)
    return {
        "plain PyTorch": Row(work, None, "limit: matrix product"),
        "disvae VAE": Row(
            partial(our_step, folder, "VAE", name), "plain PyTorch", "limit: matrix product"
        ),
        "limit: matrix product": Row(partial(matrix_product, flops(work()))),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(ARCHITECTURES))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    tables = []
    for name in arguments.names:
        for size in find(name).image_sizes:
            shape = 1 if size <= 64 else 3, size, size
            with TemporaryDirectory() as folder:
                inputs.prepare(Path(folder) / "images", shape, blocks=1)
                rows = rows_of(Path(folder) / "images", name)
                seconds = time_in_turn(rows, arguments.rounds, CALLS, warm_up=2)
            title = f"{name}, training step, batch {BATCH}, {'x'.join(map(str, shape))}"
            tables.append(table(title, rows, seconds))
    write(arguments.json, tables)


if __name__ == "__main__":
    main()
