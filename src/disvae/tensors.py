"""Files of tensors, of whatever origin."""

import io
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from disvae.errors import UserError
from disvae.files import write_bytes


def read_tensors(path: Path) -> dict[str, Any]:
    """Read what `write_tensors` or ``torch.save`` wrote, to the CPU; no code in it is run.

    Raises
    ------
    UserError
        If the file is damaged, or holds anything but a dictionary of tensors and plain values.
    """
    if not path.is_file():  # a pipe would be waited for
        raise UserError(f"There is no file {path}; restore it from a copy or train again.")
    content = path.read_bytes()
    try:
        _refuse_compression(content)
        with warnings.catch_warnings(action="ignore"):  # of files that are no weights
            loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if not isinstance(loaded, dict) or not all(map(_is_whole, _tensors(loaded))):
            raise ValueError
    except Exception:  # the loaders raise many kinds
        raise UserError(
            f"{path} is damaged or no file of weights; restore it from a copy or train again."
        ) from None
    return loaded


def write_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Replace the file at `path` by `content`, atomically."""
    buffer = io.BytesIO()  # so that a full disk is an OSError, and nothing is half-written
    torch.save(content, buffer)
    write_bytes(path, buffer.getvalue())


def require_like(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Check names and shapes, and that all values are finite.

    Raises
    ------
    ValueError
        With what differs.
    """
    if given.keys() != expected.keys():
        raise ValueError(f"other names: {', '.join(map(str, given.keys() ^ expected.keys()))}")
    for name, values in given.items():
        if not isinstance(values, Tensor) or values.shape != expected[name].shape:
            raise ValueError(f"{name} has another shape than {list(expected[name].shape)}")
        if not values.is_floating_point() or not values.isfinite().all():
            raise ValueError(f"{name} holds values that are not finite")


def _refuse_compression(content: bytes) -> None:
    """PyTorch compresses nothing; what would unpack to more than the file is no weights."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError


def _is_whole(tensor: Tensor) -> bool:
    """Whether the file holds each value; a view can claim any number of them."""
    if tensor.layout != torch.strided or tensor.device.type != "cpu":
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def _tensors(content: object) -> Iterator[Tensor]:
    if isinstance(content, Tensor):
        yield content
    elif isinstance(content, Mapping):
        for value in content.values():
            yield from _tensors(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _tensors(value)
