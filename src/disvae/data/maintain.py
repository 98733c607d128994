"""What can be asked of prepared datasets: which there are, whether they are intact, to go."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from disvae.data.catalogue.entry import Entry
from disvae.data.catalogue.registry import CATALOG, all_sizes
from disvae.data.places import data_root
from disvae.data.prepare import downloads_folder, sole_writer
from disvae.data.prepared import own_datasets
from disvae.data.store import Manifest, file_hash, is_store, partial_folder, read_manifest
from disvae.errors import UserError


def known_datasets(root: str | Path | None = None) -> Iterator[tuple[Path, Entry | Manifest]]:
    """Yield the catalogue, and what else is prepared (sizes, own images), each with its folder."""
    for name, entry in all_sizes().items():
        folder = data_root(root) / name
        if name in CATALOG or read_manifest(folder) is not None:
            yield folder, entry
    yield from own_datasets(root)


def find_folder(name_or_folder: str, root: str | Path | None = None) -> Path:
    """Return the folder of a dataset by its name, or by the folder itself.

    Own images can be named by where they lie too; if several prepared datasets are of one name, a
    `UserError` lists them.
    """
    if name_or_folder in all_sizes():
        return data_root(root) / name_or_folder
    if is_store(Path(name_or_folder)):
        return Path(name_or_folder)
    found = [folder for folder, _ in own_datasets(root, name_or_folder)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(
            f"{len(found)} prepared datasets are called '{name_or_folder}'; name one by its "
            f"folder: {', '.join(map(str, found))}."
        )
    raise UserError(
        f"There is no dataset '{name_or_folder}'; choose among {', '.join(CATALOG)}, or own images "
        "that `disvae data list` shows."
    )


def check(name_or_folder: str, root: str | Path | None = None) -> str:
    """Say in a sentence that a prepared dataset fits the hashes in its manifest, or refuse it."""
    folder = find_folder(name_or_folder, root)
    manifest = read_manifest(folder)
    if manifest is None:
        command = f"disvae data prepare {name_or_folder}"
        raise UserError(f"{name_or_folder} is not prepared in {folder}; run: {command}")
    damaged = [
        name
        for name, digest in manifest.hashes.items()
        if not (folder / name).is_file() or file_hash(folder / name, "sha256") != digest
    ]
    if damaged or not manifest.hashes:
        fault = f"was changed or damaged ({', '.join(damaged)})" if damaged else "has no hashes"
        command = f"disvae data remove {name_or_folder}"
        raise UserError(f"The dataset in {folder} {fault}; run: {command}, and prepare it again.")
    return f"{manifest.name} in {folder} is intact ({', '.join(manifest.hashes)})."


def removable(name_or_folder: str, root: str | Path | None = None) -> tuple[list[Path], int]:
    """Name the folders of a dataset, downloads and begun work too, and how many bytes they fill."""
    folder = find_folder(name_or_folder, root)
    if folder.is_symlink() or (folder.exists() and read_manifest(folder) is None):
        raise UserError(f"{folder} is a link, or no dataset of this version; remove it yourself.")
    places = (folder, partial_folder(folder), downloads_folder(folder))
    folders = [place for place in places if place.is_dir()]
    if not folders:
        raise UserError(f"{name_or_folder} is not prepared in {folder}; nothing is removed.")
    files = [path for place in folders for path in place.rglob("*") if path.is_file()]
    return folders, sum(path.stat().st_size for path in files)


def remove(name_or_folder: str, root: str | Path | None = None) -> None:
    """Delete the folders that `removable` names."""
    folder = find_folder(name_or_folder, root)
    with sole_writer(folder):
        removable(name_or_folder, root)
        for begun in (partial_folder(folder), downloads_folder(folder)):
            shutil.rmtree(begun, ignore_errors=True)
        if folder.exists():
            partial = folder.rename(partial_folder(folder))  # what a kill leaves does not count
            shutil.rmtree(partial)


def describe(name_or_folder: str, root: str | Path | None = None) -> str:
    """Describe a dataset, prepared or not, in a few lines."""
    folder = find_folder(name_or_folder, root)
    prepared = read_manifest(folder)
    entry = all_sizes().get(name_or_folder)
    about = prepared or entry
    assert about is not None  # noqa: S101 - find_folder refuses what is neither
    channels, height, width = about.image_shape
    counts = ", ".join(f"{split} {count:,}" for split, count in about.splits.items())
    factors = ", ".join(f"{name} {size}" for name, size in about.factors.items())
    lines = {
        "images": f"{counts}; {channels}x{height}x{width}, {about.background} background",
        "other sizes": ", ".join(map(str, entry.other_sizes)) if entry else "",
        "factors": factors or "unknown",
    }
    if entry is not None:
        lines |= {"download": entry.download or "none: the images are computed"}
        for file in entry.files:
            digest = f"MD5 {file.md5}" if file.md5 else "no published hash"
            lines[file.name] = f"{' or '.join(file.urls)} ({digest})"
        lines |= {"licence": entry.licence, "citation": entry.citation}
    if prepared is not None:
        lines |= {f"from {file}": source for file, source in prepared.source.items()}
        lines |= {"left out": "; ".join(f"{k} ({v})" for k, v in prepared.skipped.items())}
    lines["prepared"] = f"in {folder}" if prepared else "no"
    return "\n".join([about.name, *(f"  {title}: {text}" for title, text in lines.items() if text)])
