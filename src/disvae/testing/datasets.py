"""What every entry of the catalogue keeps: images and factors as it describes them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from disvae.data.catalogue.entry import Entry
from disvae.data.dataset import Dataset
from disvae.data.prepare import write_entry
from disvae.data.raw.files import RawCopy
from disvae.data.store import read_manifest
from disvae.testing import require


def check_dataset(entry: Entry, folder: Path, files: Mapping[str, Path] | None = None) -> None:
    """Prepare the dataset of `entry` twice, and check what comes of it.

    It has the images, splits and factors that it says, all factors lie in their range, its
    images are not all alike, and it is the same each time. It is written into `folder`, which is
    empty, from its raw `files` by name, if it has some.
    """
    copies = {name: RawCopy(path, str(path), "") for name, path in (files or {}).items()}
    hashes = []
    for place in (folder / "once", folder / "twice"):
        write_entry(entry, place, copies)
        manifest = read_manifest(place)
        assert manifest is not None  # noqa: S101
        hashes.append(manifest.hashes)
        for split, count in entry.splits.items():
            _check(Dataset(place, manifest, split), entry, count)
    require(hashes[0] == hashes[1], f"{entry.name} differs from one preparation to the next.")


def _check(dataset: Dataset, entry: Entry, count: int) -> None:
    some = np.linspace(0, count - 1, min(count, 100)).astype(int)
    images, factors, name = dataset.images(some), dataset.factors, entry.name
    sized = len(dataset) == count and images.shape[1:] == entry.image_shape
    require(sized, f"{name} has {len(dataset)} images of {images.shape[1:]}.")
    require(count == 1 or (images != images[0]).any(), f"The images of {name} are all alike.")
    known = entry.background in ("black", "white")
    require(known, f"The background of {name} is {entry.background!r}.")
    said = (factors is not None) == bool(entry.factors)
    require(said, f"{name} says that it has factors, or none, against its file.")
    if factors is not None:
        sizes = np.array(list(entry.factors.values()))
        inside = factors.shape == (count, len(sizes)) and (factors % sizes == factors).all()
        require(inside, f"The factors of {name} do not lie in {dict(entry.factors)}.")
