"""From a dataset's name to its prepared arrays: once, whole, one writer at a time."""

import contextlib
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from disvae.data.catalogue.entry import Entry
from disvae.data.catalogue.registry import find, no_dataset
from disvae.data.own.arrays import Arrays, ArraysInMemory, is_array
from disvae.data.own.folder import ImageFolder
from disvae.data.places import data_root
from disvae.data.prepared import OWN_SIZE, entry_folder, own_datasets, own_folder, own_images
from disvae.data.raw.files import RawCopy
from disvae.data.store import Manifest, building, is_store, read_manifest
from disvae.errors import UserError
from disvae.types import Fit

if TYPE_CHECKING:
    from disvae.data.dataset import Dataset

logger = logging.getLogger("disvae")


def load_dataset(
    source: Any,
    root: str | Path | None = None,
    *,
    split: str = "train",
    train_fraction: float = 1,
    val_fraction: float = 0,
    seed: int = 1234,
    image_size: int | None = None,
    fit: Fit = "stretch",
    factors: Any = None,
    factor_names: Sequence[str] = (),
) -> "Dataset":
    """Open a dataset; prepare (and download) it first if that was never done.

    Parameters
    ----------
    source
        A name of the catalogue; a folder of images (png, jpg, webp, bmp, tif, gif), perhaps with
        ``factors.csv``; an ``.npz`` file with ``images`` and perhaps ``factors`` and
        ``factor_names``, or an ``.npy`` file of images; the folder of a prepared dataset; or an
        array of images, uint8 or float in [0, 1], ``[N, H, W]``, ``[N, H, W, C]`` or
        ``[N, C, H, W]``, NumPy's or torch's.
    root
        Where prepared datasets lie; see `data_root`.
    split
        ``train``, or ``test``: the images that the dataset's authors held out, or those that
        `train_fraction` holds out; or ``val``, those that `val_fraction` holds out.
    train_fraction, seed
        Share of the images in ``train``, and what they are drawn by; 1: all.
    val_fraction
        Share of ``train`` that is taken from it, as ``val``.
    image_size
        Side to which images are resized: own ones any, by default 64; those of the catalogue
        the sides that its entry names. Each size is prepared beside the others.
    fit
        How own images that are no squares become such: stretched, cropped to the middle, or with
        margins.
    factors, factor_names
        Of an array of images: ``[N, K]`` numbers or texts, and K names.

    Raises
    ------
    UserError
        If there is no such dataset, it can be neither found nor downloaded, or has no such
        split or size.

    Examples
    --------
    >>> dataset = load_dataset("dsprites")
    >>> dataset.images([0, 1]).shape
    torch.Size([2, 1, 64, 64])
    """
    if is_array(source):
        source = ArraysInMemory(source, factors, factor_names)
    elif factors is not None or factor_names:
        raise UserError("Factors can be given beside an array of images only.")
    folder = prepare(source, root, image_size, fit)
    manifest = read_manifest(folder)
    assert manifest is not None  # noqa: S101 - prepare returns complete folders only
    from disvae.data.dataset import Dataset  # names and folders need no PyTorch

    return Dataset(folder, manifest, split, train_fraction, seed, val_fraction)


def prepare(
    source: Any,
    root: str | Path | None = None,
    image_size: int | None = None,
    fit: Fit = "stretch",
) -> Path:
    """Prepare a dataset unless that is done; return its folder (see `load_dataset`)."""
    if is_array(source) or isinstance(source, ArraysInMemory):
        arrays = source if isinstance(source, ArraysInMemory) else ArraysInMemory(source)
        return _prepare_own(arrays, "an array", data_root(root), image_size or OWN_SIZE, fit)
    entry = find(str(source), image_size)
    if entry is not None:
        if fit != "stretch":
            raise UserError(
                f"--fit is for images of your own, but '{source}' is prepared as its users know "
                "it; leave it out."
            )
        return _prepare_named(entry, data_root(root) / entry.name)
    path = Path(source)
    manifest = read_manifest(path) if is_store(path) else None
    if manifest is not None:
        prepared = {"--image-size": manifest.image_shape[-1], "--fit": manifest.fit}
        for option, wanted in (("--image-size", image_size), ("--fit", fit)):
            if wanted not in (None, "stretch", prepared[option]):
                raise UserError(
                    f"The images in {path} are prepared with {option} {prepared[option]}; leave "
                    f"{option} out."
                )
        return path
    if (own := own_images(path)) is not None:
        return _prepare_own(own, str(path.absolute()), data_root(root), image_size or OWN_SIZE, fit)
    there = [str(folder) for folder, _ in own_datasets(root, str(source))]
    hint = f" Own images of that name are prepared in {' and '.join(there)}." if there else ""
    raise no_dataset(source, hint)


def named(
    dataset: Any, root: str | Path | None, image_size: int | None = None, fit: Fit = "stretch"
) -> Any:
    """Prepare images that were passed as an array or a `Dataset`; return the text that names them.

    Anything else is returned as it is.
    """
    if is_array(dataset):
        return str(prepare(dataset, root, image_size, fit).absolute())
    from disvae.data.dataset import Dataset

    if not isinstance(dataset, Dataset):
        return str(dataset) if isinstance(dataset, Path) else dataset
    if not dataset.is_whole:
        raise UserError(
            f"Dataset '{dataset.name}' is a part only, but a run divides its images itself; give "
            "the whole, and train_fraction or split as options."
        )
    folder = dataset.folder.absolute()
    by_name = find(folder.name) is not None and folder.parent == data_root(root).absolute()
    return folder.name if by_name else str(folder)


def prepare_entry(entry: Entry, name: str, digest: str, root: str | Path | None = None) -> Path:
    """Prepare a dataset that the user describes in a file; return its folder.

    It is told from others by `name` and `digest` of the code: another file is another dataset.
    """
    if not isinstance(entry, Entry):
        raise UserError(f"{name} is no dataset; it should be a disvae.data.catalogue.entry.Entry.")
    return _prepare_named(entry, entry_folder(name, digest, root))


def _prepare_named(entry: Entry, folder: Path) -> Path:
    def work() -> None:
        from disvae.data.raw.download import download  # which takes a tenth of a second to load

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


def _prepare_own(own: ImageFolder | Arrays, origin: str, root: Path, size: int, fit: Fit) -> Path:
    digest = own.fingerprint()
    folder = own_folder(own, digest, root, size, fit)

    def work() -> None:
        entry, skipped = own.look(size, fit)
        copies = {Path(origin).name: RawCopy(Path(origin), origin, f"sha256:{digest}")}
        write_entry(entry, folder, copies, skipped, fit)

    return _once(folder, work)


def _once(folder: Path, work: Callable[[], None]) -> Path:
    if read_manifest(folder) is None:  # else no lock: the folder may be read-only
        with sole_writer(folder):
            if read_manifest(folder) is None:
                refuse_occupied(folder)
                work()
    return folder


def write_entry(
    entry: Entry,
    folder: Path,
    copies: Mapping[str, RawCopy],
    skipped: Mapping[str, str] | None = None,
    fit: Fit = "stretch",
) -> None:
    """Prepare the dataset of `entry` in the new folder `folder` from its raw files."""
    sources = {_as_utf8(name): _as_utf8(copy.source) for name, copy in copies.items()}
    origin = {
        "source": sources or {"images": "computed"},
        "source_hashes": {_as_utf8(name): copy.hash for name, copy in copies.items()},
        "skipped": {_as_utf8(name): why for name, why in (skipped or {}).items()},
        "fit": fit,
    }
    manifest = Manifest.model_validate(entry, from_attributes=True).model_copy(update=origin)
    with building(folder, manifest) as builder:
        entry.write({name: copy.path for name, copy in copies.items()}, builder)


def _as_utf8(name: str) -> str:
    """Write bytes of file names that are no UTF-8 as escapes, for the manifest."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def refuse_occupied(folder: Path) -> None:
    """Leave alone what is no complete dataset, with a `UserError`."""
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
