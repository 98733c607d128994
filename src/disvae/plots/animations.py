"""Animations: traversals that move, and how they are written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image

from disvae.errors import UserError
from disvae.models.vae import VAE
from disvae.plots.grids import image_grid
from disvae.plots.opened import Opened, prepare
from disvae.plots.samples import decode
from disvae.plots.walks import standard_normal, traversal_codes
from disvae.posterior import Posterior
from disvae.runs.run import Run
from disvae.storage.files import replacing

FRAMES_PER_SECOND = 12
N_FRAMES = 15  # of a traversal
_MAX_TRAVERSAL = 2.0  # of the film of training
_N_COLS = 10
_MOST_ROWS = 100  # of that film: a GIF is at most 65,535 pixels high
_GREYS = 128  # enough for the eye; halves the file
_SHEET_PIXELS = 4_000_000  # to find a palette in
_SHEET_COLOURS = 2**15  # different ones among them; among a million, Pillow seeks for minutes


def gif_traversals(run: Run | Opened, **options: Any) -> list[Image.Image]:
    """Draw moving traversals of posteriors: a row per latent, a column per image, 15 frames.

    The rows are the `n_rows` latents with the largest KL, largest first; the columns start from
    `n_cols` images, those of `idcs` first. `disvae.plots.write_animation` writes the frames.

    Reads ``n_rows, n_cols, max_traversal, is_show_loss, idcs, seed, upsample_factor,
    title``.
    """
    opened, plot = prepare(run, options, N_FRAMES)
    model = opened.run.model
    latents = opened.latents(plot)
    with torch.inference_mode():
        mean, logvar = model.encode(opened.samples(plot.n_cols, plot))
    labels = opened.row_labels(latents, plot)
    codes = torch.stack(  # [frames, R, C, D]
        [
            traversal_codes(Posterior(m[None], v[None]), latents, N_FRAMES, plot.max_traversal)
            for m, v in zip(mean, logvar, strict=True)
        ],
        dim=2,
    ).movedim(1, 0)
    return [opened.grid(decode(model, frame), plot, labels).to_image() for frame in codes]


def training_frame(model: VAE, background: str) -> Image.Image:
    """Draw the prior traversals of the latents, in their own order: one frame per epoch."""
    latents = np.arange(min(model.latent_dim, _MOST_ROWS))
    base = standard_normal(model.latent_dim)
    codes = traversal_codes(base, latents, _N_COLS, _MAX_TRAVERSAL)
    device = next(model.parameters()).device
    return image_grid(decode(model, codes.to(device)), background).to_image()


def check_place(path: Path) -> None:
    """Raise `UserError` unless an animation can be written to `path`."""
    if path.suffix.lower() not in _WRITERS:
        raise UserError(f"An animation is a .gif or .webp file, but {path} is neither; rename it.")
    if not path.parent.is_dir():
        raise UserError(f"There is no folder {path.parent} for {path.name}; make it first.")


def write_animation(
    path: str | Path, frames: Sequence[Image.Image], frames_per_second: float = FRAMES_PER_SECOND
) -> None:
    """Write `frames` to a looping animation, GIF or WebP by the suffix of `path`, atomically.

    Another suffix, no frame, or a folder that is not there is a `UserError`.
    """
    path = Path(path)
    check_place(path)
    if not frames:
        raise UserError(f"{path} would have no frame; draw at least one.")
    _WRITERS[path.suffix.lower()](path, frames, frames_per_second)


def write_gif(
    path: Path, frames: Sequence[Image.Image], frames_per_second: float = FRAMES_PER_SECOND
) -> None:
    """Write `frames` to a looping GIF at `path`, atomically; one palette for all frames.

    Grey frames get 128 even greys; others the 253 colours that suit all frames best,
    black and white. Nothing is dithered: dots would dance from frame to frame.
    """
    if all(frame.mode == "L" for frame in frames):
        frames = [_to_even_greys(frame) for frame in frames]
    else:
        colours = _shared_palette(frames)
        frames = [_to_palette(frame.convert("RGB"), colours) for frame in frames]
    palette = bytes(frames[0].getpalette() or [])  # else each frame repeats its own
    # optimised: unchanged pixels become transparent
    _save(path, frames, 100 / frames_per_second, 10, format="GIF", palette=palette, optimize=True)


def write_webp(path: Path, frames: Sequence[Image.Image], frames_per_second: float) -> None:
    """Write `frames` to a looping WebP at `path`, atomically."""
    frames = [frame.convert("RGB") for frame in frames]
    _save(path, frames, 1000 / frames_per_second, 1, format="WEBP", quality=90, method=4)


_MOST_PIXELS = {"GIF": 65_535, "WEBP": 16_383}  # a side
_WRITERS = {".gif": write_gif, ".webp": write_webp}


def _save(
    path: Path, frames: Sequence[Image.Image], ticks: float, milliseconds: int, **settings: Any
) -> None:
    """Show each frame for whole ticks of the format, whose mean is the true duration."""
    largest = _MOST_PIXELS[settings["format"]]
    if max(frames[0].size) > largest:
        width, height = frames[0].size
        raise UserError(
            f"{path} would be {width} x {height} pixels, but its format has at most {largest:,} a "
            "side; draw fewer rows or columns."
        )
    ends = np.round(np.arange(len(frames) + 1) * ticks).astype(int)
    settings["duration"] = (np.diff(ends).clip(1) * milliseconds).tolist()
    with replacing(path) as temporary:
        frames[0].save(temporary, save_all=True, append_images=frames[1:], loop=0, **settings)


def _to_even_greys(frame: Image.Image) -> Image.Image:
    levels = np.round(np.arange(256) * ((_GREYS - 1) / 255)).astype(np.uint8)
    even = Image.fromarray(levels[np.asarray(frame)])
    greys = np.round(np.arange(_GREYS) * (255 / (_GREYS - 1))).astype(int)
    even.putpalette(greys.repeat(3).tolist())
    return even


def _shared_palette(frames: Sequence[Image.Image]) -> Image.Image:
    """Find the colours that suit all frames; black comes first, then white."""
    width, height = frames[0].size
    step = int(np.ceil(np.sqrt(width * height * len(frames) / _SHEET_PIXELS)))
    pixels = [np.asarray(frame.convert("RGB"))[::step, ::step] for frame in frames]
    sheet = Image.fromarray(_with_fewer_colours(np.concatenate(pixels)))
    quantised = sheet.quantize(253, Image.Quantize.MAXCOVERAGE, kmeans=3)
    colours = (quantised.getpalette() or [])[: 3 * 253]
    palette = Image.new("P", (1, 1))
    palette.putpalette([0, 0, 0, 255, 255, 255, *colours])
    return palette


def _with_fewer_colours(pixels: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W 3"]:
    """Round as many low bits away, alike in all colours, as there are too many different ones."""
    for bits in range(4):
        rounded = pixels >> bits << bits | 1 << bits >> 1
        red, green, blue = np.moveaxis(rounded.astype(np.uint32), -1, 0)
        seen = np.zeros(1 << 24, dtype=bool)  # sorting or hashing millions takes seconds
        seen[red << 16 | green << 8 | blue] = True
        if seen.sum() <= _SHEET_COLOURS:
            break
    return rounded


def _to_palette(frame: Image.Image, palette: Image.Image) -> Image.Image:
    nearest = np.array(frame.quantize(palette=palette, dither=Image.Dither.NONE))
    pixels = np.asarray(frame)
    for index, colour in enumerate((0, 255)):  # Pillow's nearest is only near
        nearest[(pixels == colour).all(-1)] = index
    result = Image.fromarray(nearest)
    result.putpalette(palette.getpalette() or [])
    return result
