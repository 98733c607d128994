"""The catalogue: every dataset that can be had by name."""

from disvae.data import (
    cars3d,
    celeba,
    chairs,
    dsprites,
    fashion,
    mnist,
    mpi3d,
    shapes3d,
    smallnorb,
)
from disvae.data.entry import Entry
from disvae.errors import UserError

CATALOG: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        dsprites.ENTRY,
        mnist.ENTRY,
        fashion.ENTRY,
        celeba.ENTRY,
        chairs.ENTRY,
        shapes3d.ENTRY,
        cars3d.ENTRY,
        smallnorb.ENTRY,
        *mpi3d.ENTRIES,
    )
}


def find_entry(name: str) -> Entry:
    """Look `name` up.

    Raises
    ------
    UserError
        If the catalogue has no such dataset.
    """
    if name not in CATALOG:
        raise UserError(
            f"There is no dataset '{name}'; choose among {', '.join(CATALOG)}. "
            "Own images that are prepared go by the folder that `disvae data list` shows."
        )
    return CATALOG[name]
