"""The scale that a likelihood learned, which a finished run keeps for its test losses."""

from collections.abc import Mapping

import torch
from torch import nn

from disvae.errors import UserError
from disvae.objectives.objective import LIKELIHOOD
from disvae.objectives.terms import LearnedScale
from disvae.runs.run import Run
from disvae.storage.tensors import read_tensors, require_like, write_tensors

_FILE = "likelihood.pt"
_MOST = 2**16  # bytes


def write_likelihood(run: Run, critics: Mapping[str, nn.Module]) -> None:
    """Write ``likelihood.pt`` if there is one among the critics."""
    if LIKELIHOOD in critics:
        state = critics[LIKELIHOOD].state_dict()
        write_tensors(run.path / _FILE, {name: value.cpu() for name, value in state.items()})


def read_likelihood(run: Run, device: torch.device) -> dict[str, nn.Module]:
    """Return the critics of a finished run: its likelihood, if that learned its scale.

    A ``likelihood.pt`` that is missing or damaged is a `UserError`.
    """
    if run.options.objective.rec_dist != "gaussian_learned":
        return {}
    path, likelihood = run.path / _FILE, LearnedScale()
    weights = read_tensors(path, _MOST)
    try:
        require_like(weights, likelihood.state_dict())
    except ValueError as error:
        raise UserError(f"{path} holds no learned scale ({error}); restore it.") from None
    likelihood.load_state_dict(weights)
    return {LIKELIHOOD: likelihood.to(device)}
