"""A training step of each loss at batch 64, next to that of beta-VAE: time of one core.

``python -m benchmarks.losses [--rounds N] [NAME...]``. All take their steps in turn, in one process
and one thread; what is counted is the time that the core works, so that other work on the machine
matters little. The column is that time over beta-VAE's, median over rounds.
"""

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks import inputs
from benchmarks.step import BATCH, our_step
from disvae.objectives import OBJECTIVES

CALLS = 2  # a turn
BASE = "betaH"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(OBJECTIVES))
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        inputs.prepare(Path(folder) / "images", (1, 64, 64), blocks=4)
        names = dict.fromkeys([BASE, *arguments.names])
        steps = {name: our_step(Path(folder) / "images", name) for name in names}
        seconds: dict[str, list[float]] = {name: [] for name in names}
        for turn in range(arguments.rounds + 1):  # the first warms up
            for name, step in steps.items():
                started = time.process_time()
                for _ in range(CALLS):
                    step()
                if turn:
                    seconds[name].append((time.process_time() - started) / CALLS)
    print(f"{'loss':10} {'ms':>6} {'times ' + BASE:>12}   (batch {BATCH}, 1x64x64, one core)")
    for name, found in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(found, seconds[BASE], strict=True))
        print(f"{name:10} {1000 * statistics.median(found):6.1f} {ratio:12.2f}")


if __name__ == "__main__":
    main()
