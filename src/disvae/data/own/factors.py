"""The factors of the user's own images: checked, and numbered by the ranks of their values."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from disvae.errors import UserError
from disvae.storage.files import read_whole

FILE = "factors.csv"  # beside the images of a folder
_MAX_BYTES = 2**30
_NAMED = 3  # images or lines in a message

# the table of ranks, and how many values each factor has
Ranked = tuple[Int[np.ndarray, "N K"], dict[str, int]]


def ranked(place: str, values: np.ndarray[Any, Any], names: Sequence[str], count: int) -> Ranked:
    """Turn each factor's values into their ranks 0, 1, ... in sorted order.

    `values` are numbers or texts, a row for each of `count` images, and `names` those of the
    columns, none if unknown. `place` is where a message says that they come from.
    """
    if values.ndim > 2 or len(values) != count or 0 in values.shape or _kind(values) is None:
        raise UserError(
            f"{place}: 'factors' should be numbers or texts of shape [N, K], one row for each "
            f"of the {count} images, but it is {values.dtype} {list(values.shape)}."
        )
    columns = values.reshape(count, -1).T
    names = list(names) or [f"factor_{column}" for column in range(len(columns))]
    if len(names) != len(columns):
        raise UserError(
            f"{place}: 'factor_names' should be {len(columns)} texts, one for each column of "
            f"'factors', but there are {len(names)}."
        )
    return _numbered(place, dict(zip(names, columns, strict=True)), names)


def read_csv(path: Path, images: Sequence[str]) -> Ranked:
    """Read the factors of `images` from a CSV file: a header, then a row for each image.

    The first column names the image as seen from the file's folder, each other one is a factor.
    The columns are divided by commas, semicolons or tabs. A column is read as numbers if all of
    it can be.
    """
    try:
        lines = read_whole(path, _MAX_BYTES).decode("utf-8-sig").splitlines()
        divider = max(",;\t", key=lines[0].count) if lines else ","
        header, *rows = csv.reader(lines, delimiter=divider, strict=True)
    except (UnicodeDecodeError, csv.Error, ValueError):
        raise UserError(
            f"{path} is no CSV file in UTF-8 with a header; its first column should name the "
            "images, each other one a factor."
        ) from None
    names = [name.strip() for name in header[1:]]
    if not names:
        raise UserError(f"{path} has no factors: its header is {', '.join(header)!r}, one column.")
    found: dict[str, list[str]] = {}
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) != len(header) or not all(cell.strip() for cell in row):
            raise UserError(
                f"{path}, line {number}: there should be {len(header)} values, none of them empty."
            )
        image = row[0].strip().replace("\\", "/").removeprefix("./")
        if image in found:
            raise UserError(f"{path}, line {number}: {image} has a row already; keep one.")
        found[image] = [cell.strip() for cell in row[1:]]
    missing = [image for image in images if image not in found]
    if missing:
        raise UserError(
            f"{path} has no row for {len(missing)} of {len(images)} images: {_few(missing)}; name "
            "them as they lie below its folder, or move them away."
        )
    columns = zip(*(found[image] for image in images), strict=True)
    return _numbered(
        str(path), {name: _read(column) for name, column in zip(names, columns, strict=True)}, names
    )


def _read(column: Sequence[str]) -> np.ndarray[Any, Any]:
    """Turn texts into numbers if all are."""
    try:
        return np.array([float(cell) for cell in column])
    except ValueError:
        return np.array(column)


def _numbered(
    place: str, columns: Mapping[str, np.ndarray[Any, Any]], names: Sequence[str]
) -> Ranked:
    if len(columns) != len(names) or "" in columns:
        raise UserError(
            f"{place}: the names of the factors should differ from each other: {list(names)}."
        )
    for name, column in columns.items():
        if _kind(column) == "f" and not np.isfinite(column).all():
            raise UserError(
                f"{place}: the factor '{name}' holds NaN or infinite values; each must be known."
            )
    each = {name: np.unique(column, return_inverse=True) for name, column in columns.items()}
    table = np.stack([ranks for _, ranks in each.values()], axis=1).astype(np.int32)
    return table, {name: len(values) for name, (values, _) in each.items()}


def _kind(values: np.ndarray[Any, Any]) -> str | None:
    return values.dtype.kind if values.dtype.kind in "biufSU" else None


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
