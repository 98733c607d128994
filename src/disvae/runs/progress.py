"""How far a pass over images is: a bar on terminals, and once in words how long it will take."""

import logging
import time
from collections.abc import Iterator, Sized
from datetime import timedelta
from typing import TypeVar

from tqdm.auto import tqdm

logger = logging.getLogger("disvae")
_AFTER = 1.5  # seconds, when the speed is known
_WORTH_TELLING = 3  # seconds
B = TypeVar("B", bound=Sized)


def counted(
    batches: Iterator[B], total: int, title: str, bar: bool = False, tell: bool = False
) -> Iterator[B]:
    """Yield `batches` of `total` images in all; with `tell`, log an estimate of the time left."""
    began, done = time.monotonic(), 0
    with tqdm(total=total, desc=title, disable=None if bar else True) as shown:
        for batch in batches:
            yield batch
            done += len(batch)
            shown.update(len(batch))
            passed = time.monotonic() - began
            if tell and passed > _AFTER:
                tell, left = False, round(passed / done * (total - done))
                if left >= _WORTH_TELLING:
                    logger.info("%s: about %s left", title, timedelta(seconds=left))
