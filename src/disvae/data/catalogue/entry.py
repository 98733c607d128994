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

    `write` turns the raw files, by name, into images (and factors) of the builder, of the side that
    its manifest says. It goes on after the ``builder.written`` images that an interrupted
    preparation left.
    """

    name: str  # as in ``-d NAME``
    image_shape: tuple[int, int, int]  # (C, H, W), after preparation
    splits: Mapping[str, int]  # split to its number of images, in the order of storage
    background: Background  # colour behind the objects
    write: Callable[[Mapping[str, Path], Builder], None]
    other_sizes: tuple[int, ...] = ()  # sides for which the source is large enough too
    factors: Mapping[str, int] = field(default_factory=dict)  # to number of values, slowest first
    hold_outs: Mapping[str, str] = field(
        default_factory=dict
    )  # named parts, as --hold-out has them
    packed: bool = False  # whether images are binary and stored as bits
    files: tuple[RawFile, ...] = ()  # to download or import; none: the images are computed
    download: str = ""  # how much that is
    licence: str = ""  # what its authors allow
    citation: str = ""  # and ask for
    compare: Callable[[Path], int] | None = None  # counts images of a file that differ from these

    def at(self, size: int) -> "Entry":
        """Return the entry of the same images at another side, which is a dataset of its own."""
        shape = self.image_shape[0], size, size
        return replace(self, name=f"{self.name}-{size}", image_shape=shape, other_sizes=())
