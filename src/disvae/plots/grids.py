"""Grids of images, with labels beside the rows."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from disvae.errors import UserError

DPI = 150
PADDING = 2  # pixels between images
GAP = 6  # pixels between a row and its label, and around a title
_SMALLEST_TEXT = 11
_LARGEST_TEXT = 24
MOST_PIXELS = 10**8


class Grid(NamedTuple):
    """Images in rows, with a label at the right of each row and a title above; in pixels."""

    picture: Image.Image  # the images with the lines between them
    row_height: int
    is_dark: bool  # whether the paper, as the lines, is black
    labels: Sequence[str] = ()
    title: str = ""
    dpi: int = DPI

    @property
    def colours(self) -> tuple[str, str]:
        """Of paper and ink."""
        return ("black", "white") if self.is_dark else ("white", "black")

    @property
    def text_height(self) -> int:
        """Of labels and title."""
        return int(np.clip(self.row_height // 4, _SMALLEST_TEXT, _LARGEST_TEXT))

    @property
    def corner(self) -> tuple[int, int]:
        """Left and top of the title."""
        return PADDING, GAP

    @property
    def top(self) -> int:
        """Where the picture begins, below the title."""
        return 2 * GAP + self._extent(self.title)[1] if self.title else 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of all."""
        labels = (
            2 * GAP + max(self._extent(label)[0] for label in self.labels) if self.labels else 0
        )
        title = self._extent(self.title)[0] + 2 * PADDING if self.title else 0
        return max(self.picture.width + labels, title), self.top + self.picture.height

    @property
    def places(self) -> list[tuple[str, int, int]]:
        """The labels, with the left end and the middle of each."""
        left, stride = self.picture.width + GAP, self.row_height + PADDING
        middle = self.top + PADDING + self.row_height // 2
        return [(label, left, middle + row * stride) for row, label in enumerate(self.labels)]

    def to_image(self) -> Image.Image:
        """Draw all to pixels, those of the images as they are."""
        if not self.labels and not self.title:
            return self.picture
        paper, ink = self.colours
        page = Image.new(self.picture.mode, self.size, paper)
        page.paste(self.picture, (0, self.top))
        draw, font = ImageDraw.Draw(page), _font(self.text_height)
        draw.text(self.corner, self.title, fill=ink, font=font, anchor="la")
        for label, left, middle in self.places:
            draw.text((left, middle), label, fill=ink, font=font, anchor="lm")
        return page

    def _extent(self, text: str) -> tuple[int, int]:
        *_, right, bottom = _font(self.text_height).getbbox(text, anchor="la")
        return int(right), int(bottom)


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
    if pixels > MOST_PIXELS:
        raise UserError(
            f"The picture would have {pixels:,} pixels, and at most {MOST_PIXELS:,} can be drawn; "
            "lower --n-rows, --n-cols or --upsample-factor."
        )


def image_grid(
    images: Float[Tensor, "R C channels H W"],
    background: str,
    upsample_factor: int = 1,
    labels: Sequence[str] = (),
) -> Grid:
    """Arrange R rows of C images, 2 pixels apart in the colour opposite to `background`.

    Pixels lie in [0, 1], in 1 or 3 channels; each becomes a square of side `upsample_factor`.
    """
    is_dark = background != "black"
    pixels = (images.clamp(0, 1) * 255).round().byte().movedim(2, -1).cpu().numpy()
    canvas = _tile(pixels, 0 if is_dark else 255, upsample_factor)
    picture = Image.fromarray(canvas.squeeze(-1) if canvas.shape[-1] == 1 else canvas)
    return Grid(picture, images.shape[3] * upsample_factor, is_dark, labels)


def _tile(
    pixels: UInt8[np.ndarray, "R C H W channels"], padding: int, factor: int
) -> UInt8[np.ndarray, "height width channels"]:
    pixels = pixels.repeat(factor, axis=2).repeat(factor, axis=3)
    rows, cols, height, width, channels = pixels.shape
    margins = ((0, 0), (0, 0), (PADDING, 0), (PADDING, 0), (0, 0))
    cells = np.pad(pixels, margins, constant_values=padding)
    shape = rows * (height + PADDING), cols * (width + PADDING), channels
    sheet = cells.swapaxes(1, 2).reshape(shape)
    return np.pad(sheet, ((0, PADDING), (0, PADDING), (0, 0)), constant_values=padding)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    from matplotlib import get_data_path  # whose font has Greek letters, unlike Pillow's

    return ImageFont.truetype(Path(get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size)
