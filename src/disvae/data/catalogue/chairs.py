"""3D Chairs (Aubry et al. 2014): 1,393 chairs from 62 sides, the middle 400x400 in grey."""

from collections.abc import Mapping
from pathlib import Path

from jaxtyping import UInt8
from numpy import ndarray

from disvae.data.catalogue.entry import Entry
from disvae.data.raw.archives import open_tar
from disvae.data.raw.files import RawFile
from disvae.data.raw.images import UnreadableImageError, append_decoded, read_image, to_array
from disvae.data.store import Builder

SIZE = 64
CROP = 400  # the chair fills the middle of the picture
_MAX_BYTES = 2**22  # of one picture


def _decode(png: bytes, size: int) -> UInt8[ndarray, "1 {size} {size}"]:
    image = read_image(png)
    left, top = (image.width - CROP) // 2, (image.height - CROP) // 2
    if left < 0 or top < 0:
        raise UnreadableImageError(f"{image.width} x {image.height} pixels instead of 600 x 600")
    return to_array(image.crop((left, top, left + CROP, top + CROP)), 1, size)


def _write(files: Mapping[str, Path], builder: Builder) -> None:
    pattern = r"rendered_chairs/[^/]+/renders/[^/.][^/]*\.png"
    with open_tar(files["rendered_chairs.tar"], pattern, _MAX_BYTES) as (names, read):
        append_decoded(builder, names, read, lambda png: _decode(png, builder.size))


_FOLDER = "www.di.ens.fr/willow/research/seeing3Dchairs/data/"

ENTRY = Entry(
    name="chairs",
    image_shape=(1, SIZE, SIZE),
    splits={"train": 86_366},
    background="white",
    write=_write,
    other_sizes=(32, 128, 256),
    files=(
        RawFile.under((f"https://{_FOLDER}", f"http://{_FOLDER}"), "rendered_chairs.tar", md5=None),
    ),
    download="a few GB",
    licence="none stated by its authors",
    citation="Aubry, Maturana, Efros, Russell, Sivic: Seeing 3D chairs, CVPR 2014",
)
