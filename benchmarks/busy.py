"""Training beside busy processes, with and without the setting of how long threads spin.

``python -m benchmarks.busy [--seconds N] [--rounds N] [--json FILE]``. Each neighbour is a process
that computes without end. All trainings stand ready, each in a process of its own, and take turns.
"""

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch

from benchmarks import inputs
from benchmarks.report import write
from benchmarks.step import BATCH, our_step
from disvae.devices.process import keep_freed_memory, spin_briefly

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SHAPES = {"1x32x32": (1, 32, 32), "1x64x64": (1, 64, 64)}
SPINS = ("default", "brief")
NEIGHBOURS = (0, 1, 2, 4)


def train(folder: Path, threads: int, line: "Connection") -> None:
    """Train for as many seconds as the other side says, and answer images/s, until it says 0."""
    torch.set_num_threads(threads)
    keep_freed_memory()
    step = our_step(folder, "btcvae")
    step()
    while seconds := line.recv():
        started, steps = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            step()
            steps += 1
        line.send(BATCH * steps / (time.perf_counter() - started))


def burn() -> None:
    """Compute without end."""
    while True:
        pass


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """Keep so many processes busy."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=burn, daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    time.sleep(0.5)
    yield
    for process in processes:
        process.kill()
        process.join()


@contextmanager
def training(folder: Path, threads: int, spins: str) -> Iterator["Connection"]:
    """Start a process that trains when asked; PyTorch reads the setting as it is loaded."""
    os.environ.pop("GOMP_SPINCOUNT", None)
    if spins == "brief":
        spin_briefly()
    spawn = multiprocessing.get_context("spawn")
    line, far = spawn.Pipe()
    process = spawn.Process(target=train, args=(folder, threads, far), daemon=True)
    process.start()
    yield line
    line.send(0)
    process.join()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    speeds: dict[tuple[str, int, str], dict[int, list[float]]] = {}
    with TemporaryDirectory() as name, ExitStack() as stack:
        lines = {}
        for shape, size in SHAPES.items():
            inputs.prepare(Path(name) / shape, size)
            for threads in (1, 2):
                for spins in SPINS:
                    key = shape, threads, spins
                    ready = training(Path(name) / shape, threads, spins)
                    lines[key] = stack.enter_context(ready)
                    speeds[key] = {count: [] for count in NEIGHBOURS}
        for _ in range(arguments.rounds):
            for count in NEIGHBOURS:
                with neighbours(count):
                    for key, line in lines.items():
                        line.send(arguments.seconds)
                        speeds[key][count].append(line.recv())
    columns = "".join(f"{count:>8}" for count in NEIGHBOURS)
    print(f"images/s beside so many busy processes, medians of {arguments.rounds} rounds")
    print(f"{'images':8} {'threads':>8} {'spinning':>9} {columns}")
    rows: dict[str, object] = {}
    for (shape, threads, spins), found in speeds.items():
        medians = {count: statistics.median(values) for count, values in found.items()}
        cells = "".join(f"{value:8,.0f}" for value in medians.values())
        print(f"{shape:8} {threads:8} {spins:>9} {cells}")
        rows[f"{shape}, {threads} threads, {spins}"] = medians
    write(arguments.json, [{"title": "images/s beside busy processes", "rows": rows}])


if __name__ == "__main__":
    main()
