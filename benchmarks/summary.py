"""The time of `disvae summary` over many finished runs.

``python -m benchmarks.summary [--runs N] [--json FILE]``. One tiny run is trained and scored, and
copied; the copies have other seeds and, in their logs, other scores. Five seeds a setting.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import disvae
from benchmarks.report import write

SEEDS = 5
SCORES = ("mig", "aam", "sap")


def many_runs(folder: Path, count: int) -> None:
    """Make a sweep of copies of one run: a setting is a number of B."""
    disvae.train(
        "run", loss="betaH", dataset="dsprites", train_fraction=0.003, max_steps=2, device="cpu",
        test_images=64, is_metrics=True, metrics=SCORES, no_progress_bar=True,
        data_dir=folder / "data", results_dir=folder,
    )  # fmt: skip
    specs = json.loads((folder / "run" / "specs.json").read_text())
    scores = json.loads((folder / "run" / "metrics.log").read_text())
    draw, runs = random.Random(0), {}  # noqa: S311
    for number in range(count):
        weight, seed = 1 + number // SEEDS, number % SEEDS
        name = f"betaH_B{weight}_seed{seed}"
        options = {"loss": "betaH", "betaH_B": weight, "seed": seed}
        setting = {"loss": "betaH", "betaH_B": str(weight)}
        runs[name] = {"name": name, "setting": setting, "seed": seed, "options": options}
        shutil.copytree(
            folder / "run", folder / "sweep" / name,
            copy_function=os.link, ignore=shutil.ignore_patterns("specs.json", "metrics.log"),
        )  # fmt: skip
        (folder / "sweep" / name / "specs.json").write_text(json.dumps({**specs, **options}))
        for score in SCORES:
            scores[score]["value"] = draw.random()
        (folder / "sweep" / name / "metrics.log").write_text(json.dumps(scores))
    content = {"scores": {"metrics": SCORES}, "runs": runs}
    (folder / "sweep" / "sweep.json").write_text(json.dumps(content))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        many_runs(Path(name), arguments.runs)
        command = [sys.executable, "-m", "disvae", "summary", f"{name}/sweep"]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        seconds = time.perf_counter() - started
        lines = (Path(name) / "sweep" / "runs.csv").read_text().count("finished")
    print(f"summary of {lines} finished runs: {seconds:.1f} s")
    write(arguments.json, [{"title": f"summary of {lines} runs", "seconds": seconds}])


if __name__ == "__main__":
    main()
