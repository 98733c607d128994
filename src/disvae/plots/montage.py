"""A grid of the moving traversals of several runs."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps, ImageSequence

from disvae.errors import UserError
from disvae.plots.animations import FRAMES_PER_SECOND
from disvae.runs.run import Run

_GAP = 10  # pixels between cells
_SMALLEST_TEXT = 12
_LARGEST_TEXT = 40
_MOST_PIXELS = 4 * 10**8


def grid(runs: Sequence[Run], columns: int = 4) -> list[Image.Image]:
    """Merge the ``posterior_traversals.gif`` of runs into one grid, names above; return its frames.

    Small films are magnified by a whole number until they are about as wide as the widest;
    short ones start again. The runs fill so many columns row by row.
    `disvae.plots.write_animation` writes the frames.

    If a run has no such file or it is damaged, or the grid would fill the memory, that is a
    `UserError`.
    """
    if not runs or columns < 1:
        raise UserError(
            f"A grid needs at least one run and one column, but has {len(runs)} and {columns}."
        )
    films = [_read(run) for run in runs]
    widest = max(film[0].width for film in films)
    for film in films:
        factor = max(1, round(widest / film[0].width))
        film[:] = [ImageOps.scale(frame, factor, Image.Resampling.NEAREST) for frame in film]
    widths = [film[0].width for film in films]
    text = int(np.clip(max(widths) // 24, _SMALLEST_TEXT, _LARGEST_TEXT))  # read when all is shown
    strip = 2 * text
    font = ImageFont.load_default(text)
    cell_width = int(max(*widths, *(font.getlength(run.name) for run in runs))) + 1
    cell_height = max(film[0].height for film in films) + strip
    columns = min(columns, len(runs))
    n_rows = -(-len(runs) // columns)
    n_frames = max(map(len, films))
    size = (columns * (cell_width + _GAP) + _GAP, n_rows * (cell_height + _GAP) + _GAP)
    if size[0] * size[1] * n_frames > _MOST_PIXELS:
        raise UserError(
            f"The grid would have {n_frames} frames of {size[0]} x {size[1]} pixels, which is too "
            "much; name fewer runs, or draw their gif-traversals smaller."
        )
    mode = "L" if all(film[0].mode == "L" for film in films) else "RGB"
    page = Image.new(mode, size, "white")
    draw = ImageDraw.Draw(page)
    corners = []
    for number, run in enumerate(runs):
        left = _GAP + number % columns * (cell_width + _GAP)
        top = _GAP + number // columns * (cell_height + _GAP)
        draw.text((left + cell_width // 2, top + strip // 2), run.name, "black", font, anchor="mm")
        corners.append((left + (cell_width - widths[number]) // 2, top + strip))
    frames = [page.copy() for _ in range(n_frames)]
    for film, corner in zip(films, corners, strict=True):
        for number, frame in enumerate(frames):
            frame.paste(film[number % len(film)], corner)
    return frames


def _read(run: Run) -> list[Image.Image]:
    """Read the frames of a run's film, grey if all are."""
    path = run.outputs.made("posterior_traversals.gif")
    if not path.is_file():
        raise UserError(f"{path} is missing; draw it first: disvae plot {run.name} gif-traversals.")
    try:
        with Image.open(path) as film:
            frames = []
            for frame in ImageSequence.Iterator(film):
                # Pillow writes equal frames as one that lasts longer
                repeats = round(frame.info.get("duration", 0) * FRAMES_PER_SECOND / 1000)
                frames += [frame.convert("RGB")] * max(1, repeats)
                if len(frames) * film.width * film.height > _MOST_PIXELS:
                    raise UserError(f"{path} is too large a film; draw it smaller.")
    except UserError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        # all that Pillow says of broken files
        raise UserError(
            f"{path} is damaged; draw it again: disvae plot {run.name} gif-traversals."
        ) from None
    return [frame.convert("L") for frame in frames] if all(map(_is_grey, frames)) else frames


def _is_grey(frame: Image.Image) -> bool:
    pixels = np.asarray(frame)
    return bool((pixels == pixels[..., :1]).all())
