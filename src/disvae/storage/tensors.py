"""Files of tensors, of whatever origin."""

import io
import pickletools
import textwrap
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from disvae.errors import UserError
from disvae.storage.files import read_whole, write_bytes

_LEGACY_PICKLES = 4  # before PyTorch 1.6: magic number, version, system, content
_OBJECTS = {
    "collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter",
}  # fmt: skip


def read_tensors(path: Path, most: int = 2**30) -> dict[str, Any]:
    """Read what `write_tensors` or ``torch.save`` wrote, to the CPU; no code in it is run.

    A damaged file, one of more than `most` bytes, or anything but a dictionary of tensors and
    plain values, is a `UserError`.
    """
    try:
        content = read_whole(path, most)
    except FileNotFoundError:
        raise UserError(f"There is no file {path}; restore a copy or train again.") from None
    try:
        with warnings.catch_warnings(action="ignore"):  # of files that are no weights
            for pickled in _pickles(content):
                _refuse_other_objects(pickled)
            loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if not isinstance(loaded, dict) or not all(map(_is_plain, _leaves(loaded))):
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
    """Check names, shapes and kinds of numbers, and that all values are finite.

    Floating-point numbers may be of another precision than expected, as they are converted. The
    `ValueError` says what differs.
    """
    if given.keys() != expected.keys():
        others = ", ".join(map(str, given.keys() ^ expected.keys()))
        raise ValueError(f"other names: {textwrap.shorten(others, 200, placeholder=' ...')}")
    for name, values in given.items():
        like = expected[name]
        if not isinstance(values, Tensor) or values.shape != like.shape:
            raise ValueError(f"{name} has another shape than {list(like.shape)}")
        floating = values.is_floating_point() and like.is_floating_point()
        if values.dtype != like.dtype and not floating:
            raise ValueError(f"{name} is {values.dtype}, not {like.dtype}")
        if not values.to(like.dtype).isfinite().all():
            raise ValueError(f"{name} holds values that are not finite")


def _pickles(content: bytes) -> Iterator[IO[bytes]]:
    """Yield the streams of the file that PyTorch unpickles."""
    is_zip = content.startswith(b"PK\x03\x04")  # as PyTorch tells them apart
    if is_zip != zipfile.is_zipfile(io.BytesIO(content)):
        raise ValueError  # a file that is one thing to us and another to PyTorch
    if not is_zip:
        stream = io.BytesIO(content)
        for _ in range(_LEGACY_PICKLES):
            yield stream
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            # PyTorch compresses nothing; what would unpack to more than the file is no weights
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError
            if entry.filename.lower().endswith(".pkl"):
                yield archive.open(entry)


def _refuse_other_objects(pickled: IO[bytes]) -> None:
    """Refuse what PyTorch's restricted loader allows beyond tensors, as a bytearray of any size."""
    for code, argument, _ in pickletools.genops(pickled):
        if code.name in ("GLOBAL", "INST", "STACK_GLOBAL"):
            module, _, name = str(argument).partition(" ")
            is_storage = module in ("torch", "torch.storage") and name.endswith("Storage")
            if not is_storage and str(argument) not in _OBJECTS:
                raise ValueError


def _is_plain(value: object) -> bool:
    """Whether it is a plain value, or a tensor of which the file holds each value."""
    if not isinstance(value, Tensor):
        return value is None or isinstance(value, str | bool | int | float)
    if value.layout != torch.strided or value.device.type != "cpu":
        return False
    # a view can claim any number of values
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _leaves(content: object) -> Iterator[object]:
    """Yield all that is no container; one that stands in many places is walked through once."""
    waiting, seen = [content], set()
    while waiting:
        value = waiting.pop()
        if not isinstance(value, Mapping | list | tuple):
            yield value
        elif id(value) not in seen:
            seen.add(id(value))
            waiting += value.values() if isinstance(value, Mapping) else value
