"""A training step of each loss at batch 64, next to that of beta-VAE.

``python -m benchmarks.losses [--rounds N] [--json FILE] [NAME...]``. "x plain" is the time of a
step of beta-VAE over the row's.
"""

import argparse
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import inputs
from benchmarks.report import Row, table, time_in_turn, write
from benchmarks.step import BATCH, our_step
from disvae.objectives import OBJECTIVES

CALLS = 4  # a turn
BASE = "betaH"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(OBJECTIVES))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        inputs.prepare(Path(folder) / "images", (1, 64, 64), blocks=4)
        rows = {
            name: Row(partial(our_step, Path(folder) / "images", name), BASE)
            for name in dict.fromkeys([BASE, *arguments.names])
        }
        seconds = time_in_turn(rows, arguments.rounds, CALLS)
    write(arguments.json, [table(f"training step, batch {BATCH}, 1x64x64", rows, seconds)])


if __name__ == "__main__":
    main()
