"""What several scores need of the same arrays is computed once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_MEMORY: ContextVar[dict[Any, Any] | None] = ContextVar("memory", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """Within, `shared` functions keep what they found; arrays must not change meanwhile."""
    token = _MEMORY.set({})
    try:
        yield
    finally:
        _MEMORY.reset(token)


def shared(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate what scores have in common: within `remembering` it is computed once an input."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        memory = _MEMORY.get()
        if memory is None:
            return function(*args, **kwargs)
        plain = int | float | str | None
        key = (function, *(a if isinstance(a, plain) else id(a) for a in args), *kwargs.items())
        if key not in memory:
            memory[key] = function(*args, **kwargs), args  # kept: an id is good for a lifetime
        found: T = memory[key][0]
        return found

    return call
