"""Logs of training: values by name, epoch after epoch."""

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path

from disvae.errors import UserError
from disvae.storage.files import read_whole, write_text

_LARGEST = 3.4e38  # that training, in float32, can have logged


def write_curves(path: Path, kind: str, epochs: Mapping[int, Mapping[str, float]]) -> None:
    """Write one row a name and epoch; `kind` heads the column of the names."""
    lines = [f"Epoch,{kind},Value"]
    for epoch, values in epochs.items():
        lines += [f"{epoch},{name},{value}" for name, value in values.items()]
    write_text(path, "\n".join(lines) + "\n")


def read_curves(path: Path, kind: str) -> dict[str, dict[int, float]]:
    """Read what `write_curves` wrote: values by name and number of the epoch.

    A damaged file is a `UserError`, a missing one a `FileNotFoundError`.
    """
    curves: dict[str, dict[int, float]] = {}
    content = read_whole(path)
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
        if not {"Epoch", kind, "Value"} <= set(rows.fieldnames or ()):
            raise ValueError
        for row in rows:
            value = float(row["Value"])
            if math.isfinite(value) and abs(value) > _LARGEST:
                raise ValueError
            curves.setdefault(row[kind], {})[int(row["Epoch"])] = value
    except (KeyError, TypeError, ValueError, csv.Error):
        raise UserError(f"{path} is damaged; restore it from a copy.") from None
    return curves
