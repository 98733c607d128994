"""What training has produced so far, besides weights: logs and film."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor


class History(NamedTuple):
    """The log and the film, one record an epoch, and what was measured on the way."""

    log: list[dict[str, float]]  # mean of each term, nats per image
    film: list[UInt8[Tensor, "_bytes"]]  # PNG files: encoded once, and saved in each checkpoint
    scores: dict[int, dict[str, float]]  # by the number of their epoch, from 0
    validation: list[dict[str, float]]  # terms of held-out images, if there are any

    @classmethod
    def beginning(cls) -> "History":
        """Return what there is before the first epoch."""
        return cls([], [], {}, [])

    def add(self, terms: dict[str, float], frame: Image.Image) -> None:
        """Add an epoch."""
        self.log.append(terms)
        buffer = io.BytesIO()
        frame.save(buffer, "PNG")
        self.film.append(torch.from_numpy(np.frombuffer(buffer.getvalue(), np.uint8).copy()))

    def frames(self) -> list[Image.Image]:
        """Return the frames of the film."""
        return [_opened(png) for png in self.film]


def best_epoch(validation: Sequence[Mapping[str, float]]) -> int | None:
    """Return the epoch, from 0, with the lowest loss of the held-out images; of equals the first.

    None if no loss is finite.
    """
    losses = [terms["loss"] for terms in validation]
    finite = [epoch for epoch, loss in enumerate(losses) if math.isfinite(loss)]
    return min(finite, key=losses.__getitem__, default=None)


def epoch_without_patience(
    validation: Sequence[Mapping[str, float]], patience: int | None
) -> int | None:
    """Return after how many epochs the loss had not fallen for `patience` of them; None: never."""
    lowest, best = math.inf, 0
    for epochs, terms in enumerate(validation, start=1):
        if terms["loss"] < lowest:
            lowest, best = terms["loss"], epochs
        elif patience is not None and epochs - best >= patience:
            return epochs
    return None


def read_history(state: Any, epochs: int, frame_size: tuple[int, int]) -> History:
    """Make a history of what a checkpoint keeps (``History._asdict()``), from wherever it comes.

    If it is not that of so many epochs with frames of that size, it raises many kinds of exception.
    """
    log, film, scores, validation = (state[part] for part in History._fields)
    # others may be as empty, and fail where an epoch is added
    if [type(part) for part in (log, film, scores, validation)] != [list, list, dict, list]:
        raise ValueError("not the records of a training")
    if len(log) != epochs or len(film) != epochs or len(validation) not in (0, epochs):
        raise ValueError("not a record an epoch")
    for terms in log:
        if terms.keys() != log[0].keys() or not all(map(math.isfinite, terms.values())):
            raise ValueError("damaged records")
    for epoch, values in scores.items():
        if epoch not in range(epochs) or not all(map(math.isfinite, values.values())):
            raise ValueError("damaged scores")
    for terms in validation:
        if terms.keys() != validation[0].keys() or not all(map(_is_loss, terms.values())):
            raise ValueError("damaged losses")
        _ = terms["loss"]
    for png in film:
        frame = _opened(png)
        if frame.size != frame_size:
            raise ValueError("frames of another size")
        frame.verify()  # by its checksums
    return History(log, film, scores, validation)


def _is_loss(value: object) -> bool:
    return type(value) is float


def _opened(png: UInt8[Tensor, "bytes"]) -> Image.Image:
    return Image.open(io.BytesIO(png.numpy().tobytes()), formats=["PNG"])
