"""The zoo: trained runs that come with the project, ``zoo:NAME``; listed without NumPy."""

import difflib
import os
from pathlib import Path
from typing import Any, NamedTuple

import pooch

from disvae.errors import UserError
from disvae.runs.packed import unpack
from disvae.storage.files import read_json

RELEASE = ""  # address of the folder with the files NAME.zip; none is published yet
REGISTRY = Path(__file__).with_name("zoo.json")  # written by bin/zoo.py


class Animal(NamedTuple):
    """A run of the zoo, as the registry has it: its zip file, losses and scores."""

    name: str
    sha256: str
    size: int
    numbers: dict[str, float]

    @property
    def place(self) -> Path | None:
        """Where it lies: its folder in the checkout, or its file in the cache; None: not here."""
        root = Path(__file__).parents[2]
        in_checkout = root.parent / "zoo" / self.name
        if root.name == "src" and (in_checkout / "specs.json").is_file():
            return in_checkout
        return self.cached if self.cached.is_file() else None

    @property
    def cached(self) -> Path:
        """The file of it in the user's cache."""
        return Path(pooch.os_cache("disvae")) / "zoo" / f"{self.name}.zip"


def animals() -> list[Animal]:
    """Return all runs of the zoo, by name."""
    entries: dict[str, Any] = read_json(REGISTRY)
    return [Animal(name, **entry) for name, entry in sorted(entries.items())]


def fetch(name: str) -> Path:
    """Return the folder of the run `name`; it is downloaded if it is not here.

    A name that the zoo does not have, or a file that cannot be had, is a `UserError`.
    """
    known = {animal.name: animal for animal in animals()}
    if (found := known.get(name)) is None:
        near = difflib.get_close_matches(name[:100], known, 3)
        there = f"the nearest: {', '.join(near)}" if near else f"it has {', '.join(known)}"
        raise UserError(f"The zoo has no {name[:100]!r}; {there if known else 'it is empty'}.")
    if found.place is not None and found.place.is_dir():
        return found.place
    return unpack(_downloaded(found))


def _downloaded(animal: Animal) -> Path:
    """Return the file in the cache, as the registry knows it; download it if need be."""
    from filelock import FileLock

    from disvae.data.raw.download import download_file, told  # which need NumPy
    from disvae.data.raw.files import RawFile

    base = os.environ.get("DISVAE_ZOO") or RELEASE
    if not base and not animal.cached.is_file():
        raise UserError(
            f"zoo:{animal.name} is not here, and this version names no place to download it from; "
            "set DISVAE_ZOO to the address of a folder with its file, or open it from a checkout."
        )
    url = f"{base.rstrip('/')}/{animal.cached.name}"
    file = RawFile(animal.cached.name, (url,), sha256=animal.sha256)
    animal.cached.parent.mkdir(parents=True, exist_ok=True)
    faults: dict[str, str] = {}
    with FileLock(animal.cached.with_name(f".{animal.name}.lock")):
        if download_file(file, animal.cached.parent, faults) is None:
            raise UserError(
                f"Could not download zoo:{animal.name} ({told(faults)}); fetch {url} by hand and "
                "name that file instead."
            )
    return animal.cached
