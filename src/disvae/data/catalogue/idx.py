"""The IDX files of MNIST and its kin, as images and labels."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from disvae.data.catalogue.entry import Entry
from disvae.data.parallel import map_in_order
from disvae.data.raw.archives import open_gzip
from disvae.data.raw.files import RawFile
from disvae.data.store import Builder
from disvae.errors import UserError

SIZE = 32
SPLITS = {"train": 60_000, "test": 10_000}
_FILE_SPLIT = {"train": "train", "test": "t10k"}
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
    """Resize grey images to 32x32, bilinear, as the original system did."""
    resized = [
        np.asarray(Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BILINEAR))
        for image in images
    ]
    return np.stack(resized)[:, None]


def raw_files(
    urls: tuple[str, ...],
    md5: Mapping[str, str],
    md5_unpacked: Mapping[str, str] | None = None,
) -> tuple[RawFile, ...]:
    """Describe the four files that lie under each of `urls`, by the hashes of each."""
    unpacked = md5_unpacked or {}
    return tuple(
        RawFile(f"{stem}.gz", tuple(f"{url}{stem}.gz" for url in urls), digest, unpacked.get(stem))
        for stem, digest in md5.items()
    )


def idx_entry(
    name: str, files: tuple[RawFile, ...], download: str, licence: str, citation: str
) -> Entry:
    """Make the catalogue entry of a dataset that comes as MNIST's four files."""
    return Entry(
        name=name,
        image_shape=(1, SIZE, SIZE),
        splits=SPLITS,
        background="black",
        write=_writer(name),
        files=files,
        download=download,
        licence=licence,
        citation=citation,
    )


def _writer(name: str) -> Callable[[Mapping[str, Path], Builder], None]:
    def write(files: Mapping[str, Path], builder: Builder) -> None:
        first = 0
        for split, count in builder.manifest.splits.items():
            stem = _FILE_SPLIT[split]
            images = read_idx(files[f"{stem}-images-idx3-ubyte.gz"], 3)
            labels = read_idx(files[f"{stem}-labels-idx1-ubyte.gz"], 1)
            if not len(images) == len(labels) == count:
                raise UserError(
                    f"The {split} files of {name} hold {len(images)} images and {len(labels)} "
                    f"labels instead of {count}; fetch them again."
                )
            starts = range(max(0, builder.written - first), count, _CHUNK)
            chunks = (images[start : start + _CHUNK] for start in starts)
            for rows in map_in_order(resize, chunks):
                builder.append(rows)
            first += count

    return write
