"""Encoded images (PNG, JPEG, WebP, BMP) as arrays."""

import io
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from disvae.data.store import Builder
from disvae.errors import UserError

MAX_BYTES = 2**28  # of one encoded image
MAX_PIXELS = 2**26  # of one decoded image: 8192 x 8192
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")


class UnreadableImageError(ValueError):
    """Why some bytes are no image, in a few words."""


def read_image(content: bytes, shown_size: int = 0) -> Image.Image:
    """Decode an image to grey (``L``) or colour (``RGB``), 8 bits, upright.

    Transparent parts become white, 16-bit values lose their low byte. A JPEG much larger than
    the side `shown_size` that it will be resized to is decoded at a half, a quarter or an eighth
    of its size, still at least twice as large as that.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UnreadableImageError(f"too large: {image.width} x {image.height} pixels")
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
    image: Image.Image, channels: int, size: int, resampling: int = Image.Resampling.LANCZOS
) -> UInt8[np.ndarray, "{channels} {size} {size}"]:
    """Resize the whole of `image` to a square of side `size`, with 1 or 3 `channels`."""
    if image.size != (size, size):
        image = image.resize((size, size), resampling)
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return np.ascontiguousarray(pixels.reshape(size, size, channels).transpose(2, 0, 1))


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
