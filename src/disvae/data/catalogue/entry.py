"""What the catalogue knows of a dataset before it is prepared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
    other_sizes
        Sides, besides that, which the images of the source are large enough for.
    splits
        Split name to its number of images, in the order of storage.
    background
        Colour behind the objects.
    write
        Turns the raw files, by name, into images (and factors) of the builder, of the side that
        its manifest says. It goes on after the ``builder.written`` images that an interrupted
        preparation left.
    factors
        Factor name to its number of values, slowest first; empty if unknown.
    packed
        Whether images are binary and stored as bits.
    files, download
        What has to be downloaded or imported, and how much that is, as text; empty if the images
        are computed.
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
    other_sizes: tuple[int, ...] = ()
    factors: Mapping[str, int] = field(default_factory=dict)
    packed: bool = False
    files: tuple[RawFile, ...] = ()
    download: str = ""
    licence: str = ""
    citation: str = ""
    compare: Callable[[Path], int] | None = None

    def at(self, size: int) -> "Entry":
        """Return the entry of the same images at another side, which is a dataset of its own."""
        channels, *_ = self.image_shape
        return replace(
            self, name=f"{self.name}-{size}", image_shape=(channels, size, size), other_sizes=()
        )
