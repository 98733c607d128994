"""All that an interrupted training needs to go on as if nothing had happened."""

import io
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from lightning_fabric import Fabric
from PIL import Image
from torch import Tensor
from torch.optim import Optimizer

from disvae.errors import UserError
from disvae.storage.tensors import read_tensors, require_like, write_tensors
from disvae.training.epoch_terms import EpochTerms
from disvae.training.learners import Learners
from disvae.training.loop import Position

_VERSION = 2


class History(NamedTuple):
    """What training has produced so far, besides weights.

    Attributes
    ----------
    log
        Mean of each term, one record an epoch.
    film
        One frame an epoch, as a PNG file: it is encoded once, and saved in each checkpoint.
    """

    log: list[dict[str, float]]
    film: list[UInt8[Tensor, "bytes"]]

    def add(self, terms: dict[str, float], frame: Image.Image) -> None:
        """Add an epoch."""
        self.log.append(terms)
        buffer = io.BytesIO()
        frame.save(buffer, "PNG")
        self.film.append(torch.from_numpy(np.frombuffer(buffer.getvalue(), np.uint8).copy()))

    def frames(self) -> list[Image.Image]:
        """Return the frames of the film."""
        return [_opened(png) for png in self.film]


def save(
    path: Path, fabric: Fabric, learners: Learners, position: Position, history: History
) -> None:
    """Write weights, optimisers, random states, position and history, atomically.

    Raises
    ------
    UserError
        If a loss since the last reading was not finite; then the file stays as it was.
    """
    state = {
        "version": _VERSION,
        "position": position._asdict(),
        "modules": [module.state_dict() for module in learners.modules],
        "optimisers": [optimiser.state_dict() for optimiser in learners.optimisers],
        "state": learners.state,
        "precision": fabric.strategy.precision.state_dict(),
        "random": _random_states(fabric.device),
        "log": history.log,
        "film": history.film,
    }
    write_tensors(path, state)


def restore(
    path: Path,
    fabric: Fabric,
    learners: Learners,
    is_possible: Callable[[Position], bool],
    frame_size: tuple[int, int],
) -> tuple[Position, History]:
    """Bring modules, optimisers and random states to where the checkpoint at `path` left them.

    Parameters
    ----------
    path
        The file; it may come from anywhere.
    fabric, learners
        What to restore.
    is_possible
        Whether the training can be at a position.
    frame_size
        Width and height of the film's frames.

    Raises
    ------
    UserError
        If the file is damaged, or of another model.
    """
    state = read_tensors(path)
    try:
        if state["version"] != _VERSION:
            raise ValueError("another version")
        position = Position(**state["position"])
        if not is_possible(position):
            raise ValueError("a place where training never is")
        if position.terms is not None:
            EpochTerms(first_step=1).load_state_dict(position.terms, position.done)
        history = _history(state["log"], state["film"], position.epoch, frame_size)
        for module, weights in zip(learners.modules, state["modules"], strict=True):
            require_like(weights, module.state_dict())
            module.load_state_dict(weights)
        for optimiser, stored in zip(learners.optimisers, state["optimisers"], strict=True):
            _restore_moments(optimiser, stored["state"])
        require_like(state["state"], learners.state)
        for name, value in learners.state.items():
            value.copy_(state["state"][name])
        fabric.strategy.precision.load_state_dict(state["precision"])
        _set_random_states(fabric.device, state["random"])
    except Exception:  # the loaders raise many kinds
        raise UserError(
            f"{path} is damaged or not of this run; restore it from a copy, "
            "or remove it and train again."
        ) from None
    return position, history


def _history(log: list[Any], film: list[Any], epochs: int, size: tuple[int, int]) -> History:
    if len(log) != epochs or len(film) != epochs:
        raise ValueError("not a record an epoch")
    for terms in log:
        if terms.keys() != log[0].keys() or not all(map(math.isfinite, terms.values())):
            raise ValueError("damaged records")
    for png in film:
        frame = _opened(png)
        if frame.size != size:
            raise ValueError("frames of another size")
        frame.verify()  # by its checksums
    return History(log, film)


def _restore_moments(optimiser: Optimizer, moments: Mapping[int, Mapping[str, Tensor]]) -> None:
    """Set Adam's counts and moments; rates and betas stay those of the options."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    for number, parameter in enumerate(parameters):
        like = {"step": torch.zeros(()), "exp_avg": parameter, "exp_avg_sq": parameter}
        require_like(moments[number], like)
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})


def _random_states(device: torch.device) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_random_states(device: torch.device, states: dict[str, Any]) -> None:
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])


def _opened(png: UInt8[Tensor, "bytes"]) -> Image.Image:
    return Image.open(io.BytesIO(png.numpy().tobytes()), formats=["PNG"])
