"""The file with a run's weights: at its end, an epoch, its best, or where it was stopped."""

import re
from pathlib import Path

from disvae.errors import UserError
from disvae.types import At

CHECKPOINT = "checkpoint.pt"  # what resuming needs; it is there until training ends well
END = "checkpoint-end.pt"  # the same, once training has ended: what extending needs


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


def _numbered(file: Path) -> re.Match[str] | None:
    return re.fullmatch(r"model-(\d{1,9})\.pt", file.name)
