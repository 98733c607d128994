"""All trackers of one training, none of which can end it."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from disvae.trackers.tracker import Record, Tracker

logger = logging.getLogger("disvae")


class Recording:
    """Tells every tracker what happens; one that fails is left out, with one warning."""

    def __init__(self, kinds: Mapping[str, Callable[[Record], Tracker]], record: Record):
        self._trackers: dict[str, Tracker] = {}
        for label, kind in kinds.items():
            with self._going_on(label):
                self._trackers[label] = kind(record)

    def log(self, group: str, values: Mapping[str, float], step: int) -> None:
        """Record values, each as ``group/name``."""
        named = {f"{group}/{name}": value for name, value in values.items()}
        if named:
            self._tell(lambda tracker: tracker.log(named, step))

    def pictures(self, folder: Path, step: int) -> None:
        """Record the plots and the film that lie in `folder`."""
        for file in sorted([*folder.glob("*.png"), *folder.glob("*.gif")]):
            self._tell(lambda tracker, file=file: tracker.picture(file.stem, file, step))  # type: ignore[misc]

    def close(self) -> None:
        """Finish all records."""
        self._tell(lambda tracker: tracker.close())

    def _tell(self, tell: Callable[[Tracker], None]) -> None:
        for label, tracker in list(self._trackers.items()):
            with self._going_on(label):
                tell(tracker)

    @contextlib.contextmanager
    def _going_on(self, label: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # of anyone's code: the network, a full disk
            self._trackers.pop(label, None)
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            logger.warning("The tracker %s failed, training goes on without it: %s", label, reason)
