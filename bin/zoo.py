"""Lay finished runs into zoo/, and write all that is said of the zoo from its files.

    bin/zoo.py [FOLDER_OF_A_RUN ...] [--hours H] [--data-dir DIR]

Each run gets a folder zoo/NAME, with its plots and what it lacks of test losses and scores. Then
are written, also without a run: zoo/README.md, zoo/grid.gif, the registry in the package, and
build/zoo/NAME.zip, the files of a release.
"""

import argparse
import hashlib
import json
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image, ImageSequence

import disvae
from disvae.evaluation.score import score
from disvae.evaluation.test_losses import test
from disvae.options import Computing, PlotOptions
from disvae.options.experiments import experiment_options
from disvae.plots import write_animation
from disvae.plots.gallery import draw
from disvae.plots.montage import grid
from disvae.runs import zoo as registry
from disvae.runs.inventory import Listed, list_runs
from disvae.storage.files import read_json, to_json, write_text

ROOT = Path(__file__).resolve().parents[1]
MOST = 3_000_000  # bytes of a run
LOGS = ("specs.json", "model.pt", "train_losses.log", "test_losses.log", "metrics.log")
PLOTS = (
    "samples.png", "data_samples.png", "reconstruct.png", "prior_traversals.png",
    "posterior_traversals.png", "reconstruct_traverse.png", "posterior_traversals.gif",
)  # fmt: skip
FILM = "training.gif"
FILES = {*LOGS, *PLOTS, FILM}
SCORES = {
    "mig": "MIG", "without_shape": "MIG without shape", "aam": "AAM", "factor_vae": "FactorVAE",
    "dci": "DCI D", "dci.completeness": "DCI C", "dci.informativeness": "DCI I",
    "infomec": "InfoM", "infomec.infoc": "InfoC", "infomec.infoe": "InfoE",
}  # fmt: skip
LOSSES = ("VAE", "betaH", "betaB", "factor", "btcvae")
HEAD = """# The zoo

Trained models, ready to open: `disvae.open_run("zoo:NAME")`, `disvae explore zoo:NAME`,
`disvae plot zoo:NAME all`. `disvae zoo` lists them; [how they are kept](../docs/zoo.md).
Every figure here comes from the files of the runs, by `make zoo`.
"""


def lay(source: Path, zoo: Path, hours: float | None, data_dir: Path | None) -> Path:
    """Lay the finished run in `source` into a new folder of `zoo`; return that."""
    run = disvae.open_run(source)
    if not run.is_trained:
        raise disvae.UserError(f"{source} is not trained to its end; go on with it first.")
    home = zoo / run.name
    if home.exists():
        raise disvae.UserError(f"{home} is there already; remove it first.")
    zoo.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=zoo, prefix=".") as scratch:
        folder = Path(scratch) / run.name
        folder.mkdir()
        for name in (*LOGS, FILM):
            if (source / name).is_file():
                shutil.copyfile(source / name, folder / name)
        hours = recorded_hours(source) if hours is None else hours
        write_text(folder / "specs.json", to_json(public(run.specs, hours)))
        complete(disvae.open_run(folder), data_dir)
        for path in folder.iterdir():
            if path.name not in FILES:
                path.unlink()
        others = sum(path.stat().st_size for path in folder.iterdir() if path.name != FILM)
        shorten(folder / FILM, MOST - others, "L" if run.image_shape[0] == 1 else "RGB")
        missing = sorted(FILES - {path.name for path in folder.iterdir()})
        size = sum(path.stat().st_size for path in folder.iterdir())
        if missing or size > MOST:
            fault = f"lacks {', '.join(missing)}" if missing else f"has {size:,} bytes"
            raise disvae.UserError(f"{source} {fault}; a run of the zoo has all, in {MOST:,}.")
        folder.rename(home)
    return home


def shorten(film: Path, most: int, mode: str) -> None:
    """Leave out frames of `film`, but not the last, until it fills at most `most` bytes."""
    if not film.is_file() or film.stat().st_size <= most:
        return
    with Image.open(film) as opened:
        frames = [frame.convert(mode) for frame in ImageSequence.Iterator(opened)]
    frames = [frame.reduce(1 if frame.width <= 400 else 2) for frame in frames]
    for step in range(1, len(frames) + 1):
        write_animation(film, frames[::-1][::step][::-1], frames_per_second=1)
        if film.stat().st_size <= most:
            return


def public(specs: dict[str, Any], hours: float | None) -> dict[str, Any]:
    """Return `specs` without the folders of this machine, and with the hours of the training."""
    given = {key: v for key, v in specs["given"].items() if key not in ("results_dir", "data_dir")}
    return {**specs, "given": given, "results_dir": "results", "data_dir": None, "hours": hours}


def recorded_hours(source: Path) -> float | None:
    """Return the hours of a run by the median speed that its sweep logged; None without a log."""
    log = source.parent / "logs" / f"{source.name}.log"
    speeds = (
        re.findall(r"^Epoch \d+: .* (\d+) images/s", log.read_text(), re.M) if log.is_file() else []
    )
    specs = read_json(source / "specs.json")
    if not speeds:
        return None
    images = specs["n_data"] * specs["used"]["epochs"]
    return round(images / median(map(float, speeds)) / 3600, 2)


def complete(run: disvae.Run, data_dir: Path | None) -> None:
    """Test, score and draw `run`."""
    where = Computing(data_dir=data_dir)
    if not (run.path / "test_losses.log").exists():
        test(run, where)
    if not run.metrics:
        score(run, where, ("all",))
    plots: dict[str, Any] = {"data_dir": data_dir, "seed": 1234}
    draw(run, ["generate-samples", "data-samples", "reconstruct"], PlotOptions(**plots))
    plots["is_show_loss"] = True
    draw(run, ["traversals", "reconstruct-traverse"], PlotOptions(**plots))
    draw(run, ["traversals"], PlotOptions(**plots, is_posterior=True))
    draw(run, ["gif-traversals"], PlotOptions(**plots, n_cols=5))


def ordered(zoo: Path) -> list[Listed]:
    """Return the runs of the zoo, a dataset after the other, the losses as the papers came."""

    def place(run: Listed) -> tuple[str, int, str]:
        loss = str(run.specs.get("loss"))
        return str(run.specs.get("dataset")), (*LOSSES, loss).index(loss), run.name

    return sorted(list_runs(zoo) if zoo.is_dir() else [], key=place)


def readme(zoo: Path) -> str:
    """Say all of the runs in `zoo`, by their files."""
    runs = ordered(zoo)
    if not runs:
        return f"{HEAD}\nNo run is here yet.\n"
    trained = [["run", "command", "epochs", "steps", "hours", "reconstruction", "KL", "traversals"]]
    scored = [["run", *SCORES.values()]]
    for run in runs:
        specs = run.specs
        steps = disvae.open_run(zoo / run.name).steps
        picture = f'<img src="{run.name}/prior_traversals.png" alt="traversals" width="300">'
        trained.append(
            [
                f"[{run.name}]({run.name})", f"`{command(specs)}`", epochs(specs), f"{steps:,}",
                cell(specs["hours"], "{:.1f}"), cell(run.numbers.get("recon_loss"), "{:.2f}"),
                cell(run.numbers.get("kl_loss"), "{:.2f}"), picture,
            ]
        )  # fmt: skip
        if "mig" in run.numbers:
            values = numbers(zoo, run)
            scored.append([run.name, *(cell(values.get(key), "{:.3f}") for key in SCORES)])
    text = f"""{HEAD}
![The posterior traversals of all, moving](grid.gif)

{table(trained)}

Reconstruction and KL are the test losses, nats per image, over all training images. Epochs are
those of `--epochs`, of the experiment's full length; FactorVAE takes two batches a step. Hours are
those of one core or two, at the median speed of the epochs, beside other work. Each picture: a
latent a row, largest KL first.
"""
    if len(scored) > 1:
        text += f"""
{table(scored)}

Scores of all images, default settings; D, C and I are disentanglement, completeness and
informativeness. One seed a row: differences between rows are not differences between losses.
"""
    return text


def numbers(zoo: Path, run: Listed) -> dict[str, float]:
    """Return the scores of a run, with MIG over the factors but shape."""
    rows = read_json(zoo / run.name / "metrics.log")["mig"]["parts"]["per_factor"]
    gaps = [row["gap"] for row in rows if row["factor"] != "shape"]
    found = {"without_shape": sum(gaps) / len(gaps)} if len(gaps) < len(rows) else {}
    return {**run.numbers, **found}


def command(specs: dict[str, Any]) -> str:
    """Return the command that trains such a run."""
    of_sweeps = ("no_progress_bar", "no_extend")
    given = {key: v for key, v in specs["given"].items() if key not in of_sweeps}
    words = ["disvae", "train", specs["name"]]
    for key, value in sorted(given.items(), key=lambda item: item[0] != "experiment"):
        option = "-x" if key == "experiment" else f"--{key.replace('_', '-')}"
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        words += [option] if value is True else [option, text]
    return shlex.join(words)


def epochs(specs: dict[str, Any]) -> str:
    """Return how many epochs were asked for, of how many in full."""
    experiment = specs.get("experiment", "custom")
    full = experiment_options(experiment).get("epochs")
    asked = str(specs["epochs"])
    return asked if full in (None, asked) else f"{asked} of {full}"


def cell(value: float | None, form: str) -> str:
    """Return a number, or a dash in its place."""
    return "–" if value is None else form.format(value)


def table(rows: list[list[str]]) -> str:
    """Write a Markdown table."""
    return "\n".join(
        f"| {' | '.join(row)} |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    )


def entries(zoo: Path, build: Path) -> dict[str, Any]:
    """Write the zip file of each run to `build`; return what the registry says of them."""
    build.mkdir(parents=True, exist_ok=True)
    found = {}
    for run in ordered(zoo):
        file = build / f"{run.name}.zip"
        file.unlink(missing_ok=True)
        disvae.export(disvae.open_run(zoo / run.name), "zip", file)
        shown = ("recon_loss", "kl_loss", *SCORES)
        scores = numbers(zoo, run) if "mig" in run.numbers else run.numbers
        found[run.name] = {
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "size": file.stat().st_size,
            "numbers": {key: round(scores[key], 5) for key in shown if key in scores},
        }
    return found


def main(arguments: list[str]) -> int:
    """Do what the module says; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="*", type=Path, metavar="FOLDER_OF_A_RUN")
    parser.add_argument("--hours", type=float, help="of training; default: by the sweep's log")
    parser.add_argument("--data-dir", type=Path, help="folder of the datasets")
    given, zoo = parser.parse_args(arguments), ROOT / "zoo"
    try:
        for source in given.runs:
            print(lay(source, zoo, given.hours, given.data_dir))
        write_text(registry.REGISTRY, json.dumps(entries(zoo, ROOT / "build/zoo"), indent=1) + "\n")
        films = [disvae.open_run(zoo / run.name) for run in ordered(zoo)]
        if films:
            write_animation(zoo / "grid.gif", grid(films, columns=len(LOSSES)))
        zoo.mkdir(exist_ok=True)
        write_text(zoo / "README.md", readme(zoo))
    except disvae.UserError as error:
        print(f"zoo.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
