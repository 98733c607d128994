"""Every tracker by name; read without what it needs."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from disvae.errors import UserError
from disvae.trackers.tracker import Record, Tracker

# name to the module that declares it, as TRACKER; the package that it needs has that name too
TRACKERS = {
    "tensorboard": "disvae.trackers.tensorboard",
    "wandb": "disvae.trackers.wandb",
    "trackio": "disvae.trackers.trackio",
    "mlflow": "disvae.trackers.mlflow",
}


def find(name: str) -> Callable[[Record], Tracker]:
    """Load the tracker `name`; one that is not installed is a `UserError`."""
    if find_spec(name) is None:
        raise UserError(
            f"The tracker {name} is not installed; call: pip install 'disvae[{name}]', or train "
            "without --tracker."
        )
    found: Callable[[Record], Tracker] = import_module(TRACKERS[name]).TRACKER
    return found
