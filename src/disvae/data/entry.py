"""What the catalogue knows of a dataset before it is prepared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from disvae.data.store import Builder

Background = Literal["black", "white"]


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
        Of the file as published.
    md5_unpacked
        Of its content after gunzip, where known: an unpacked file is accepted too.
    """

    name: str
    urls: tuple[str, ...]
    md5: str
    md5_unpacked: str | None = None


@dataclass(frozen=True)
class Entry:
    """One dataset of the catalogue.

    Attributes
    ----------
    name
        As in ``-d NAME``.
    image_shape
        ``(C, H, W)`` after preparation.
    splits
        Split name to its number of images, in the order of storage.
    background
        Colour behind the objects.
    factors
        Factor name to its number of values, slowest first; empty if unknown.
    packed
        Whether images are binary and stored as bits.
    files
        What has to be downloaded or imported; empty if the images are computed.
    write
        Turns the raw files, by name, into images (and factors) of the builder.
    compare
        For a computed dataset: counts the images of a given file that differ from it.
    """

    name: str
    image_shape: tuple[int, int, int]
    splits: Mapping[str, int]
    background: Background
    write: Callable[[Mapping[str, Path], Builder], None]
    factors: Mapping[str, int] = field(default_factory=dict)
    packed: bool = False
    files: tuple[RawFile, ...] = ()
    compare: Callable[[Path], int] | None = None
