"""From a dataset's name to its prepared arrays: once, whole, one writer at a time."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from filelock import FileLock

from disvae.data.catalog import find_entry
from disvae.data.dataset import Dataset
from disvae.data.download import download, recognise
from disvae.data.entry import Entry
from disvae.data.store import Manifest, building, read_manifest
from disvae.errors import UserError


def data_root(root: str | Path | None = None) -> Path:
    """Return the folder of the prepared datasets: `root`, else $DISVAE_DATA, else ``data``."""
    return Path(root or os.environ.get("DISVAE_DATA") or "data")


def load_dataset(name_or_path: str | Path, root: str | Path | None = None) -> Dataset:
    """Open a dataset; prepare (and download) it first if that was never done.

    Parameters
    ----------
    name_or_path
        A name of the catalogue, or the folder of a prepared dataset.
    root
        Where prepared datasets lie; see `data_root`.

    Raises
    ------
    UserError
        If there is no such dataset, or it can be neither found nor downloaded.
    """
    folder = Path(name_or_path)
    manifest = read_manifest(folder)
    if manifest is None:
        folder = prepare(str(name_or_path), root)
        manifest = read_manifest(folder)
    assert manifest is not None  # noqa: S101 - prepare returns complete folders only
    return Dataset(folder, manifest)


def prepare(name: str, root: str | Path | None = None) -> Path:
    """Prepare dataset `name` unless that is done; return its folder.

    Raises
    ------
    UserError
        If the catalogue has no such dataset, or its files cannot be downloaded.
    """
    entry = find_entry(name)
    folder = data_root(root) / name
    with _sole_writer(folder):
        if read_manifest(folder) is None:
            downloads = folder.with_name(f".{name}.downloads")
            files = download(entry, downloads)
            _write(entry, folder, files, _sources(entry))
            shutil.rmtree(downloads, ignore_errors=True)
    return folder


def import_files(name: str, paths: Iterable[Path], root: str | Path | None = None) -> str:
    """Prepare dataset `name` from files fetched by hand; return what was done, in a sentence.

    For a dataset that is computed here, the file is compared with the computed images.

    Raises
    ------
    UserError
        If a file is missing, damaged, or of another dataset.
    """
    entry = find_entry(name)
    folder = data_root(root) / name
    paths = list(paths)
    for path in paths:
        if not path.is_file():
            raise UserError(f"There is no file {path}; name the files that you fetched.")
    if entry.compare is not None:
        if len(paths) != 1:
            raise UserError(f"{name} comes as one file, but {len(paths)} were named.")
        differing = entry.compare(paths[0])
        prepare(name, root)
        return (
            f"{differing} of {sum(entry.splits.values()):,} images in {paths[0]} differ "
            f"from the rendering; the rendering is prepared in {folder}."
        )
    files = recognise(entry, paths)
    with _sole_writer(folder):
        if read_manifest(folder) is not None:
            return f"{name} is already prepared in {folder}; nothing was changed."
        _write(entry, folder, files, {file: str(path) for file, path in files.items()})
    return f"{name} is prepared in {folder}."


def _write(entry: Entry, folder: Path, files: Mapping[str, Path], source: dict[str, str]) -> None:
    if folder.exists():
        raise UserError(
            f"{folder} exists but is no complete dataset of this version; "
            "move it away and try again."
        )
    manifest = Manifest(
        name=entry.name,
        image_shape=entry.image_shape,
        splits=dict(entry.splits),
        background=entry.background,
        factors=dict(entry.factors),
        packed=entry.packed,
        source=source,
    )
    with building(folder, manifest) as builder:
        entry.write(files, builder)


def _sources(entry: Entry) -> dict[str, str]:
    return {file.name: f"md5:{file.md5}" for file in entry.files} or {"images": "computed"}


def _sole_writer(folder: Path) -> FileLock:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(folder.with_name(f".{folder.name}.lock"))
