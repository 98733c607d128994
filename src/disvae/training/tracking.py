"""The trackers of a training: which they are, and which record it goes into."""

import hashlib
import logging
import re
from collections.abc import Callable, Mapping

from disvae.errors import UserError
from disvae.options import RunOptions, UserCode
from disvae.runs.run import Run
from disvae.storage.files import to_json
from disvae.trackers.registry import TRACKERS, find
from disvae.trackers.tracker import Record, Tracker

logger = logging.getLogger("disvae")


def load_trackers(
    options: RunOptions, own: Mapping[str, UserCode]
) -> dict[str, Callable[[Record], Tracker]]:
    """Load the trackers of a training; a user's own that was not given again is only named.

    One that is not installed, or is none, is a `UserError`.
    """
    kinds = {}
    for name in options.tracker:
        if name in own:
            if not callable(own[name].value):
                raise UserError(f"{name} is no tracker; it should be a class (docs/tracking.md).")
            kinds[name] = own[name].value
        elif name in TRACKERS:
            kinds[name] = find(name)
        else:
            logger.warning(
                "The tracker %s is code of your own, which is never loaded unasked; to go on "
                "recording give its file again: --tracker %s.",
                name,
                name,
            )
    return kinds


def record_of(run: Run) -> Record:
    """Name the record of a run: the same each time it goes on."""
    key = run.specs.get("record")
    if not (isinstance(key, str) and re.fullmatch("[0-9a-f]{16}", key)):  # begun without trackers
        known = f"{run.path.resolve()} {to_json(run.specs)}"
        key = hashlib.sha256(known.encode()).hexdigest()[:16]
    options = run.options.model_dump(mode="json", exclude=run.options.of_other_losses())
    return Record(run.name, key, run.path, options)
