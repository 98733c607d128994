"""What the catalogue knows of a dataset before it is prepared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from disvae.data.raw.files import RawFile
from disvae.data.store import Builder

Background = Literal["black", "white"]


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
    write
        Turns the raw files, by name, into images (and factors) of the builder. It goes on
        after the ``builder.written`` images that an interrupted preparation left.
    factors
        Factor name to its number of values, slowest first; empty if unknown.
    packed
        Whether images are binary and stored as bits.
    files
        What has to be downloaded or imported; empty if the images are computed.
    download
        How much comes over the line, as text; empty if the images are computed.
    licence, citation
        What its authors allow and ask for.
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
    download: str = ""
    licence: str = ""
    citation: str = ""
    compare: Callable[[Path], int] | None = None
