"""What every plot of a run keeps: a picture of bounded size, the same for the same seed."""

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from disvae.plots.figures import to_image
from disvae.plots.opened import Opened
from disvae.runs.run import Run
from disvae.testing import require


def check_plot(draw: Callable[..., Any], run: Run) -> None:
    """Draw `run` twice with one seed, and check what comes.

    It is a Pillow image, a Matplotlib figure or a list of frames of one size; it shows
    something; it is the same both times, from a run as from one that is opened. `draw` is a
    function of a run and the options of plots; `run` is trained, with two latents or more, and
    its images are here.
    """
    name = getattr(draw, "__name__", repr(draw))
    first, second = (
        _frames(name, draw(each, n_rows=2, n_cols=3, seed=3)) for each in (run, Opened(run))
    )
    require(len({frame.shape for frame in first}) == 1, f"The frames of {name} differ in size.")
    require(min(np.ptp(frame) for frame in first) > 0, f"{name} shows nothing.")
    same = len(first) == len(second) and all(map(np.array_equal, first, second))
    require(same, f"{name} differs from one drawing to the next with the same seed.")


def _frames(name: str, picture: Any) -> list[np.ndarray]:
    frames = picture if isinstance(picture, list) else [picture]
    require(frames, f"{name} has no frames.")
    if hasattr(frames[0], "savefig"):
        frames = [to_image(frame) for frame in frames]
    drawn = all(isinstance(frame, Image.Image) for frame in frames)
    require(drawn, f"{name} gives {type(frames[0]).__name__}, which is no picture.")
    return [np.asarray(frame) for frame in frames]
