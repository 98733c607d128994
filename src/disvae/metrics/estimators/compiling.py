"""How functions of scores are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile for this machine, without Python's lock; kept on disk where that can be written.

    What is kept is renewed when the function's own file changes; after a change of another file
    that it calls into, remove the ``*.nbi`` beside it.
    """
    try:
        return cast("F", njit(cache=True, nogil=True)(function))
    except RuntimeError:
        return cast("F", njit(nogil=True)(function))
