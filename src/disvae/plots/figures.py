"""Figures with axes: made, turned into a picture, written to files that go into papers."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from disvae.storage.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE = "#2f6db5"
GREY = "#7a7a7a"
LIGHT = "#cccccc"
_DPI = 150
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "pdf.fonttype": 42,  # journals refuse type 3
    "svg.hashsalt": "disvae",  # the same figure, the same bytes
}
_NO_DATE: dict[str, Any] = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {}}


def new_figure(
    mosaic: Any, width: float, height: float, **settings: Any
) -> tuple["Figure", dict[str, "Axes"]]:
    """Make a figure of `width` by `height` inches with axes by name; ``.`` is left empty."""
    # Matplotlib takes half a second, which training and grids of images need not wait for
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure((width, height), dpi=_DPI, layout="constrained")
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


def write_image(path: Path, image: Image.Image) -> None:
    """Write `image` atomically, as PNG."""
    with replacing(path) as temporary:
        image.save(temporary, format="PNG")


def write_figure(path: Path, figure: "Figure") -> None:
    """Write `figure` atomically, as PNG, PDF or SVG by the suffix of `path`."""
    from matplotlib import rc_context

    with rc_context(_STYLE), replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], metadata=_NO_DATE[path.suffix])
