"""The catalogue: every dataset that can be had by name; opening it needs no NumPy."""

import difflib
import glob
import os
from collections import UserDict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from disvae.data.places import OWN, data_root
from disvae.errors import UserError, either

if TYPE_CHECKING:
    from disvae.data.catalogue.entry import Entry

_HOMES = {  # dataset: its file
    "dsprites": "dsprites",
    "mnist": "mnist",
    "fashion": "mnist",
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


class _Catalogue(UserDict[str, Any]):
    """Dataset to entry; a dataset's file is read when it is first asked for."""

    def __getitem__(self, name: str) -> "Entry":
        if isinstance(home := self.data[name], str):
            module = import_module(f"disvae.data.catalogue.{home}")
            named = (each for each in vars(module).values() if getattr(each, "name", "") == name)
            self.data[name] = next(named)
        return self.data[name]


CATALOG = _Catalogue(_HOMES)


def no_dataset(name: str | Path, hint: str = "") -> UserError:
    """Return the fault of a dataset that there is none of; it proposes the nearest names."""
    near = difflib.get_close_matches(str(name)[:100], DATASETS, 3)
    return UserError(
        f"There is no dataset '{str(name)[:200]}'; choose among {', '.join(near or DATASETS)}, "
        f"or name a folder of images, an .npz or an .npy file.{hint}"
    )


def require_known(name: str, root: Path | None = None) -> None:
    """Refuse what is neither in the catalogue, nor code of a user's own, nor a path.

    A name that own images prepared in `root` have is left to the sentence that says where.
    """
    base, _, size = name.rpartition("-")
    is_named = name in CATALOG or (base in CATALOG and size.isdecimal())
    is_own = os.path.exists(name) or name.rpartition(":")[0].endswith(".py")  # noqa: PTH110 - of any text
    prepared = (data_root(root) / OWN).glob(f"{glob.escape(Path(name).name)}-*")
    if not (is_named or is_own or any(prepared)):
        raise no_dataset(name)


def all_sizes() -> dict[str, "Entry"]:
    """Return the catalogue, and after each entry the same at other sizes, as ``celeba-128``."""
    entries = {}
    for name, entry in CATALOG.items():
        entries[name] = entry
        entries |= {other.name: other for other in map(entry.at, entry.other_sizes)}
    return entries


def find(name: str, image_size: int | None = None) -> "Entry | None":
    """Return what the catalogue knows by that name, at `image_size` if it can be had."""
    base, _, size = name.rpartition("-")
    if name in CATALOG:
        entry = CATALOG[name]
    elif base in CATALOG and size in map(str, CATALOG[base].other_sizes):
        entry = CATALOG[base].at(int(size))
    else:
        return None
    if image_size in (None, entry.image_shape[-1]):
        return entry
    if image_size not in entry.other_sizes:
        sizes = sorted((entry.image_shape[-1], *entry.other_sizes))
        raise UserError(
            f"The images of '{name}' can be had at {either(sizes)} pixels, not at {image_size}; "
            "choose another --image-size, or leave it out."
        )
    return entry.at(image_size)
