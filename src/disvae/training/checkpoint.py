"""All that an interrupted training needs to go on as if nothing had happened."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Optimizer

from disvae.errors import UserError
from disvae.storage.tensors import read_tensors, require_like, write_tensors
from disvae.training.epoch_terms import EpochTerms
from disvae.training.learners import Learners
from disvae.training.loop import Position

_VERSION = 2
History = TypeVar("History")


def save(path: Path, fabric: Fabric, learners: Learners, position: Position, history: Any) -> None:
    """Write weights, optimisers, random states, position and history, atomically.

    A history is whatever plain values and tensors the caller wants back.
    """
    state = {
        "version": _VERSION,
        "position": position._asdict(),
        "modules": [module.state_dict() for module in learners.modules],
        "optimisers": [optimiser.state_dict() for optimiser in learners.optimisers],
        "state": learners.state,
        "precision": fabric.strategy.precision.state_dict(),
        "random": _random_states(fabric.device),
        "history": history,
    }
    write_tensors(path, state)


def restore(
    path: Path,
    fabric: Fabric,
    learners: Learners,
    is_possible: Callable[[Position], bool],
    read_history: Callable[[Any, int], History],
) -> tuple[Position, History]:
    """Bring modules, optimisers and random states to where the checkpoint at `path` left them.

    The file may come from anywhere: a `UserError` says if it is damaged, of another model, or if
    training cannot be at its position. `read_history` takes the history that `save` was given, and
    the number of epochs; it raises any exception if they do not fit.
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
        history = read_history(state["history"], position.epoch)
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
