"""Weights & Biases; `WANDB_MODE=offline` keeps the record here until `wandb sync`."""

import os
from collections.abc import Mapping
from pathlib import Path

import wandb

from disvae.trackers.tracker import Record


class WeightsAndBiases:
    """A run of the project ``disvae`` (or ``$WANDB_PROJECT``), whose id is the record's key."""

    def __init__(self, record: Record):
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "disvae"),
            name=record.name,
            id=record.key,
            resume="allow",
            config=record.options,
        )
        # not its own count of calls, which refuses the steps that a resumed training repeats
        self._run.define_metric("*", step_metric="step")

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Log the values in one call."""
        self._run.log({**values, "step": step})

    def picture(self, name: str, file: Path, step: int) -> None:
        """Log a plot as an image, a film as a video."""
        film = file.suffix == ".gif"
        media = wandb.Video(str(file), format="gif") if film else wandb.Image(str(file))
        self._run.log({name: media, "step": step})

    def close(self) -> None:
        """Wait until all is sent, or on disk."""
        self._run.finish()


TRACKER = WeightsAndBiases
