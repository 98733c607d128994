"""The user's own images: a folder of any nesting."""

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from disvae.data.catalogue.entry import Background, Entry
from disvae.data.own import factors as own_factors
from disvae.data.own.arrays import border_mean, is_grey, plain_name
from disvae.data.parallel import map_in_order
from disvae.data.raw.images import (
    MAX_BYTES,
    UnreadableImageError,
    append_decoded,
    read_image,
    tell_of_stretching,
    to_array,
)
from disvae.data.store import Builder, file_hash
from disvae.errors import UserError
from disvae.types import Fit

logger = logging.getLogger("disvae")

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
_NAMED = 20  # files left out that the screen names; the manifest names all that were tried


class Look(NamedTuple):
    """What one image tells."""

    grey: bool
    border: float  # mean, 0 to 255
    ratio: float  # of width to height


class ImageFolder:
    """A folder with images, nested as they may be, and perhaps ``factors.csv``."""

    def __init__(self, path: Path):
        self._path = path
        self._table = path / own_factors.FILE
        self.name = plain_name(path.resolve().name)

    def fingerprint(self) -> str:
        """Return a hash of all names and contents: the same images are prepared once."""
        names, _ = _image_files(self._path)
        if self._table.is_file():
            names.append(own_factors.FILE)
        hashes = map_in_order(lambda name: _hash(self._path / name), names)
        whole = hashlib.sha256()
        for name, digest in zip(names, hashes, strict=True):
            whole.update(f"{name}\0{digest}\n".encode("utf-8", "surrogateescape"))
        return whole.hexdigest()

    def look(self, size: int, fit: Fit) -> tuple[Entry, dict[str, str]]:
        """Find out what there is: how many images, grey or colour, on black or white.

        Returns the entry of the images, fitted to side `size`, and the unreadable files with why.
        """
        path = self._path
        names, others = _image_files(path)
        seen: dict[str, Look] = {}
        skipped: dict[str, str] = {}
        looked = map_in_order(lambda name: _look_at(path / name, size, fit), names)
        bar = tqdm(looked, "looking", len(names), unit=" images", disable=None)
        for name, found in zip(names, bar, strict=True):
            if isinstance(found, str):
                skipped[name] = found
            else:
                seen[name] = found
        _tell(path, len(names), skipped, others)
        if not seen:
            raise UserError(f"None of the {len(names)} image files in {path} can be read.")
        readable, looks = list(seen), list(seen.values())
        tell_of_stretching([look.ratio for look in looks], fit)
        table, sizes = (
            own_factors.read_csv(self._table, readable) if self._table.is_file() else (None, {})
        )
        channels = 1 if all(look.grey for look in looks) else 3
        paper: Background = "white" if np.mean([look.border for look in looks]) > 127 else "black"

        def write(_: Mapping[str, Path], builder: Builder) -> None:
            append_decoded(
                builder,
                readable,
                lambda name: (path / name).read_bytes(),
                lambda content: to_array(read_image(content, size), 3, size, fit=fit, paper=paper)[
                    :channels
                ],
            )
            if table is not None:
                builder.write_factors(table)

        entry = Entry(
            name=self.name,
            image_shape=(channels, size, size),
            splits={"train": len(readable)},
            background=paper,
            write=write,
            factors=sizes,
        )
        return entry, skipped


def _hash(path: Path) -> str:
    try:
        return file_hash(path, "sha256") if path.is_file() else ""
    except OSError:
        return ""  # `look` says why it cannot be read


def _look_at(path: Path, size: int, fit: Fit) -> Look | str:
    """Look at one image; a text says why it cannot be read."""
    try:
        if not path.is_file():  # a pipe would never end, a link may lead nowhere
            return "no regular file"
        if path.stat().st_size > MAX_BYTES:
            return "too large"
        image = read_image(path.read_bytes(), size)
    except UnreadableImageError as fault:
        return str(fault)
    except OSError as error:
        return error.strerror or "cannot be opened"
    # margins tell nothing of what lies behind the objects
    pixels = to_array(image, 3, size, fit="stretch" if fit == "pad" else fit)
    return Look(is_grey(pixels), border_mean(pixels), image.width / image.height)


def _tell(path: Path, n_images: int, skipped: Mapping[str, str], others: Sequence[str]) -> None:
    """Name what is left out, with its reason."""
    if skipped:
        named = [f"{name} ({why})" for name, why in skipped.items()]
        logger.warning(
            "%d of %d image files in %s cannot be read and are left out: %s",
            len(named), n_images, path, _few(named),
        )  # fmt: skip
    if others:
        kinds = Counter(Path(name).suffix.lower() or "no suffix" for name in others)
        logger.warning(
            "Left out of %s, as of no kind of image that is read (%s): %s",
            path, ", ".join(f"{kind} {n}" for kind, n in kinds.most_common(5)),
            _few(others),
        )  # fmt: skip


def _few(named: Sequence[str]) -> str:
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more


def _image_files(folder: Path) -> tuple[list[str], list[str]]:
    """Name the image files in `folder`, and the others; nested ones too, sorted, none hidden."""
    names = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names += [
            (Path(parent) / name).relative_to(folder).as_posix()
            for name in files
            if not name.startswith(".")
        ]
    images = sorted(name for name in names if name.lower().endswith(SUFFIXES))
    if not images:
        raise UserError(f"{folder} holds no images ({', '.join(SUFFIXES)}).")
    return images, sorted({*names} - {*images, own_factors.FILE})
