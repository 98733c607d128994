"""The catalogue: every dataset that can be had by name."""

from disvae.data import dsprites, fashion, mnist
from disvae.data.entry import Entry
from disvae.errors import UserError

CATALOG: dict[str, Entry] = {
    entry.name: entry for entry in (dsprites.ENTRY, mnist.ENTRY, fashion.ENTRY)
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
            f"There is no dataset '{name}' to prepare; choose among {', '.join(CATALOG)}."
        )
    return CATALOG[name]
