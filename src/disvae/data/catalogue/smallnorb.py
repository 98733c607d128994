"""Small NORB (LeCun et al. 2004): 50 toys from 162 sides in 6 lights, 96x96 made smaller."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from disvae.data.catalogue.entry import Entry
from disvae.data.raw.archives import open_gzip, read_blocks, read_exactly
from disvae.data.raw.files import RawFile
from disvae.data.raw.images import to_array
from disvae.data.store import Builder
from disvae.errors import UserError

SIZE = 64
FACTORS = {"category": 5, "instance": 5, "elevation": 9, "azimuth": 18, "lighting": 6}
_MAGIC = {"u1": 0x1E3D4C55, "<i4": 0x1E3D4C54}  # of the two kinds of matrix
_BLOCK = 256  # pairs of images


def _file(split: str, kind: str) -> str:
    toys = {"train": "46789x9x18x6x2x96x96-training", "test": "01235x9x18x6x2x96x96-testing"}
    return f"smallnorb-5x{toys[split]}-{kind}.mat.gz"


def _write(files: Mapping[str, Path], builder: Builder) -> None:
    def left_images(pairs: UInt8[np.ndarray, "n 2 96 96"]) -> UInt8[np.ndarray, "n 1 S S"]:
        return np.stack([to_array(Image.fromarray(left), 1, builder.size) for left in pairs[:, 0]])

    factors = []
    first = 0
    for split, count in builder.manifest.splits.items():
        dat, cat, info = (files[_file(split, kind)] for kind in ("dat", "cat", "info"))
        factors.append(_factors(cat, info, count))
        if builder.written < first + count:
            start = builder.written - first
            builder.extend(left_images, _matrix(dat, "u1", (count, 2, 96, 96), start))
        first += count
    builder.write_factors(np.concatenate(factors).astype(np.uint8))


def _factors(cat: Path, info: Path, count: int) -> Int[np.ndarray, "N 5"]:
    category = np.concatenate(list(_matrix(cat, "<i4", (count,))))
    rows = np.concatenate(list(_matrix(info, "<i4", (count, 4))))
    instance, elevation, azimuth, lighting = rows.T
    ranks = np.unique(instance, return_inverse=True)[1]  # each split has five of the ten toys
    table = np.stack([category, ranks, elevation, azimuth // 2, lighting], axis=1)
    if (table < 0).any() or (table >= np.array(list(FACTORS.values()))).any():
        raise UserError(f"{info} holds factors that Small NORB does not have; fetch it again.")
    return table


def _matrix(path: Path, kind: str, shape: tuple[int, ...], start: int = 0) -> Iterator[np.ndarray]:
    """Yield a matrix from row `start` on, after magic number, number of dimensions and sizes."""
    padded = shape + (1,) * (3 - len(shape))  # there are at least three sizes
    with open_gzip(path) as stream:
        header = np.frombuffer(read_exactly(stream, 4 * (2 + len(padded))), "<i4").tolist()
        if header != [_MAGIC[kind], len(shape), *padded]:
            raise UserError(
                f"{path} is not the Small NORB matrix of shape {'x'.join(map(str, shape))}; "
                "fetch it again."
            )
        yield from read_blocks(stream, np.dtype(kind), shape, _BLOCK, start)


_MD5 = {
    ("train", "dat"): "66054832f9accfe74a0f4c36a75bc0a2",
    ("train", "cat"): "23c8b86101fbf0904a000b43d3ed2fd9",
    ("train", "info"): "51dee1210a742582ff607dfd94e332e3",
    ("test", "dat"): "e4ad715691ed5a3a5f138751a4ceb071",
    ("test", "cat"): "5aa791cd7e6016cf957ce9bdb93b8603",
    ("test", "info"): "a9454f3864d7fd4bb3ea7fc3eb84924e",
}
_FOLDER = "cs.nyu.edu/~ylclab/data/norb-v1.0-small/"

ENTRY = Entry(
    name="smallnorb",
    image_shape=(1, SIZE, SIZE),
    splits={"train": 24_300, "test": 24_300},
    background="white",
    write=_write,
    other_sizes=(32,),
    factors=FACTORS,
    files=tuple(
        RawFile.under((f"https://{_FOLDER}", f"http://www.{_FOLDER}"), _file(*which), md5)
        for which, md5 in _MD5.items()
    ),
    download="260 MB",
    licence="research only, not to be sold",
    citation="LeCun, Huang, Bottou: Learning methods for generic object recognition with "
    "invariance to pose and lighting, CVPR 2004",
)
