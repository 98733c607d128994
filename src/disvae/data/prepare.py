"""From a dataset's name to its prepared arrays: once, whole, one writer at a time."""

import contextlib
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from disvae.data.catalogue.entry import Entry
from disvae.data.catalogue.registry import CATALOG, find
from disvae.data.dataset import Dataset
from disvae.data.own import folder as own
from disvae.data.raw.download import download
from disvae.data.raw.files import RawCopy, recognise, verify
from disvae.data.store import Manifest, building, is_store, read_manifest
from disvae.errors import UserError

logger = logging.getLogger("disvae")


def data_root(root: str | Path | None = None) -> Path:
    """Return the folder of the prepared datasets: `root`, else $DISVAE_DATA, else ``data``."""
    return Path(root or os.environ.get("DISVAE_DATA") or "data")


def load_dataset(
    name_or_path: str | Path,
    root: str | Path | None = None,
    *,
    split: str = "train",
    train_fraction: float = 1,
    seed: int = 1234,
    image_size: int | None = None,
) -> Dataset:
    """Open a dataset; prepare (and download) it first if that was never done.

    Parameters
    ----------
    name_or_path
        A name of the catalogue, a folder of images (png, jpg, webp, bmp), an ``.npz`` file
        with ``images`` and perhaps ``factors`` and ``factor_names``, or the folder of a
        prepared dataset.
    root
        Where prepared datasets lie; see `data_root`.
    split
        ``train``, or ``test``: the images that the dataset's authors held out, or those that
        `train_fraction` holds out.
    train_fraction, seed
        Share of the images in ``train``, and what they are drawn by; 1: all.
    image_size
        Side to which images are resized: own ones any, by default 64; those of the catalogue
        the sides that its entry names. Each size is prepared beside the others.

    Raises
    ------
    UserError
        If there is no such dataset, it can be neither found nor downloaded, or has no such
        split or size.

    Examples
    --------
    >>> dataset = load_dataset("dsprites")  # doctest: +SKIP
    >>> dataset.images([0, 1]).shape  # doctest: +SKIP
    torch.Size([2, 1, 64, 64])
    """
    folder = prepare(name_or_path, root, image_size)
    manifest = read_manifest(folder)
    assert manifest is not None  # noqa: S101 - prepare returns complete folders only
    return Dataset(folder, manifest, split, train_fraction, seed)


def prepare(
    name_or_path: str | Path, root: str | Path | None = None, image_size: int | None = None
) -> Path:
    """Prepare a dataset unless that is done; return its folder (see `load_dataset`)."""
    path = Path(name_or_path)
    entry = find(str(name_or_path), image_size)
    if entry is not None:
        return _prepare_named(entry, data_root(root) / entry.name)
    manifest = read_manifest(path) if is_store(path) else None
    if manifest is not None:
        if image_size not in (None, manifest.image_shape[-1]):
            raise UserError(
                f"The images in {path} are prepared at {manifest.image_shape[-1]} pixels; "
                "leave --image-size out."
            )
        return path
    if path.is_dir() or path.suffix.lower() == ".npz":
        return _prepare_own(path, data_root(root), image_size or own.SIZE)
    raise UserError(
        f"There is no dataset '{name_or_path}'; choose among {', '.join(CATALOG)}, "
        "or name a folder of images or an .npz file."
    )


def prepare_entry(entry: Entry, name: str, digest: str, root: str | Path | None = None) -> Path:
    """Prepare a dataset that the user describes in a file; return its folder.

    It is told from others by `name` and `digest` of the code: another file is another dataset.
    """
    if not isinstance(entry, Entry):
        raise UserError(f"{name} is no dataset; it should be a disvae.data.catalogue.entry.Entry.")
    return _prepare_named(entry, entry_folder(name, digest, root))


def entry_folder(name: str, digest: str, root: str | Path | None = None) -> Path:
    """Return where `prepare_entry` prepares."""
    plain = re.sub(r"[^\w.+-]", "_", f"{name[:60]}-{digest[:16]}")
    return data_root(root) / "own" / plain


def find_prepared(
    name_or_path: str | Path, root: str | Path | None = None, image_size: int | None = None
) -> Path | None:
    """Return the folder of a dataset if it is prepared below `root`; nothing is written."""
    path = Path(name_or_path)
    entry = find(str(name_or_path), image_size)
    if entry is not None:
        folder = data_root(root) / entry.name
    elif is_store(path) or not path.exists():
        folder = path
    else:
        folder = _own_folder(path, own.fingerprint(path), data_root(root), image_size or own.SIZE)
    return folder if read_manifest(folder) is not None else None


def _prepare_named(entry: Entry, folder: Path) -> Path:
    def work() -> None:
        downloads = downloads_folder(folder)
        copies = download(entry.name, entry.files, downloads)
        try:
            write_entry(entry, folder, copies)
        except UserError:
            if any(file.md5 is None for file in entry.files):  # it may be the wrong file
                shutil.rmtree(downloads, ignore_errors=True)
            raise
        shutil.rmtree(downloads, ignore_errors=True)

    return _once(folder, work)


def _prepare_own(path: Path, root: Path, size: int) -> Path:
    digest = own.fingerprint(path)
    folder = _own_folder(path, digest, root, size)

    def work() -> None:
        entry, skipped = own.look(path, size)
        copy = RawCopy(path, str(path.absolute()), f"sha256:{digest}")
        write_entry(entry, folder, {path.name: copy}, skipped)

    return _once(folder, work)


def _once(folder: Path, work: Callable[[], None]) -> Path:
    if read_manifest(folder) is None:  # else no lock: the folder may be read-only
        with sole_writer(folder):
            if read_manifest(folder) is None:
                _refuse_occupied(folder)
                work()
    return folder


def _own_folder(path: Path, digest: str, root: Path, size: int) -> Path:
    return root / "own" / f"{own.name_of(path)}-{size}-{digest[:16]}"


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
        _refuse_occupied(folder)
        write_entry(entry, folder, copies)
        shutil.rmtree(downloads_folder(folder), ignore_errors=True)
    return f"{name} is prepared in {folder}."


def write_entry(
    entry: Entry,
    folder: Path,
    copies: Mapping[str, RawCopy],
    skipped: Mapping[str, str] | None = None,
) -> None:
    """Prepare the dataset of `entry` in the new folder `folder` from its raw files."""
    sources = {_as_utf8(name): _as_utf8(copy.source) for name, copy in copies.items()}
    origin = {
        "source": sources or {"images": "computed"},
        "source_hashes": {_as_utf8(name): copy.hash for name, copy in copies.items()},
        "skipped": dict(skipped or {}),
    }
    manifest = Manifest.model_validate(entry, from_attributes=True).model_copy(update=origin)
    with building(folder, manifest) as builder:
        entry.write({name: copy.path for name, copy in copies.items()}, builder)


def _as_utf8(name: str) -> str:
    """Write bytes of file names that are no UTF-8 as escapes, for the manifest."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _refuse_occupied(folder: Path) -> None:
    if folder.exists():
        raise UserError(
            f"{folder} exists but is no complete dataset of this version; "
            "move it away and try again."
        )


def downloads_folder(folder: Path) -> Path:
    """Return where the raw files of dataset `folder` lie until it is prepared."""
    return folder.with_name(f".{folder.name}.downloads")


@contextlib.contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Hold the lock of a dataset, which ends with the process that holds it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        logger.info("Another process prepares %s; waiting for it.", folder)
        held = lock.acquire()
    with held:
        yield
