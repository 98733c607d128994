"""Every architecture by name; read without PyTorch."""

from importlib import import_module
from typing import TYPE_CHECKING

from disvae.errors import UserError

if TYPE_CHECKING:
    from disvae.models.architecture import Architecture

# name to the module that declares it, as ARCHITECTURE
_NAMES = ("Burgess", "MLP", "Locatello", "ResNet")
ARCHITECTURES = {name: f"disvae.models.{name.lower()}" for name in _NAMES}


def find(name: str) -> "Architecture":
    """Load the architecture `name`."""
    if name not in ARCHITECTURES:
        raise UserError(f"There is no model '{name}'; choose among {', '.join(ARCHITECTURES)}.")
    return import_module(ARCHITECTURES[name]).ARCHITECTURE
