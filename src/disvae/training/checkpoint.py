"""All that an interrupted training needs to go on as if nothing had happened."""

import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from PIL import Image
from torch import Tensor

from disvae.errors import UserError
from disvae.files import write_bytes
from disvae.training.loop import Position
from disvae.training.setup import Learners

_VERSION = 1


class History(NamedTuple):
    """What training has produced so far, besides weights.

    Attributes
    ----------
    log
        Mean of each term, one record an epoch.
    film
        One frame an epoch.
    """

    log: list[dict[str, float]]
    film: list[Image.Image]


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
        "precision": fabric.strategy.precision.state_dict(),
        "random": _random_states(fabric.device),
        "log": history.log,
        "film": [_to_png(frame) for frame in history.film],
    }
    buffer = io.BytesIO()  # so that a full disk is an OSError, and nothing is half-written
    torch.save(state, buffer)
    write_bytes(path, buffer.getvalue())


def restore(path: Path, fabric: Fabric, learners: Learners) -> tuple[Position, History]:
    """Bring modules, optimisers and random states to where the checkpoint at `path` left them.

    Raises
    ------
    UserError
        If the file is damaged, or of another model.
    """
    content = io.BytesIO(path.read_bytes())
    try:
        state = torch.load(content, map_location="cpu", weights_only=True)
        if state["version"] != _VERSION:
            raise ValueError("another version")
        position = Position(**state["position"])
        history = History(state["log"], [_from_png(frame) for frame in state["film"]])
        for module, weights in zip(learners.modules, state["modules"], strict=True):
            module.load_state_dict(weights)
        for optimiser, moments in zip(learners.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(moments)
        fabric.strategy.precision.load_state_dict(state["precision"])
        _set_random_states(fabric.device, state["random"])
    except Exception:  # the loaders raise many kinds
        raise UserError(
            f"{path} is damaged or not of this run; restore it from a copy, "
            "or remove it and train again."
        ) from None
    return position, history


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


def _to_png(frame: Image.Image) -> Tensor:
    buffer = io.BytesIO()
    frame.save(buffer, "PNG")
    return torch.from_numpy(np.frombuffer(buffer.getvalue(), np.uint8).copy())


def _from_png(png: Tensor) -> Image.Image:
    image = Image.open(io.BytesIO(png.numpy().tobytes()), formats=["PNG"])
    image.load()
    return image
