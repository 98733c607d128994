"""Grids of images, with labels beside the rows."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont, ImageOps
from torch import Tensor

from disvae.errors import UserError

PADDING = 2  # pixels between images
_GAP = 6  # pixels between a row and its label
_SMALLEST_TEXT = 10
_LARGEST_TEXT = 24
_MOST_PIXELS = 10**8


def check_size(
    image_shape: tuple[int, int, int], n_rows: int, n_cols: int, factor: int, n_frames: int = 1
) -> None:
    """Raise `UserError` if a grid of such images cannot be shown or would fill the memory."""
    channels, height, width = image_shape
    if channels not in (1, 3):
        raise UserError(
            f"Plots show images of 1 channel (grey) or 3 (RGB), but these have {channels}."
        )
    pixels = n_rows * n_cols * height * width * factor**2 * n_frames
    if pixels > _MOST_PIXELS:
        raise UserError(
            f"The picture would have {pixels:,} pixels, and at most {_MOST_PIXELS:,} can be drawn; "
            "lower --n-rows, --n-cols or --upsample-factor."
        )


def image_grid(
    images: Float[Tensor, "R C channels H W"],
    background: str,
    upsample_factor: int = 1,
    row_labels: Sequence[str] = (),
) -> Image.Image:
    """Draw R rows of C images, 2 pixels apart in the colour opposite to `background`.

    Pixels lie in [0, 1], in 1 or 3 channels; each becomes a square of side `upsample_factor`.
    `row_labels` are drawn at the right of the rows.
    """
    padding, ink = ("white", "black") if background == "black" else ("black", "white")
    pixels = (images.clamp(0, 1) * 255).round().byte().movedim(2, -1).cpu().numpy()
    canvas = _tile(pixels, 255 if padding == "white" else 0, upsample_factor)
    picture = Image.fromarray(canvas.squeeze(-1) if canvas.shape[-1] == 1 else canvas)
    if not row_labels:
        return picture
    return _label_rows(picture, row_labels, images.shape[3] * upsample_factor, padding, ink)


def _tile(
    pixels: UInt8[np.ndarray, "R C H W channels"], padding: int, factor: int
) -> UInt8[np.ndarray, "height width channels"]:
    pixels = pixels.repeat(factor, axis=2).repeat(factor, axis=3)
    rows, cols, height, width, channels = pixels.shape
    margins = ((0, 0), (0, 0), (PADDING, 0), (PADDING, 0), (0, 0))
    cells = np.pad(pixels, margins, constant_values=padding)
    sheet = cells.swapaxes(1, 2).reshape(
        rows * (height + PADDING), cols * (width + PADDING), channels
    )
    return np.pad(sheet, ((0, PADDING), (0, PADDING), (0, 0)), constant_values=padding)


def _label_rows(
    picture: Image.Image, labels: Sequence[str], row_height: int, paper: str, ink: str
) -> Image.Image:
    size = int(np.clip(row_height // 4, _SMALLEST_TEXT, _LARGEST_TEXT))
    font = ImageFont.load_default(size)
    text_width = int(max(font.getlength(label) for label in labels))
    wide = ImageOps.expand(picture, (0, 0, text_width + 2 * _GAP, 0), paper)
    draw = ImageDraw.Draw(wide)
    for row, label in enumerate(labels):
        middle = PADDING + row * (row_height + PADDING) + row_height // 2
        draw.text((picture.width + _GAP, middle), label, fill=ink, font=font, anchor="lm")
    return wide
