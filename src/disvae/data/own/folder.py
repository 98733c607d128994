"""The user's own images: a folder of any nesting, or an ``.npz`` file."""

import hashlib
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from disvae.data.catalogue.entry import Entry
from disvae.data.own import arrays as own_arrays
from disvae.data.parallel import map_in_order
from disvae.data.raw.images import (
    MAX_BYTES,
    UnreadableImageError,
    append_decoded,
    read_image,
    to_array,
)
from disvae.data.store import Builder, file_hash
from disvae.errors import UserError

logger = logging.getLogger("disvae")

SIZE = 64  # side, unless another is asked for
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_NAMED = 20  # unreadable files named on the screen; the manifest names all


def name_of(path: Path) -> str:
    """Return the name of the dataset that `path` holds."""
    path = path.resolve()
    return re.sub(r"[^\w.+-]", "_", path.stem if path.is_file() else path.name)[:60] or "images"


def fingerprint(path: Path) -> str:
    """Return a hash of all names and contents: the same images are prepared once."""
    if not path.is_dir():
        if not path.is_file():
            raise UserError(f"There is no file {path}.")
        return file_hash(path, "sha256")
    names = _image_files(path)
    hashes = map_in_order(lambda name: _hash(path / name), names)
    whole = hashlib.sha256()
    for name, digest in zip(names, hashes, strict=True):
        whole.update(f"{name}\0{digest}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _hash(path: Path) -> str:
    try:
        return file_hash(path, "sha256") if path.is_file() else ""
    except OSError:
        return ""  # `look` says why it cannot be read


def look(path: Path, size: int) -> tuple[Entry, dict[str, str]]:
    """Find out what `path` holds: how many images, grey or colour, on black or white.

    Returns the entry of its images, resized to side `size`, and the unreadable files with why.
    """
    if path.is_file():
        return own_arrays.look(path, name_of(path), size), {}
    names = _image_files(path)
    readable, skipped = [], {}
    grey, border = True, []
    looks = map_in_order(lambda name: _look_at(path / name, size), names)
    bar = tqdm(looks, "looking", len(names), unit=" images", disable=None)
    for name, seen in zip(names, bar, strict=True):
        if isinstance(seen, str):
            skipped[name] = seen
            continue
        readable.append(name)
        grey &= seen[0]
        border.append(seen[1])
    if skipped:
        named = [f"{name} ({why})" for name, why in skipped.items()]
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        logger.warning(
            "%d of %d image files in %s cannot be read and are left out: %s%s",
            len(named), len(names), path, ", ".join(named[:_NAMED]), more,
        )  # fmt: skip
    if not readable:
        raise UserError(f"None of the {len(names)} image files in {path} can be read.")
    channels = 1 if grey else 3

    def write(_: Mapping[str, Path], builder: Builder) -> None:
        append_decoded(
            builder,
            readable,
            lambda name: (path / name).read_bytes(),
            lambda content: to_array(read_image(content, size), 3, size)[:channels],
        )

    entry = Entry(
        name=name_of(path),
        image_shape=(channels, size, size),
        splits={"train": len(readable)},
        background="white" if np.mean(border) > 127 else "black",
        write=write,
    )
    return entry, skipped


def _look_at(path: Path, size: int) -> tuple[bool, float] | str:
    """Say whether an image is grey, and its mean border; a text says why it cannot be read."""
    try:
        if not path.is_file():  # a pipe would never end, a link may lead nowhere
            return "no regular file"
        if path.stat().st_size > MAX_BYTES:
            return "too large"
        pixels = to_array(read_image(path.read_bytes(), size), 3, size)
    except UnreadableImageError as fault:
        return str(fault)
    except OSError as error:
        return error.strerror or "cannot be opened"
    return own_arrays.is_grey(pixels), own_arrays.border_mean(pixels)


def _image_files(folder: Path) -> list[str]:
    """Name the image files in `folder`, nested ones too, sorted; hidden ones are left out."""
    names = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names += [
            (Path(parent) / name).relative_to(folder).as_posix()
            for name in files
            if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
    if not names:
        raise UserError(f"{folder} holds no images ({', '.join(SUFFIXES)}).")
    return sorted(names)
