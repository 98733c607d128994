"""Figures with axes: made, turned into a picture, written to files that go into papers."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from disvae.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE = "#2f6db5"
GREY = "#7a7a7a"
_DPI = 150
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "pdf.fonttype": 42,  # journals refuse type 3
    "svg.hashsalt": "disvae",  # the same figure, the same bytes
}
_NO_DATE: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None},
    ".png": {},
}


def new_figure(
    n_rows: int, n_cols: int, width: float, height: float, **settings: Any
) -> tuple["Figure", Any]:
    """Make a figure of `width` by `height` inches, and an array of axes ``[n_rows, n_cols]``."""
    # Matplotlib takes half a second, which training and grids of images need not wait for
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure((width, height), dpi=_DPI, layout="constrained")
        axes = figure.subplots(n_rows, n_cols, squeeze=False, **settings)
    return figure, axes


def to_image(figure: "Figure") -> Image.Image:
    """Draw `figure` to pixels."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with rc_context(_STYLE):
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def write_figure(path: Path, figure: "Figure") -> None:
    """Write `figure` atomically, as PNG, PDF or SVG by the suffix of `path`."""
    from matplotlib import rc_context

    with rc_context(_STYLE), replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], metadata=_NO_DATE[path.suffix])


def whole_numbers(axes: "Axes") -> None:
    """Let the ticks of the x axis be whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
