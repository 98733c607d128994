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
