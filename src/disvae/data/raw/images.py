"""Encoded images (PNG, JPEG, WebP, BMP, TIFF, GIF) as arrays."""

import io
import logging
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from disvae.data.store import Builder
from disvae.errors import UserError
from disvae.types import Fit

logger = logging.getLogger("disvae")

MAX_BYTES = 2**28  # of one encoded image
MAX_PIXELS = 2**26  # of one decoded image: 8192 x 8192
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
_SQUARE = 1.1  # ratio of the sides up to which a picture counts as square


class UnreadableImageError(ValueError):
    """Why some bytes are no image, in a few words."""


def read_image(content: bytes, shown_size: int = 0) -> Image.Image:
    """Decode an image to grey (``L``) or colour (``RGB``), 8 bits, upright.

    Of several frames or pages it is the first. Transparent parts become white, 16-bit values lose
    their low byte. A JPEG much larger than the side `shown_size` that it will be resized to is
    decoded at a half, a quarter or an eighth of its size, still at least twice as large as that.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UnreadableImageError(f"too large: {image.width} x {image.height} pixels")
            if image.mode == "F" or (image.mode == "I" and image.format == "TIFF"):
                raise UnreadableImageError("of numbers in no fixed range; save 8 or 16 bits")
            if shown_size:
                image.draft(None, (2 * shown_size, 2 * shown_size))
            return _eight_bits(ImageOps.exif_transpose(image))
    except UnreadableImageError:
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError("not an image") from None
    except Image.DecompressionBombError:
        raise UnreadableImageError("too large") from None
    except Exception:  # the decoders raise many kinds
        raise UnreadableImageError("damaged or cut short") from None


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits: Pillow's own conversion clips at 255
        high = np.asarray(image).clip(0, 65535).astype(np.uint16) >> 8
        return Image.fromarray(high.astype(np.uint8))
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(coloured, mask=coloured)
        return paper
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def to_array(
    image: Image.Image,
    channels: int,
    size: int,
    resampling: Image.Resampling = Image.Resampling.LANCZOS,
    *,
    fit: Fit = "stretch",
    paper: str = "black",
) -> UInt8[np.ndarray, "{channels} {size} {size}"]:
    """Bring `image` to a square of side `size`, with 1 or 3 `channels`.

    The whole of it is stretched, or its middle is cropped, or margins of colour `paper` pad it.
    """
    if image.size != (size, size):
        if fit == "crop":
            image = ImageOps.fit(image, (size, size), resampling)
        elif fit == "pad":
            image = ImageOps.pad(image, (size, size), resampling, color=paper)
        else:
            image = image.resize((size, size), resampling)
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return np.ascontiguousarray(pixels.reshape(size, size, channels).transpose(2, 0, 1))


def tell_of_stretching(ratios: Sequence[float], fit: Fit) -> None:
    """Say so if pictures with such ratios of width to height are stretched by a tenth and more."""
    narrowest, widest = min(ratios), max(ratios)
    if fit == "stretch" and max(widest, 1 / narrowest) > _SQUARE:
        many = f"from {narrowest:.2f} to " if widest - narrowest > 0.01 else ""
        logger.warning(
            "The images are %s%.2f times as wide as high and are stretched to squares; to keep "
            "their shapes, --fit crop takes the middle of each, --fit pad adds margins.",
            many, widest,
        )  # fmt: skip


def append_decoded(
    builder: Builder,
    names: Sequence[str],
    read: Callable[[str], bytes],
    decode: Callable[[bytes], UInt8[np.ndarray, "C H W"]],
) -> None:
    """Append the images `names`, from where `builder` stands; `read` and `decode` each."""
    builder.expect(len(names))

    def decoded(name: str) -> UInt8[np.ndarray, "1 C H W"]:
        try:
            return decode(read(name))[None]
        except UnreadableImageError as fault:
            raise UserError(
                f"{name} of dataset '{builder.manifest.name}' cannot be read ({fault}); "
                "fetch its files again."
            ) from None

    builder.extend(decoded, names[builder.written :])


def channels_first(images: UInt8[np.ndarray, "n h w c"]) -> UInt8[np.ndarray, "n c h w"]:
    """Move the colours of images to the front, as they are stored."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
