"""The catalogue: every dataset that can be had by name."""

from disvae.data.catalogue import (
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
from disvae.data.catalogue.entry import Entry
from disvae.errors import UserError, either

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


def all_sizes() -> dict[str, Entry]:
    """Return the catalogue, and after each entry the same at other sizes, as ``celeba-128``."""
    entries = {}
    for name, entry in CATALOG.items():
        entries[name] = entry
        entries |= {other.name: other for other in map(entry.at, entry.other_sizes)}
    return entries


def find(name: str, image_size: int | None = None) -> Entry | None:
    """Return what the catalogue knows by that name, at `image_size` if one is asked for.

    Raises
    ------
    UserError
        If it cannot be had at that size.
    """
    entry = all_sizes().get(name)
    if entry is None or image_size in (None, entry.image_shape[-1]):
        return entry
    if image_size not in entry.other_sizes:
        sizes = sorted((entry.image_shape[-1], *entry.other_sizes))
        raise UserError(
            f"The images of '{name}' can be had at {either(sizes)} pixels, not at {image_size}; "
            "choose another --image-size, or leave it out."
        )
    return entry.at(image_size)
