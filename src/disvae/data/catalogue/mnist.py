"""MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017): 28x28 made 32x32."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from disvae.data.catalogue.entry import Entry
from disvae.data.raw.archives import open_gzip
from disvae.data.raw.files import RawFile
from disvae.data.store import Builder
from disvae.errors import UserError

SIZE = 32
SPLITS = {"train": 60_000, "test": 10_000}
_FILES = (
    "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
)  # fmt: skip
_MAGIC = b"\x00\x00\x08"  # unsigned bytes; the fourth byte is the number of dimensions
_MAX_BYTES = 2**28
_CHUNK = 1000


def read_idx(path: Path, n_dimensions: int) -> UInt8[np.ndarray, "..."]:
    """Read an IDX file of unsigned bytes, gzipped or not; refuse others and cut ones."""
    with open_gzip(path) as stream:
        content = stream.read(_MAX_BYTES)
    offset = 4 + 4 * n_dimensions
    if content[:4] != _MAGIC + bytes([n_dimensions]) or len(content) < offset:
        raise UserError(
            f"{path} is not an IDX file of unsigned bytes with {n_dimensions} dimensions; "
            "fetch it again."
        )
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", n_dimensions, offset=4))
    if len(content) - offset != math.prod(shape):
        raise UserError(
            f"{path} is cut short or damaged: it announces {shape} bytes "
            f"but holds {len(content) - offset}; fetch it again."
        )
    return np.frombuffer(content, np.uint8, offset=offset).reshape(shape)


def resize(images: UInt8[np.ndarray, "n h w"]) -> UInt8[np.ndarray, "n 1 32 32"]:
    """Resize grey images to 32x32, bilinear, as the original system did.

    Pillow resizes rows, then columns, each by itself: so all images at once are resized as one.
    """
    n, height, width = images.shape
    bilinear = Image.Resampling.BILINEAR
    rows = Image.fromarray(images.reshape(n * height, width)).resize((SIZE, n * height), bilinear)
    columns = np.asarray(rows).reshape(n, height, SIZE).swapaxes(0, 1).reshape(height, n * SIZE)
    resized = np.asarray(Image.fromarray(columns).resize((n * SIZE, SIZE), bilinear))
    return resized.reshape(SIZE, n, 1, SIZE).transpose(1, 2, 0, 3)


def _write(files: Mapping[str, Path], builder: Builder) -> None:
    splits = []
    for split, count in builder.manifest.splits.items():
        images_file, labels_file = _FILES[:2] if split == "train" else _FILES[2:]
        images, labels = read_idx(files[images_file], 3), read_idx(files[labels_file], 1)
        if not len(images) == len(labels) == count:
            raise UserError(
                f"The {split} files of {builder.manifest.name} hold {len(images)} images and "
                f"{len(labels)} labels instead of {count}; fetch them again."
            )
        splits.append(images)
    left = np.concatenate(splits)[builder.written :]
    builder.extend(resize, (left[i : i + _CHUNK] for i in range(0, len(left), _CHUNK)))


def _entry(
    name: str,
    folders: Sequence[str],
    md5: Sequence[str],
    unpacked: Sequence[str | None] = (None,) * len(_FILES),
    **about: Any,
) -> Entry:
    """Describe a dataset by the hashes of its `_FILES`, as they are published and gunzipped."""
    return Entry(
        name=name,
        image_shape=(1, SIZE, SIZE),
        splits=SPLITS,
        background="black",
        write=_write,
        files=tuple(map(partial(RawFile.under, folders), _FILES, md5, unpacked)),
        **about,
    )


MNIST = _entry(
    "mnist",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c",
    ),
    (
        "6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637",
    ),
    download="12 MB",
    licence="CC BY-SA 3.0",
    citation="LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document "
    "recognition, Proceedings of the IEEE, 1998",
)  # fmt: skip

FASHION = _entry(
    "fashion",
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310",
    ),
    download="31 MB",
    licence="MIT",
    citation="Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv 1708.07747, 2017",
)  # fmt: skip
