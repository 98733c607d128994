"""Trackio: a database in the user's cache (or `$TRACKIO_DIR`); `trackio show` shows it."""

from collections.abc import Mapping
from pathlib import Path

import trackio

from disvae.trackers.tracker import Record


class Trackio:
    """A run of the project ``disvae``; Trackio knows runs by name, so that this has the key too."""

    def __init__(self, record: Record):
        name = f"{record.name}-{record.key[:8]}"
        self._run = trackio.init(
            project="disvae", name=name, resume="allow", config=record.options, embed=False
        )

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Log the values in one call."""
        self._run.log(dict(values), step=step)

    def picture(self, name: str, file: Path, step: int) -> None:
        """Log a plot as an image, a film as a video."""
        film = file.suffix == ".gif"
        media = trackio.Video(str(file), format="gif") if film else trackio.Image(str(file))
        self._run.log({name: media}, step=step)

    def close(self) -> None:
        """Wait until all is in the database."""
        self._run.finish()


TRACKER = Trackio
