"""What a tracker is given, and what is asked of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Record(NamedTuple):
    """The record that a training goes into; a run that goes on has the same.

    Attributes
    ----------
    name
        Of the run.
    key
        16 hexadecimal digits: no other run has them, even one of that name.
    folder
        Of the run: what a tracker keeps beside the logs goes there.
    options
        All options of the run, as in ``specs.json``.
    """

    name: str
    key: str
    folder: Path
    options: dict[str, Any]


class Tracker(Protocol):
    """Records a training; made with its `Record`, when training begins or goes on.

    A resumed training may repeat the steps since its last checkpoint, with the same values.
    Whatever a tracker raises ends the recording, never the training.
    """

    def __init__(self, record: Record): ...

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Record values at a training step, counted from 1.

        ``train/TERM`` is the mean over the last 50 steps, ``epoch/TERM`` over an epoch,
        ``test/TERM`` over the images of the test losses; ``scores/NAME`` are scores.
        """

    def picture(self, name: str, file: Path, step: int) -> None:
        """Record a plot (PNG) or a film (GIF)."""

    def close(self) -> None:
        """Finish: training ended, or was interrupted."""
