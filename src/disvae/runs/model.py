"""The model of a run: built, with its weights; and its weights written."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from disvae.errors import UserError
from disvae.models.vae import VAE
from disvae.options.user_code import architecture
from disvae.runs.code import warn_of_changes
from disvae.runs.weights import CHECKPOINT
from disvae.storage.tensors import read_tensors, require_like, write_tensors

if TYPE_CHECKING:
    from disvae.runs.run import Run

logger = logging.getLogger("disvae")
_LARGEST_CHECKPOINT = 2**34


def open_model(run: "Run") -> VAE:
    """Build the VAE of `run` with its weights, as `Run.model` has it."""
    kind = architecture(run.options.model_type, run.code)
    warn_of_changes(run, "model_type")
    vae = VAE(run.image_shape, run.options.latent_dim, kind)
    file = run.weights_file
    if run.at is None and file == run.checkpoint:
        logger.info("%s has not ended; its weights are those of its checkpoint.", run.path)
    vae.load_state_dict(_read_weights(file, vae.state_dict()))
    return vae.eval()


def write_model(folder: Path, vae: nn.Module, epoch: int | str | None) -> None:
    """Write ``model.pt``, or ``model-<epoch>.pt``, as of the best."""
    state = {name: value.cpu().contiguous() for name, value in vae.state_dict().items()}
    write_tensors(folder / ("model.pt" if epoch is None else f"model-{epoch}.pt"), state)


def _read_weights(file: Path, like: Mapping[str, Tensor]) -> dict[str, Any]:
    """Read what `weights_file` found, for a model whose weights are `like` them.

    A file that is missing, damaged, or of another architecture is a `UserError`.
    """
    size = sum(value.numel() * value.element_size() for value in like.values())
    is_checkpoint = file.name == CHECKPOINT
    # twice the size: of double precision
    weights = read_tensors(file, _LARGEST_CHECKPOINT if is_checkpoint else 2 * size + 2**20)
    try:
        if is_checkpoint:
            weights = _of_the_vae(weights)
        require_like(weights, like)
    except ValueError as error:
        raise UserError(
            f"{file} is not the weights of this run ({error}); "
            "restore it from a copy or train again."
        ) from None
    return weights


def _of_the_vae(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weights of the first module of a checkpoint, which is the VAE."""
    modules = checkpoint.get("modules")
    if not isinstance(modules, list) or not modules or not isinstance(modules[0], dict):
        raise ValueError("no checkpoint")
    return modules[0]
