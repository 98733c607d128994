"""The catalogue: every dataset that can be had by name; opening it needs no NumPy."""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from disvae.data.catalogue.entry import Entry

_HOMES = {  # dataset: its file
    "dsprites": "dsprites",
    "mnist": "mnist",
    "fashion": "fashion",
    "celeba": "celeba",
    "chairs": "chairs",
    "shapes3d": "shapes3d",
    "cars3d": "cars3d",
    "smallnorb": "smallnorb",
    "mpi3d_toy": "mpi3d",
    "mpi3d_realistic": "mpi3d",
    "mpi3d_real": "mpi3d",
}
DATASETS = tuple(_HOMES)


class _Catalogue(MutableMapping[str, "Entry"]):
    """Dataset to entry; a dataset's file is read when it is first asked for."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def __getitem__(self, name: str) -> "Entry":
        if name not in self._entries:
            module = import_module(f"disvae.data.catalogue.{_HOMES[name]}")
            named = (each for each in vars(module).values() if getattr(each, "name", "") == name)
            self._entries[name] = next(named)
        return self._entries[name]

    def __setitem__(self, name: str, entry: "Entry") -> None:
        self._entries[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_HOMES)

    def __len__(self) -> int:
        return len(_HOMES)


CATALOG = _Catalogue()
