"""Animated GIFs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from disvae.files import replacing
from disvae.models import VAE
from disvae.plots.grids import image_grid
from disvae.plots.traversals import decode_grid, standard_normal, traversal_codes

_MAX_TRAVERSAL = 2.0
_N_COLS = 10


def training_frame(model: VAE, background: str) -> Image.Image:
    """Draw the prior traversals of all latents, in their own order: one frame an epoch."""
    latents = np.arange(model.latent_dim)
    base = standard_normal(model.latent_dim)
    codes = traversal_codes(base, latents, _N_COLS, _MAX_TRAVERSAL)
    device = next(model.parameters()).device
    return image_grid(decode_grid(model, codes.to(device)), background)


def write_gif(path: Path, frames: Sequence[Image.Image], frames_per_second: float) -> None:
    """Write `frames` to a looping GIF at `path`, atomically; one palette for all frames."""
    if frames[0].mode == "RGB":
        palette = _sheet(frames).quantize(256)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    with replacing(path) as temporary:
        frames[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            duration=1000 / frames_per_second,
            loop=0,
        )


def _sheet(frames: Sequence[Image.Image]) -> Image.Image:
    """Put all frames on one sheet, to find the colours that they share."""
    width, height = frames[0].size
    sheet = Image.new("RGB", (width, height * len(frames)))
    for number, frame in enumerate(frames):
        sheet.paste(frame, (0, number * height))
    return sheet
