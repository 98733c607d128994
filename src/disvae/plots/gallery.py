"""All plots by name, and the files that they go to."""

import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from disvae.options import PlotOptions
from disvae.plots.animations import gif_traversals, write_gif
from disvae.plots.diagrams import latents_figure, losses_figure
from disvae.plots.figures import write_figure, write_image
from disvae.plots.opened import Opened
from disvae.plots.samples import data_samples, generate_samples, reconstruct
from disvae.plots.traversals import reconstruct_traverse, traversals
from disvae.runs.run import Run

# plot: how it is drawn and written, and its file; ``{base}`` is ``prior`` or ``posterior``
PLOTS: dict[str, tuple[Callable[..., Any], Callable[[Path, Any], None], str]] = {
    "generate-samples": (generate_samples, write_image, "samples.png"),
    "data-samples": (data_samples, write_image, "data_samples.png"),
    "reconstruct": (reconstruct, write_image, "reconstruct.png"),
    "traversals": (traversals, write_image, "{base}_traversals.png"),
    "reconstruct-traverse": (reconstruct_traverse, write_image, "reconstruct_traverse.png"),
    "gif-traversals": (gif_traversals, write_gif, "posterior_traversals.gif"),
    "losses": (losses_figure, write_figure, "losses.{format}"),
    "latents": (latents_figure, write_figure, "latents.{format}"),
}


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
        drawn[name] = PLOTS[name][0](opened, **given)
    base = "posterior" if options.is_posterior else "prior"
    files = []
    for name, picture in drawn.items():
        _, write, file = PLOTS[name]
        files.append(run.path / file.format(base=base, format=options.format))
        write(files[-1], picture)
    return files
