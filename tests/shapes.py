"""jaxtyping's annotations, checked at run time while tests run; other types are mypy's."""

from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import numpy as np
from beartype import beartype
from jaxtyping import AbstractArray
from torch import Tensor

FOLDER = Path(find_spec("disvae").origin).parent


def shaped_modules() -> list[str]:
    """Name the modules whose shapes are there at run time; Numba cannot compile what is checked."""
    texts = {path: path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.py")}
    return [
        ".".join(path.relative_to(FOLDER.parent).with_suffix("").parts)
        for path, text in texts.items()
        if "\nfrom jaxtyping import" in text and "import compiled\n" not in text
    ]


def check_shapes(function):
    """Check those arguments and results of a function whose types say a shape."""
    annotations = getattr(function, "__annotations__", {})
    shaped = {name: kind for name, kind in annotations.items() if has_shape(kind)}
    if not shaped or isinstance(function, type):
        return function
    function.__annotations__ = shaped
    checked = beartype(function)
    function.__annotations__ = checked.__annotations__ = annotations  # others read them
    return checked


def has_shape(kind) -> bool:
    """Whether a type says the shape of an array; what users may give in any form does not."""
    if isinstance(kind, type) and issubclass(kind, AbstractArray):
        return kind.array_type in (np.ndarray, Tensor)
    return any(map(has_shape, get_args(kind)))
