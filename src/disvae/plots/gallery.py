"""Plots into the folder of a run."""

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm.auto import tqdm

from disvae.options import PlotOptions
from disvae.plots.animations import write_gif
from disvae.plots.figures import write_figure, write_image
from disvae.plots.opened import Opened
from disvae.plots.registry import PLOTS
from disvae.runs.run import Run


def draw(run: Run, names: Iterable[str], options: PlotOptions) -> list[Path]:
    """Draw plots into the folder of `run`, ``all`` or by name; return the files.

    Data and model are opened once. Nothing is written unless all can be drawn.
    """
    given: dict[str, Any] = options.model_dump(exclude_unset=True)
    if options.seed is None:  # one for all: the plots show the same images
        given["seed"] = secrets.randbits(32)
    chosen = list(PLOTS) if "all" in names else list(dict.fromkeys(names))
    opened = Opened(run, options.data_dir)
    bar = tqdm(chosen, unit="plot", disable=None if len(chosen) > 1 else True, leave=False)
    drawn = {}
    for name in bar:
        bar.set_description(name)
        drawn[name] = PLOTS[name].draw(opened, **given)
    base = "posterior" if options.is_posterior else "prior"
    files = []
    for name, picture in drawn.items():
        file = PLOTS[name].file.format(base=base, format=options.format)
        files.append(run.path / file)
        _write(files[-1], picture)
    return files


def _write(path: Path, picture: Any) -> None:
    if isinstance(picture, list):
        write_gif(path, picture)
    elif isinstance(picture, Image.Image):
        write_image(path, picture)
    else:
        write_figure(path, picture)
