"""Datasets from files that the user fetched by hand."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from disvae.data.catalogue.registry import CATALOG, find
from disvae.data.places import data_root
from disvae.data.prepare import (
    downloads_folder,
    prepare,
    refuse_occupied,
    sole_writer,
    write_entry,
)
from disvae.data.raw.files import RawCopy, recognise, verify
from disvae.data.store import read_manifest
from disvae.errors import UserError


def import_files(name: str, paths: Iterable[Path], root: str | Path | None = None) -> str:
    """Prepare dataset `name` from files fetched by hand; return what was done, in a sentence.

    Files of the dataset that an earlier download left need not be named. For a dataset that
    is computed here, the file is compared with the computed images.
    """
    entry = find(name)
    if entry is None:
        raise UserError(
            f"There is no dataset '{name}' to import; choose among {', '.join(CATALOG)}."
        )
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
    with sole_writer(folder):
        files = recognise(name, entry.files, paths, downloads_folder(folder))
        manifest = read_manifest(folder)
        recorded = manifest.source_hashes if manifest else {}
        copies = {}
        for file in entry.files:
            path = files[file.name]
            digest = verify(path, file, recorded.get(file.name))
            copies[file.name] = RawCopy(path, str(path.absolute()), digest)
        if manifest is not None:
            return f"{name} is already prepared in {folder}; nothing was changed."
        refuse_occupied(folder)
        write_entry(entry, folder, copies)
        shutil.rmtree(downloads_folder(folder), ignore_errors=True)
    return f"{name} is prepared in {folder}."
