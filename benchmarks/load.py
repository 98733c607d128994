"""Thousands of runs, and a sweep that is killed: python -m benchmarks.load lists|sweep [--runs N].

``lists`` makes a folder of runs (2,000) as training leaves them, and times every command that
lists or reads them all: seconds of wall and of CPU, the median of 3. ``sweep`` runs a sweep (500
tiny runs) on a pseudo-terminal, kills a worker and then the sweep itself, begins it again twice at
once, and compares some runs with the same ones trained singly.
"""

import argparse
import json
import os
import pty
import random
import re
import select
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from joblib import cpu_count  # type: ignore[import-untyped]

import disvae
from disvae.data.store import Manifest, building
from disvae.runs.inventory import list_runs

FACTORS = {"shape": 3, "scale": 2, "orientation": 4, "posX": 2, "posY": 2}
DISVAE = [sys.executable, "-m", "disvae"]


def make_images(folder: Path) -> None:
    """Store 96 random images with factors as a prepared dataset."""
    images = np.random.default_rng(0).integers(0, 256, (96, 1, 32, 32), np.uint8)
    manifest = Manifest(
        name=folder.name, image_shape=(1, 32, 32), splits={"train": 96}, background="black",
        factors=FACTORS, packed=False, source={"images": "random"},
    )  # fmt: skip
    with building(folder, manifest) as builder:
        builder.append(images)
        grid = np.indices(tuple(FACTORS.values()), dtype=np.uint8)
        builder.write_factors(grid.reshape(len(FACTORS), -1).T)


def make_runs(folder: Path, count: int) -> None:
    """Make `folder` a sweep of `count` runs: all files of a trained and scored one, other numbers.

    The weights are hard links of one file.
    """
    make_images(folder.parent / "data/dsprites")
    first = disvae.train(
        "first", dataset="dsprites", loss="btcvae", epochs=30, batch_size=48, latent_dim=10,
        results_dir=folder.parent / "made", data_dir=folder.parent / "data", device="cpu",
        no_progress_bar=True, is_metrics=True, metrics="mig,aam,sap,modularity_explicitness,dcimig",
        checkpoint_every=10,
    )  # fmt: skip
    files = [file for file in first.path.iterdir() if file.suffix != ".json"]
    tested = json.loads((first.path / "test_losses.log").read_text())
    scores = json.loads((first.path / "metrics.log").read_text())
    chance, planned = random.Random(0), {}  # noqa: S311
    for number in range(count):
        name = f"btcvae_dsprites-btcvae_B={number // 5}-seed{number % 5}"
        run = folder / name
        run.mkdir(parents=True)
        for file in files:
            os.link(file, run / file.name)
        chosen = {"seed": number % 5, "btcvae_B": float(number // 5)}
        (run / "specs.json").write_text(json.dumps({**first.specs, "name": name, **chosen}))
        for log, content, key in (("test_losses", tested, "loss"), ("metrics", scores, "mig")):
            value = chance.random()
            content = {**content, key: {**content[key], "value": value} if key == "mig" else value}
            (run / f"{log}.log").unlink()
            (run / f"{log}.log").write_text(json.dumps(content, indent=2))
        setting = {"experiment": "btcvae_dsprites", "btcvae_B": str(float(number // 5))}
        given = {"dataset": "dsprites", "loss": "btcvae", "epochs": 30, "latent_dim": 10, **chosen}
        planned[name] = {"name": name, "setting": setting, "seed": number % 5, "options": given}
    record = {"scores": {"metrics": ["mig"]}, "runs": planned}
    (folder / "sweep.json").write_text(json.dumps(record, indent=2))


def timed(words: list[str], folder: Path) -> tuple[float, float]:
    """Return the seconds of wall and of CPU that a command takes."""
    before, started = os.times(), time.perf_counter()
    subprocess.run([*DISVAE, *words], cwd=folder, capture_output=True, check=False)  # noqa: S603
    taken, after = time.perf_counter() - started, os.times()
    spent = (
        getattr(after, at) - getattr(before, at) for at in ("children_user", "children_system")
    )
    return taken, sum(spent)


def page(folder: Path) -> tuple[float, float]:
    """Return the seconds until `disvae explore` gives the address of all runs, twice."""
    started = time.perf_counter()
    command = [*DISVAE, "explore", "results", "--no-browser"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None
        process.stdout.readline()
        taken = time.perf_counter() - started
        process.terminate()
    return taken, taken


def lists(count: int, rounds: int) -> None:
    """Time every command that lists `count` runs or looks a name up among them."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_runs(folder / "results", count)
        typo = "btcvae_dsprites-btcvaeB=0-seed0"
        for words in (
            ["runs"], ["runs", "results", "--where", "mig>0.5", "--sort", "mig"], ["data", "list"],
            ["eval", typo], ["plot", typo, "losses"], ["summary", typo], ["runs", "remove", typo],
            ["explore", "results"], ["summary", "."],
        ):  # fmt: skip
            measure = page if words[0] == "explore" else lambda at, own=words: timed(own, at)
            walls, cpus = zip(*(measure(folder) for _ in range(rounds)), strict=True)
            wall, cpu = statistics.median(walls), statistics.median(cpus)
            print(f"{wall:6.2f} s, CPU {cpu:6.2f} s  disvae {' '.join(words)}", flush=True)


class OnTerminal:
    """A command on a pseudo-terminal of its own, with all that it shows."""

    def __init__(self, words: list[str], folder: Path):
        self.shown = b""
        self.pid, self._line = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execv(sys.executable, [*DISVAE, *words])  # noqa: S606

    def wait(self, until: Callable[[], bool] = lambda: False) -> int | None:
        """Read until the command ends, and return its status; or `until` holds: None."""
        while not until():
            if not select.select([self._line], [], [], 0.2)[0]:
                continue
            try:
                self.shown += os.read(self._line, 2**16)
            except OSError:  # its end
                return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return None

    def kill(self) -> None:
        """Kill the process itself, none of those that it began."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait()


def a_worker(runs: Path) -> int:
    """Return the process of a run that has begun and not ended."""
    while True:
        for log in runs.glob("logs/*.log"):
            text = log.read_text()
            begun = re.match(r"== Process (\d+)", text)
            if begun and "== Finished" not in text and Path(f"/proc/{begun[1]}").exists():
                return int(begun[1])


def sweep(count: int) -> None:
    """Kill a sweep of `count` runs twice, go on, and compare."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_images(folder / "data/dsprites")
        common = {"dataset": "dsprites", "max_steps": 2, "batch_size": 16, "latent_dim": 2}
        grid = [word for key, value in common.items() for word in ("--grid", f"{key}={value}")]
        words = ["sweep", "--name", "many", "-x", "VAE_dsprites", "--seeds", str(count), *grid]
        runs = folder / "results/many"

        def ended() -> int:
            return len(list(runs.glob("*/test_losses.log")))

        started = time.monotonic()
        first = OnTerminal(words, folder)
        first.wait(lambda: ended() >= count // 4)
        os.kill(a_worker(runs), signal.SIGKILL)
        first.wait(lambda: ended() >= count // 2)
        first.kill()
        print(f"a worker killed at {count // 4}, the sweep at {ended()} of {count}", flush=True)
        second = OnTerminal([*words, "--retry"], folder)
        second.wait(lambda: ended() > count // 2 + 2)
        third = subprocess.run([*DISVAE, *words], cwd=folder, capture_output=True, text=True)  # noqa: S603
        print(f"another meanwhile: {third.returncode}, {third.stderr.strip() or 'not refused'}")
        status = second.wait()
        print(f"the second call ended with {status}: {ended()} runs; its last lines:")
        print("\n".join(second.shown.decode(errors="replace").splitlines()[-3:]))
        print(f"{time.monotonic() - started:.0f} s in all")
        states = Counter(listed.state for listed in list_runs(runs))
        print(f"{dict(states)}, archives: {len(list(runs.glob('*.zip')))}")
        left = [f for f in runs.rglob("*") if "unfinished" in f.name or f.name == "checkpoint.pt"]
        print(f"left over: {left}")
        same = 0
        chosen = random.Random(0).sample(range(count), 20)  # noqa: S311
        singly: dict[str, Any] = {
            **common,
            "results_dir": folder / "singly",
            "data_dir": folder / "data",
        }
        torch.set_num_threads(max(1, cpu_count() // min(cpu_count(), count)))
        for seed in (1 + number for number in chosen):
            run = disvae.train(
                f"seed{seed}", experiment="VAE_dsprites", seed=seed, no_progress_bar=True, **singly
            )
            swept = runs / f"VAE_dsprites-seed{seed}"
            same += all(
                (run.path / file).read_bytes() == (swept / file).read_bytes()
                for file in ("model.pt", "train_losses.log", "test_losses.log")
            )
        print(f"{same} of 20 chosen by chance are byte by byte those trained singly")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["lists", "sweep"])
    parser.add_argument("--runs", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.what == "lists":
        lists(arguments.runs or 2000, arguments.rounds)
    else:
        sweep(arguments.runs or 500)


if __name__ == "__main__":
    main()
