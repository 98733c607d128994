"""One way to spread work over cores."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_threads(
    run: Callable[..., T], arguments: Sequence[tuple[int, ...]], most: int | None = None
) -> list[T]:
    """Call `run` with each tuple on all cores it may use, or on at most so many, in order.

    Threads suffice: NumPy's and scikit-learn's inner loops release the interpreter's lock.
    """
    from joblib import cpu_count  # type: ignore[import-untyped]
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    count = min(cpu_count(), len(arguments), most or len(arguments))
    # The products here are small: threads inside each, on top of ours, cost more than they give.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda each: run(*each), arguments))
