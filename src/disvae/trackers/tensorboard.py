"""TensorBoard: event files in the folder of the run; `tensorboard --logdir results` shows them."""

import json
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from disvae.trackers.tracker import Record


class TensorBoard:
    """Writes into ``<run>/tensorboard``; a run that goes on adds a file there."""

    def __init__(self, record: Record):
        self._writer = SummaryWriter(str(record.folder / "tensorboard"))
        options = json.dumps(record.options, indent=2)
        self._writer.add_text("options", f"```\n{options}\n```")

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Write one scalar a value."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def picture(self, name: str, file: Path, step: int) -> None:
        """Write the file as it is: TensorBoard plays GIFs too."""
        with Image.open(file) as opened:
            width, height = opened.size
        image = Summary.Image(
            width=width, height=height, colorspace=3, encoded_image_string=file.read_bytes()
        )
        summary = Summary(value=[Summary.Value(tag=name, image=image)])
        writer = self._writer._get_file_writer()  # type: ignore[no-untyped-call]
        writer.add_summary(summary, step)

    def close(self) -> None:
        """Write what is not yet on disk."""
        self._writer.close()


TRACKER = TensorBoard
