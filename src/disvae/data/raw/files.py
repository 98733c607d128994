"""Raw files: as their authors publish them, and whether those at hand are these."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from disvae.data.raw.archives import open_gzip
from disvae.data.store import file_hash
from disvae.errors import UserError


@dataclass(frozen=True)
class RawFile:
    """A file as its authors publish it."""

    name: str  # by which imported files are recognised
    urls: tuple[str, ...]  # where it can be had, tried in order
    md5: str | None = None  # of the file as published; None if nobody published one
    md5_unpacked: str | None = None  # where known: the file after gunzip is accepted too
    sha256: str | None = None  # in place of the MD5, of files that this project publishes

    @property
    def hash(self) -> str | None:
        """The hash as published, ``md5:...`` or ``sha256:...``; None if nobody published one."""
        if self.sha256 is not None:
            return f"sha256:{self.sha256}"
        return None if self.md5 is None else f"md5:{self.md5}"

    @classmethod
    def under(
        cls, folders: Iterable[str], name: str, md5: str | None, md5_unpacked: str | None = None
    ) -> "RawFile":
        """Describe a file that has the same name in each of some folders, all by their URLs."""
        return cls(name, tuple(folder + name for folder in folders), md5, md5_unpacked)


class RawCopy(NamedTuple):
    """A raw file at hand: its path, where it came from, and its hash."""

    path: Path
    source: str
    hash: str


def verify(path: Path, file: RawFile, recorded: str | None = None) -> str:
    """Check that the file at `path` is `file`; return its hash, or say in a `UserError` what it is.

    The hash is the published one, or ``sha256:...`` where none was: then it has to be the
    `recorded` one of what came first.
    """
    if file.hash is None:
        digest = f"sha256:{file_hash(path, 'sha256')}"
        if recorded not in (None, digest):
            raise UserError(
                f"{path} is not the {file.name} that came first ({recorded}, now {digest}); "
                "fetch it again."
            )
        return digest
    kind, _, digest = file.hash.partition(":")
    if file_hash(path, kind) != digest and (
        file.md5_unpacked is None or _unpacked_md5(path) != file.md5_unpacked
    ):
        raise UserError(
            f"{path} is damaged or not the published {file.name} ({kind.upper()} {digest}); "
            f"fetch it again from {file.urls[0]}."
        )
    return file.hash


def _unpacked_md5(path: Path) -> str:
    """Hash the content of a file that was perhaps unpacked, or compressed anew."""
    try:
        with open_gzip(path) as stream:
            return hashlib.file_digest(stream, "md5").hexdigest()  # type: ignore[arg-type]
    except UserError:
        return "unreadable"


def recognise(
    dataset: str, published: Sequence[RawFile], paths: Iterable[Path], downloads: Path
) -> dict[str, Path]:
    """Match files fetched by hand to the raw files that its authors published, by name.

    A dataset of one file takes it under any name. Those that are not named may lie in `downloads`.
    """
    paths = list(paths)
    if len(published) == len(paths) == 1:
        return {published[0].name: paths[0]}
    names = [file.name for file in published]
    known = {name: name for name in names}
    known |= {file.name.removesuffix(".gz"): file.name for file in published if file.md5_unpacked}
    found: dict[str, Path] = {}
    for path in paths:
        if path.name not in known:
            raise UserError(
                f"{path} is not a file of {dataset} by its name; expected {', '.join(known)}."
            )
        name = known[path.name]
        if name in found:
            raise UserError(f"{found[name]} and {path} are the same file; name only one of them.")
        found[name] = path
    left = {name: downloads / name for name in names if (downloads / name).exists()}
    missing = [name for name in names if name not in found and name not in left]
    if missing:
        raise UserError(f"To import {dataset}, name these files too: {', '.join(missing)}.")
    return left | found
