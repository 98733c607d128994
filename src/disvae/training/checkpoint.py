"""All that an interrupted training needs to go on as if nothing had happened."""

from collections.abc import Callable, Mapping
from importlib import metadata
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
from disvae.training.randomness import random_states, set_random_states

_FORMAT = 3
History = TypeVar("History")


def own_part(fabric: Fabric, learners: Learners, position: Position) -> dict[str, Any]:
    """Return what each process has of its own: random states, the objective's, the epoch's terms.

    Weights and optimisers are the same in all.
    """
    state = {name: value.cpu() for name, value in learners.state.items()}
    return {"random": random_states(fabric.device), "state": state, "terms": position.terms}


def save(
    path: Path,
    fabric: Fabric,
    learners: Learners,
    position: Position,
    parts: list[dict[str, Any]],
    history: Any,
) -> None:
    """Write weights, optimisers, position, the parts of all processes and history, atomically.

    A history is whatever plain values and tensors the caller wants back.
    """
    state = {
        "version": _FORMAT,
        "disvae": metadata.version("disvae"),
        "position": position._replace(terms=None)._asdict(),
        "modules": [module.state_dict() for module in learners.modules],
        "optimisers": [optimiser.state_dict() for optimiser in learners.optimisers],
        "precision": fabric.strategy.precision.state_dict(),
        "processes": parts,
        "history": history,
    }
    write_tensors(path, state)


def restore(
    path: Path,
    fabric: Fabric,
    learners: Learners,
    is_possible: Callable[[Position], bool],
    read_history: Callable[[Any, int], History],
    room: int = 2**26,
) -> tuple[Position, History]:
    """Bring modules, optimisers and random states to where the checkpoint at `path` left them.

    The file may come from anywhere: a `UserError` says if it is damaged, of another format or
    model, or if training cannot be at its position. `read_history` takes the history that `save`
    was given, and the number of epochs; it raises any exception if they do not fit. Beside the
    learners the file may have `room` bytes.
    """
    state = read_tensors(path, _size_of(learners) + room)
    _require_this_format(path, state)
    try:
        parts = state["processes"]
        if len(parts) != fabric.world_size:
            raise ValueError("of another number of processes")
        for part in parts:  # all, so that each process finds the same fault
            position = Position(**state["position"])._replace(terms=part["terms"])
            if not is_possible(position):
                raise ValueError("a place where training never is")
            if position.terms is not None:
                EpochTerms(first_step=1).load_state_dict(position.terms, position.done)
            require_like(part["state"], learners.state)
        own = parts[fabric.global_rank]
        position = position._replace(terms=own["terms"])
        history = read_history(state["history"], position.epoch)
        for module, weights in zip(learners.modules, state["modules"], strict=True):
            require_like(weights, module.state_dict())
            module.load_state_dict(weights)
        for optimiser, stored in zip(learners.optimisers, state["optimisers"], strict=True):
            _restore_moments(optimiser, stored["state"])
        for name, value in learners.state.items():
            value.copy_(own["state"][name])
        fabric.strategy.precision.load_state_dict(state["precision"])
        set_random_states(fabric.device, own["random"])
    except Exception:  # the loaders raise many kinds
        raise UserError(
            f"{path} is damaged or not of this run; restore it from a copy, "
            "or remove it and train again."
        ) from None
    return position, history


def _size_of(learners: Learners) -> int:
    """Return the most bytes of weights and moments, be they of double precision."""
    states = (module.state_dict() for module in learners.modules)
    return 8 * sum(value.nbytes for state in states for value in state.values())


def _require_this_format(path: Path, state: dict[str, Any]) -> None:
    """Refuse what another version wrote; what is no checkpoint at all does not fit later."""
    number = state.get("version")
    if type(number) is not int or number == _FORMAT or abs(number) > 10**6:
        return
    by = state.get("disvae")
    version = f"disvae {by[:20]}" if isinstance(by, str) else "the version that specs.json names"
    raise UserError(
        f"{path} has format {number}, but disvae {metadata.version('disvae')} reads "
        f"format {_FORMAT}; go on with {version}, or remove it and train again."
    )


def _restore_moments(optimiser: Optimizer, moments: Mapping[int, Mapping[str, Tensor]]) -> None:
    """Set Adam's counts and moments; rates and betas stay those of the options."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    for number, parameter in enumerate(parameters):
        like = {"step": torch.zeros(()), "exp_avg": parameter, "exp_avg_sq": parameter}
        require_like(moments[number], like)
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
