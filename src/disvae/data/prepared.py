"""Which datasets are prepared already, and where each lies; nothing is written."""

import re
from pathlib import Path

from disvae.data.catalogue.registry import find
from disvae.data.own.arrays import SUFFIXES, ArrayFile, Arrays
from disvae.data.own.folder import ImageFolder
from disvae.data.places import OWN, data_root
from disvae.data.store import Manifest, is_store, read_manifest
from disvae.types import Fit

OWN_SIZE = 64  # side of the user's images, unless another is asked for


def own_datasets(root: str | Path | None = None, name: str = "") -> list[tuple[Path, Manifest]]:
    """Return the folders of own images that are prepared: all, or those of `name`.

    They are called by the name of the dataset, by that of their folder, or by where the images
    came from.
    """
    found = []
    for path in sorted((data_root(root) / OWN).glob("*/manifest.json")):
        manifest = read_manifest(path.parent)
        if manifest is not None:
            origins = [str(Path(name).absolute())] if name else []
            known = {manifest.name, path.parent.name, *manifest.source.values()}
            if not name or {name, *origins} & known:
                found.append((path.parent, manifest))
    return found


def entry_folder(name: str, digest: str, root: str | Path | None = None) -> Path:
    """Return where `prepare_entry` prepares."""
    plain = re.sub(r"[^\w.+-]", "_", f"{name[:60]}-{digest[:16]}")
    return data_root(root) / OWN / plain


def find_prepared(
    name_or_path: str | Path,
    root: str | Path | None = None,
    image_size: int | None = None,
    fit: Fit = "stretch",
    images_hash: str | None = None,
) -> Path | None:
    """Return the folder of a dataset if it is prepared below `root`; nothing is written.

    Own images are known by their contents. Given `images_hash`, that of the prepared ones, the
    path is not looked into: it may come from anyone's file.
    """
    path = Path(name_or_path)
    entry = find(str(name_or_path), image_size)
    if entry is not None:
        folder = data_root(root) / entry.name
    elif is_store(path):
        folder = path
    elif images_hash is not None:
        return _own_of(images_hash, data_root(root))
    elif not path.exists() or (own := own_images(path)) is None:
        return None
    else:
        folder = own_folder(own, own.fingerprint(), data_root(root), image_size or OWN_SIZE, fit)
    return folder if read_manifest(folder) is not None else None


def _own_of(images_hash: str, root: Path) -> Path | None:
    """Return the folder of the own images with that hash, if they are prepared below `root`."""
    for folder in (root / OWN).glob("*"):
        manifest = read_manifest(folder)
        if manifest is not None and manifest.hashes.get("images.npy") == images_hash:
            return folder
    return None


def own_images(path: Path) -> ImageFolder | ArrayFile | None:
    """Tell what of the user's lies at `path`."""
    if path.is_dir():
        return ImageFolder(path)
    return ArrayFile(path) if path.suffix.lower() in SUFFIXES else None


def own_folder(own: ImageFolder | Arrays, digest: str, root: Path, size: int, fit: Fit) -> Path:
    """Return where own images with that digest of their contents are prepared."""
    shape = f"{size}" if fit == "stretch" else f"{size}-{fit}"
    return root / OWN / f"{own.name}-{shape}-{digest[:16]}"
