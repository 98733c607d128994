"""What is known of a file as its authors publish it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True)
class RawFile:
    """A file as its authors publish it.

    Attributes
    ----------
    name
        File name; imported files are recognised by it.
    urls
        Where it can be had, tried in order.
    md5
        Of the file as published; None if nobody published one.
    md5_unpacked
        Of its content after gunzip, where known: an unpacked file is accepted too.
    """

    name: str
    urls: tuple[str, ...]
    md5: str | None
    md5_unpacked: str | None = None

    @classmethod
    def under(
        cls, folders: Iterable[str], name: str, md5: str | None, md5_unpacked: str | None = None
    ) -> "RawFile":
        """Describe a file that has the same name in each of some folders, all by their URLs."""
        return cls(name, tuple(folder + name for folder in folders), md5, md5_unpacked)


class RawCopy(NamedTuple):
    """A raw file at hand: its path, where it came from, and its hash, ``md5:...``."""

    path: Path
    source: str
    hash: str
