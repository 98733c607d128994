"""A sweep of short runs next to the ideal: its runs in bare processes, shared out without loss.

``python -m benchmarks.sweep [--rounds N] [--steps N] [--json FILE]``. Three runs a core, of
three losses on dSprites. The ideal is the sum of the times that the same runs take in one
process a core, which has everything loaded and is never idle, by the number of cores.
"""

import argparse
import multiprocessing
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from joblib import cpu_count  # type: ignore[import-untyped]

import disvae
import disvae.training.train  # so that no run pays for loading it
from benchmarks.report import write

LOSSES = ["VAE", "betaH", "btcvae"]


def seconds_of(folder: Path, options: dict[str, Any]) -> float:
    """Time one run from call to return."""
    started = time.perf_counter()
    disvae.train(results_dir=folder, no_progress_bar=True, **options)
    return time.perf_counter() - started


def one_thread() -> None:
    """Prepare a bare process: one core each, as the sweep gives them."""
    torch.set_num_threads(1)


def ideal(folder: Path, runs: list[dict[str, Any]]) -> float:
    """Return the seconds that the runs would take if every core were always at one."""
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(cpu_count(), one_thread) as pool:
        seconds: list[float] = pool.starmap(seconds_of, [(folder, run) for run in runs], 1)
    return sum(seconds) / float(cpu_count())


def sweep(folder: Path, data_dir: Path, steps: int) -> float:
    """Time the command, from its start to its end."""
    experiments = ",".join(f"{loss}_dsprites" for loss in LOSSES)
    command = [
        sys.executable, "-m", "disvae", "sweep", "-x", experiments, "--seeds", str(cpu_count()),
        "--grid", f"max_steps={steps}", "--grid", "no_test=true", "--grid", "device=cpu",
        "--results-dir", str(folder), "--data-dir", str(data_dir),
    ]  # fmt: skip
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rounds = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        common = {"max_steps": arguments.steps, "no_test": True, "device": "cpu"}
        common |= {"data_dir": folder / "data"}
        runs: list[dict[str, Any]] = [
            {"name": f"{loss}{seed}", "experiment": f"{loss}_dsprites", "seed": seed, **common}
            for seed in range(cpu_count())
            for loss in LOSSES
        ]
        disvae.load_dataset("dsprites", common["data_dir"])
        for number in range(arguments.rounds):
            taken = sweep(folder / f"sweep{number}", folder / "data", arguments.steps)
            best = ideal(folder / f"ideal{number}", runs)
            rounds.append({"sweep_s": taken, "ideal_s": best, "ratio": taken / best})
            print(f"sweep {taken:.1f} s, ideal {best:.1f} s, ratio {taken / best:.3f}", flush=True)
    ratio = statistics.median(each["ratio"] for each in rounds)
    print(f"{len(runs)} runs of {arguments.steps} steps on {cpu_count()} cores: {ratio:.3f}")
    title = f"{len(runs)} runs of {arguments.steps} steps"
    write(arguments.json, [{"title": title, "rounds": rounds, "ratio": ratio}])


if __name__ == "__main__":
    main()
