"""The weights of a run: at its end, at an epoch, at its best, or where it was stopped."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from disvae.errors import UserError
from disvae.storage.tensors import read_tensors, require_like
from disvae.types import At

CHECKPOINT = "checkpoint.pt"  # what resuming needs; it is there until training ends well
END = "checkpoint-end.pt"  # the same, once training has ended: what extending needs
_LARGEST_CHECKPOINT = 2**34


def weights_file(folder: Path, at: At, epochs: int | None = None) -> Path:
    """Return the file with the weights of a run.

    `at` is an epoch's number; ``best`` by the validation loss; ``last``, the end or, of a run that
    was stopped, its checkpoint; or None: ``last``, but weights of an ended training win. After
    `epochs`, if that is known, a run is at its end. Weights that are not there are a `UserError`.
    """
    model, checkpoint = folder / "model.pt", folder / CHECKPOINT
    if at is None or at == "last":
        order = (model, checkpoint) if at is None else (checkpoint, model)
        if there := next((file for file in order if file.exists()), None):
            return there
        raise UserError(
            f"{folder} has no model.pt yet, and no checkpoint.pt; train the run to its end first."
        )
    file = folder / f"model-{at}.pt"
    if not file.exists() and at == epochs and not checkpoint.exists():
        file = model
    if file.exists():
        return file
    if at == "best":
        raise UserError(
            f"{folder} has no model-best.pt; a run keeps it that is trained with --val-fraction."
        )
    kept = sorted(int(found[1]) for found in map(_numbered, folder.glob("model-*.pt")) if found)
    has = f"has those of {', '.join(map(str, kept))}" if kept else "has none of any epoch"
    raise UserError(
        f"{folder} has no weights of epoch {at}; it {has} (see --checkpoint-every), and its last."
    )


def read_weights(file: Path, like: Mapping[str, Tensor]) -> dict[str, Any]:
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


def _numbered(file: Path) -> re.Match[str] | None:
    return re.fullmatch(r"model-(\d{1,9})\.pt", file.name)
