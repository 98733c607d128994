"""The door: turn anyone's arrays into checked NumPy arrays, and work out once what scores share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from disvae.errors import UserError

P = ParamSpec("P")
T = TypeVar("T")

SPARSE = 8  # possible keys a row, beyond which sorting beats a table of all keys
LARGEST = 1e30  # trees read float32
TINY = 1e-140  # its square is still a number
ONE_VALUE = "Factor {} has only one value, so leave it out of the scoring."


class ArrayLike(Protocol):
    """A NumPy array, a torch tensor on any device, or whatever else NumPy can read."""

    def __array__(self) -> np.ndarray[Any, Any]:
        """Return the values as a NumPy array."""


CodeArray = Num[ArrayLike, "N D"]
FactorArray = Num[ArrayLike, "N K"]

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
        return memory[key][0]

    return call


def to_numpy(array: ArrayLike) -> np.ndarray[Any, Any]:
    """Copy a tensor to the host if need be; NumPy arrays pass through.

    Torch is recognised by its methods, so that it need not be installed.
    """
    if hasattr(array, "detach"):
        tensor = array.detach().cpu()
        # NumPy has no bfloat16; every other floating type widens without loss too.
        array = tensor.double() if tensor.is_floating_point() else tensor
    return np.asarray(array)


@shared
def as_codes(codes: CodeArray, name: str = "codes") -> Float[np.ndarray, "N D"]:
    """Check codes: two axes, at least two images and one code, all finite."""
    return as_rows(codes, name, 2)


def as_rows(codes: CodeArray, name: str = "codes", fewest: int = 1) -> Float[np.ndarray, "N D"]:
    """Check codes: two axes, at least `fewest` images and one code, all finite."""
    array = to_numpy(codes)
    if array.ndim != 2:
        raise UserError(f"{name} must have two axes, images by codes, not the shape {array.shape}.")
    if array.shape[0] < fewest or array.shape[1] < 1:
        least = f"{fewest} images and 1 code"
        raise UserError(f"{name} must hold at least {least}, but is {array.shape}.")
    if array.dtype.kind not in "fiub":
        raise UserError(f"{name} must hold real numbers, but its type is {array.dtype}.")
    # so for NaN; of half precision the bound itself would be infinite
    if not (float(array.min()) > -LARGEST and float(array.max()) < LARGEST):
        usable = (np.abs(array.astype(np.float64)) < LARGEST).all(axis=0)
        raise UserError(
            f"{name} has NaN, infinite or absurdly large values in columns "
            f"{np.flatnonzero(~usable).tolist()}: check the model that made them."
        )
    return array.astype(np.float64, copy=False)


def as_logvar(logvar: CodeArray | None, mean: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N D"]:
    """Check log variances: there, of the mean's shape, finite and of usable size."""
    if logvar is None:
        raise UserError(
            "This score reads the posterior's width: give logvar as well, or ask for a score "
            "that needs the codes only, such as binned_mig."
        )
    array = as_codes(logvar, "logvar")
    if array.shape != mean.shape:
        raise UserError(f"logvar must have the shape of mean, {mean.shape}, not {array.shape}.")
    if max(array.max(), -array.min()) > 700:
        raise UserError("logvar holds values beyond 700: give log variances, not variances.")
    return array


@shared
def as_factors(factors: FactorArray | None, n_images: int) -> Int[np.ndarray, "N K"]:
    """Check factors and number each factor's values 0, 1, ... in ascending order."""
    columns = np.ascontiguousarray(factor_values(factors, n_images).T)
    # each factor's values side by side, as they are read
    return np.stack([_number_values(column) for column in columns]).T


def factor_values(factors: FactorArray | None, n_images: int) -> Num[np.ndarray, "N K"]:
    """Check factors and keep their values, for scores that read them as numbers."""
    if factors is None:
        raise UserError(
            "This score needs the true factors: give factors, or ask for a score without, "
            "such as total_correlation."
        )
    array = to_numpy(factors)
    if array.ndim != 2 or array.shape[1] < 1:
        raise UserError(f"factors must have two axes, images by factors, not {array.shape}.")
    if array.shape[0] != n_images:
        raise UserError(
            f"factors has {array.shape[0]} rows but the codes have {n_images}: "
            "give one row of factors per image."
        )
    if array.dtype.kind not in "fiub" or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        raise UserError("factors must hold numbers, none of them NaN or infinite.")
    return array


def require_varied(factors: Int[np.ndarray, "N K"], names: Sequence[str] | None = None) -> None:
    """Refuse factors with one value, in numbered factors: nothing can be told of them."""
    for k in range(factors.shape[1]):
        if factors[:, k].max() == factors[:, k].min():
            raise UserError(ONE_VALUE.format(repr(names[k]) if names else k))


@shared
def checked(
    codes: CodeArray, factors: FactorArray
) -> tuple[Float[np.ndarray, "N D"], Int[np.ndarray, "N K"]]:
    """Check codes, number the factors' values, and see that every factor varies."""
    table = as_codes(codes)
    labels = as_factors(factors, len(table))
    require_varied(labels)
    return table, labels


def varies(codes: Float[np.ndarray, "N D"]) -> Bool[np.ndarray, " D"]:
    """Tell codes that vary from constant ones; a range whose square vanishes is constant."""
    ranges: Float[np.ndarray, " D"] = np.ptp(codes, axis=0)
    return ranges > TINY


def standardised(codes: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N D"]:
    """Scale to mean 0 and variance 1; constant codes become 0."""
    centred = codes - codes.mean(axis=0)
    # The mean of equal numbers is off by rounding, which would pass for variance.
    centred[:, ~varies(codes)] = 0
    scale = centred.std(axis=0)
    scale[scale == 0] = 1
    return centred / scale


def compact(
    keys: Int[np.ndarray, " N"], bound: int
) -> tuple[Int[np.ndarray, " unique"], Int[np.ndarray, " N"]]:
    """Return the sorted distinct keys and each key's index among them; keys lie in [0, bound)."""
    if bound > SPARSE * len(keys):
        unique, inverse = np.unique(keys, return_inverse=True)
        return unique, inverse
    present = np.zeros(bound, dtype=bool)
    present[keys] = True
    unique = np.flatnonzero(present)
    if len(unique) == bound:
        return unique, keys
    index = np.empty(bound, dtype=keys.dtype)
    index[unique] = np.arange(len(unique))
    return unique, index[keys]


def _number_values(column: Num[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
    """Replace values by their rank among the distinct ones."""
    low, high = column.min(), column.max()
    if column.dtype.kind in "iu" and int(high) - int(low) < SPARSE * len(column):
        # in its own type: unsigned ones may be larger
        shifted = (column - low).astype(np.int64, copy=False)
        return compact(shifted, int(high) - int(low) + 1)[1]
    return np.unique(column, return_inverse=True)[1]
