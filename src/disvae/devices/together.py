"""Several processes that train together: what one decides or finds, all know."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from torch import distributed

from disvae.errors import UserError

T = TypeVar("T")


def by_the_first(fabric: Fabric, act: Callable[[], T]) -> T:
    """Let the first process act, and tell all what came of it; if it fails, the others end."""
    result: Any = None
    failure: BaseException | None = None
    if fabric.is_global_zero:
        try:
            result = act()
        except BaseException as error:  # to be raised when the others know of it
            failure = error
    result, failed = fabric.broadcast((result, failure is not None))
    if failure is not None:
        raise failure
    if failed:
        raise SystemExit(0)
    told: T = result
    return told


@contextlib.contextmanager
def said_once(fabric: Fabric) -> Iterator[None]:
    """Let the others end silently where all have the same fault, which the first one says."""
    try:
        yield
    except UserError:
        if fabric.is_global_zero:
            raise
        raise SystemExit(0) from None


def gathered(fabric: Fabric, own: Any) -> list[Any]:
    """Return what each process has, in the order of their ranks: plain values, tensors of CPUs."""
    if fabric.world_size == 1:
        return [own]
    found: list[Any] = [None] * fabric.world_size
    distributed.all_gather_object(found, own)
    return found


def largest(fabric: Fabric, number: int) -> int:
    """Return the largest of the numbers that the processes have."""
    if fabric.world_size == 1:
        return number
    found = fabric.all_reduce(torch.tensor(number, device=fabric.device), reduce_op="max")
    assert isinstance(found, torch.Tensor)  # noqa: S101
    return int(found)
