"""Plots into the folder of a run."""

import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm.auto import tqdm

from disvae.errors import UserError
from disvae.options import PlotOptions
from disvae.plots.animations import write_animation
from disvae.plots.figures import write_figure, write_image
from disvae.plots.opened import Opened
from disvae.plots.registry import PLOTS
from disvae.runs.run import Run

_FILMS = ("gif", "webp")
_VECTORS = ("pdf", "svg")


def draw(run: Run, names: Iterable[str], options: PlotOptions) -> list[Path]:
    """Draw plots into the folder for what is made of `run`, ``all`` or by name; return the files.

    Data and model are opened once. Nothing is written unless all can be drawn.
    """
    given: dict[str, Any] = options.model_dump(exclude_unset=True)
    if options.seed is None:  # one for all: the plots show the same images
        given["seed"] = secrets.randbits(32)
    chosen = list(PLOTS) if "all" in names else list(dict.fromkeys(names))
    formats = _formats(chosen, options.format)
    run.outputs.require_own()
    opened = Opened(run, options.data_dir)
    bar = tqdm(chosen, unit="plot", disable=None if len(chosen) > 1 else True, leave=False)
    drawn = {}
    for name in bar:
        bar.set_description(name)
        plot = PLOTS[name].draw
        drawn[name] = (plot.figure if formats[name] in _VECTORS else plot)(opened, **given)
    base = "posterior" if options.is_posterior else "prior"
    files = []
    for name, picture in drawn.items():
        file = f"{PLOTS[name].file.format(base=base)}.{formats[name]}"
        files.append(run.outputs.file(file))
        _write(files[-1], picture, options.dpi)
    return files


def _formats(chosen: Sequence[str], wanted: str | None) -> dict[str, str]:
    """Give each plot the format that is wanted, or the default if that is of the other kind."""
    fitting = [name for name in chosen if (wanted in _FILMS) == PLOTS[name].is_film]
    if wanted is not None and not fitting:
        kind = "pictures, which are png, pdf or svg" if wanted in _FILMS else "films: gif or webp"
        raise UserError(f"--format {wanted} is not for {', '.join(chosen)}: {kind}.")
    return {
        name: wanted if wanted and name in fitting else "gif" if PLOTS[name].is_film else "png"
        for name in chosen
    }


def _write(path: Path, picture: Any, dpi: int) -> None:
    if isinstance(picture, list):
        write_animation(path, picture)
    elif isinstance(picture, Image.Image):
        write_image(path, picture, dpi)
    else:
        write_figure(path, picture)
