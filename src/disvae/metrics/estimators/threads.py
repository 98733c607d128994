"""One way to spread work over cores."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Int

T = TypeVar("T")
Spread = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], list[Any]]


def cores() -> int:
    """Count the cores that this process may use."""
    from joblib import cpu_count  # type: ignore[import-untyped]

    return cpu_count()


@contextmanager
def threads(count: int) -> Iterator[Spread]:
    """Give a function that calls another with each of several tuples, on `count` threads.

    Threads suffice: NumPy's, scikit-learn's and our inner loops release the interpreter's lock.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # The products here are small: threads inside each, on top of ours, cost more than they give.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(count) as pool:
        yield lambda run, arguments: list(pool.map(lambda each: run(*each), arguments))


def in_threads(
    run: Callable[..., T], arguments: Sequence[tuple[Any, ...]], most: int | None = None
) -> list[T]:
    """Call `run` with each tuple on all cores it may use, or on at most so many, in order."""
    with threads(min(cores(), max(1, len(arguments)), most or cores())) as spread:
        return spread(run, arguments)


def costly_first(factors: Int[np.ndarray, "N K"]) -> list[int]:
    """Order factors, those of many values first, so that none is left alone at the end."""
    order: list[int] = np.argsort(-factors.max(axis=0), kind="stable").tolist()
    return order


def of_factors(run: Callable[[int], T], factors: Int[np.ndarray, "N K"]) -> list[T]:
    """Call `run` with each factor's number on all cores; the results are in order."""
    order = costly_first(factors)
    found = dict(zip(order, in_threads(run, [(k,) for k in order]), strict=True))
    return [found[k] for k in range(len(order))]
