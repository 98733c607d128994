"""The states of the random generators that training draws from."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor


def random_states(device: torch.device) -> dict[str, Tensor]:
    """Return the states of the generators on the CPU and on `device`."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_states(device: torch.device, states: dict[str, Any]) -> None:
    """Bring the generators back to where `random_states` found them."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])


@contextlib.contextmanager
def apart(device: torch.device) -> Iterator[None]:
    """Let a block draw what it likes: training goes on as without it."""
    states = random_states(device)
    try:
        yield
    finally:
        set_random_states(device, states)
