"""CelebA (Liu et al. 2015): 202,599 faces, aligned and cropped, 178x218 made square."""

from collections.abc import Mapping
from pathlib import Path

from disvae.data.catalogue.entry import Entry
from disvae.data.raw.archives import open_zip
from disvae.data.raw.files import RawFile
from disvae.data.raw.images import append_decoded, read_image, to_array
from disvae.data.store import Builder

SIZE = 64
_FOLDER = "https://s3-us-west-1.amazonaws.com/udacity-dlnfd/datasets/"
_MD5 = "00d2c5bc6d35e252742224ab0c1e8fcb"
_MAX_BYTES = 2**20  # of one face; the largest has about 50 kB


def _write(files: Mapping[str, Path], builder: Builder) -> None:
    with open_zip(files["celeba.zip"], r"img_align_celeba/\d+\.jpg", _MAX_BYTES) as (names, read):
        append_decoded(builder, names, read, lambda it: to_array(read_image(it), 3, builder.size))


ENTRY = Entry(
    name="celeba",
    image_shape=(3, SIZE, SIZE),
    splits={"train": 202_599},
    background="white",
    write=_write,
    other_sizes=(32, 128),
    files=(RawFile.under((_FOLDER,), "celeba.zip", _MD5),),
    download="1.4 GB",
    licence="non-commercial research only",
    citation="Liu, Luo, Wang, Tang: Deep learning face attributes in the wild, ICCV 2015",
)
