"""What every entry of the catalogue keeps: images and factors as it describes them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from disvae.data.catalogue.entry import Entry
from disvae.data.dataset import Dataset
from disvae.data.prepare import write_entry
from disvae.data.raw.files import RawCopy
from disvae.data.store import read_manifest


def check_dataset(entry: Entry, folder: Path, files: Mapping[str, Path] | None = None) -> None:
    """Prepare the dataset of `entry` twice, and check what comes of it.

    It has the images, splits and factors that it says, all factors lie in their range, its
    images are not all alike, and it is the same each time.

    Parameters
    ----------
    entry
        What describes it.
    folder
        An empty one, to write into.
    files
        Its raw files by name, if it has some.
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
    if hashes[0] != hashes[1]:
        raise AssertionError(f"{entry.name} differs from one preparation to the next.")


def _check(dataset: Dataset, entry: Entry, count: int) -> None:
    some = np.linspace(0, count - 1, min(count, 100)).astype(int)
    images, factors = dataset.images(some), dataset.factors
    if len(dataset) != count or images.shape[1:] != entry.image_shape:
        raise AssertionError(f"{entry.name} has {len(dataset)} images of {images.shape[1:]}.")
    if count > 1 and (images == images[0]).all():
        raise AssertionError(f"The images of {entry.name} are all alike.")
    if entry.background not in ("black", "white"):
        raise AssertionError(f"The background of {entry.name} is {entry.background!r}.")
    if (factors is not None) != bool(entry.factors):
        raise AssertionError(f"{entry.name} says that it has factors, or none, against its file.")
    if factors is not None:
        sizes = np.array(list(entry.factors.values()))
        if factors.shape != (count, len(sizes)) or factors.min() < 0 or (factors >= sizes).any():
            raise AssertionError(
                f"The factors of {entry.name} do not lie in {dict(entry.factors)}."
            )
