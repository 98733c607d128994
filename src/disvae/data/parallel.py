"""Work on all cores, in order, with few results in memory at a time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None
) -> Iterator[Result]:
    """Yield ``function(item)`` for all `items`, in their order, computed by threads.

    Threads suffice where the work is done in C without Python's lock: decoding and
    resizing images, hashing, copying arrays. `items` is read only a little ahead, and waits for
    who takes the results, unlike joblib's generators. By default all cores work.
    """
    from joblib import cpu_count  # type: ignore[import-untyped]

    workers = workers or cpu_count()
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
