"""All plots by name, and the files that they go to."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from disvae.files import replacing
from disvae.options import PlotOptions
from disvae.plots.reconstructions import data_samples, reconstruct
from disvae.plots.traversals import traversals
from disvae.run import Run


class Plot(NamedTuple):
    """How a plot is drawn, and its file; ``{base}`` is ``prior`` or ``posterior``."""

    draw: Callable[..., Image.Image]
    file: str


PLOTS = {
    "data-samples": Plot(data_samples, "data_samples.png"),
    "reconstruct": Plot(reconstruct, "reconstruct.png"),
    "traversals": Plot(traversals, "{base}_traversals.png"),
}


def draw(run: Run, names: Iterable[str], options: PlotOptions) -> list[Path]:
    """Draw plots into the folder of `run`; ``all`` stands for every plot.

    Returns
    -------
    list
        The files.
    """
    given: dict[str, Any] = options.model_dump()
    base = "posterior" if options.is_posterior else "prior"
    chosen = list(PLOTS) if "all" in names else list(dict.fromkeys(names))
    pictures = {name: PLOTS[name].draw(run, **given) for name in chosen}
    files = []
    for name, picture in pictures.items():  # written only when all could be drawn
        path = run.path / PLOTS[name].file.format(base=base)
        with replacing(path) as temporary:
            picture.save(temporary, format="PNG")
        files.append(path)
    return files
