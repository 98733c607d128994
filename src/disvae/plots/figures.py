"""Figures with axes: made, turned into a picture, written to files that go into papers."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, cast

import numpy as np
from PIL import Image

from disvae.errors import UserError
from disvae.plots.grids import DPI, MOST_PIXELS, Grid
from disvae.storage.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE = "#2f6db5"
GREY = "#7a7a7a"
LIGHT = "#cccccc"
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "pdf.fonttype": 42,  # journals refuse type 3
    "svg.hashsalt": "disvae",  # the same figure, the same bytes
}
P = ParamSpec("P")
_NO_DATE: dict[str, Any] = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {}}


class Showable(Protocol[P]):
    """A plot as users call it."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Image.Image:
        """Return a Pillow image."""

    def figure(self, *args: P.args, **kwargs: P.kwargs) -> "Figure":
        """Return the same as a Matplotlib figure."""


def shown(draw: Callable[P, "Grid | Figure"]) -> Showable[P]:
    """Decorate what draws a grid of images or a figure: it becomes `Showable`."""

    @wraps(draw)
    def plot(*args: P.args, **kwargs: P.kwargs) -> Image.Image:
        drawn = draw(*args, **kwargs)
        return drawn.to_image() if isinstance(drawn, Grid) else to_image(drawn)

    def figure(*args: P.args, **kwargs: P.kwargs) -> "Figure":
        drawn = draw(*args, **kwargs)
        return _around(drawn) if isinstance(drawn, Grid) else drawn

    plot.figure = figure  # type: ignore[attr-defined]
    return cast("Showable[P]", plot)


def new_figure(
    mosaic: Any, width: float, height: float, dpi: int = DPI, **settings: Any
) -> tuple["Figure", dict[str, "Axes"]]:
    """Make a figure of `width` by `height` inches with axes by name; ``.`` is left empty."""
    if (pixels := round(width * height * dpi**2)) > MOST_PIXELS:
        raise UserError(
            f"The picture would have {pixels:,} pixels, and at most {MOST_PIXELS:,} can be drawn; "
            "lower --dpi."
        )
    # Matplotlib takes half a second, which training and grids of images need not wait for
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure((width, height), dpi=dpi, layout="constrained")
        return figure, figure.subplot_mosaic(mosaic, **settings)


def plain(text: str) -> str:
    """Keep text that comes from files from being read as mathematics."""
    return text.replace("$", r"\$")


def to_image(figure: "Figure") -> Image.Image:
    """Draw `figure` to pixels."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with rc_context(_STYLE):
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _around(grid: Grid) -> "Figure":
    """Make a figure of a grid: its images as they are, labels and title as text."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    (width, height), picture = grid.size, grid.picture
    paper, ink = grid.colours
    text: dict[str, Any] = {"color": ink, "fontsize": grid.text_height * 72 / grid.dpi}
    with rc_context(_STYLE):
        figure = Figure((width / grid.dpi, height / grid.dpi), dpi=grid.dpi, facecolor=paper)
        axes = figure.add_axes((0, 0, picture.width / width, picture.height / height))
        axes.set_axis_off()
        # "none": files get the images' own pixels, which "nearest" would resample
        axes.imshow(picture.convert("RGB"), interpolation="none", aspect="auto")
        left, top = grid.corner
        figure.text(left / width, 1 - top / height, plain(grid.title), va="top", **text)
        for label, left, middle in grid.places:
            place = left / width, 1 - middle / height
            figure.text(*place, plain(label), va="center_baseline", **text)
    return figure


def write_image(path: Path, image: Image.Image, dpi: int = DPI) -> None:
    """Write `image` atomically, as PNG, to be printed at `dpi` pixels per inch."""
    with replacing(path) as temporary:
        image.save(temporary, format="PNG", dpi=(dpi, dpi))


def write_as(path: Path, plot: Showable[P], *args: P.args, **kwargs: P.kwargs) -> None:
    """Draw `plot` of the arguments to a PNG, PDF or SVG file by the suffix of `path`."""
    if path.suffix not in _NO_DATE:
        raise UserError(f"A picture is a .png, .pdf or .svg file, but {path} is none; rename it.")
    if path.suffix == ".png":
        write_image(path, plot(*args, **kwargs))
    else:
        write_figure(path, plot.figure(*args, **kwargs))


def write_figure(path: Path, figure: "Figure") -> None:
    """Write `figure` atomically, as PNG, PDF or SVG by the suffix of `path`."""
    from matplotlib import rc_context

    with rc_context(_STYLE), replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], metadata=_NO_DATE[path.suffix])
