"""The table that every score reads."""

import errno
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from disvae.errors import UserError
from disvae.metrics.arrays import (
    CodeArray,
    FactorArray,
    as_codes,
    as_logvar,
    as_rows,
    factor_values,
)
from disvae.storage.files import memory, replacing, require_regular

_SHARE = 8  # of the memory, that codes may fill: scores hold a few times as much


@dataclass(frozen=True, eq=False)
class Codes:
    """What the encoder says of a dataset: the table that every score reads.

    Posterior means and their log variances (or None: then the scores that read widths cannot be
    had) and the true factors (or None), each with one row per image; and a name a factor ("0",
    "1", ... if not given). Shapes that do not match, NaN, fewer than 2 images, or names that do
    not fit the factors are a `UserError`.
    """

    mean: CodeArray
    logvar: CodeArray | None = None
    factors: FactorArray | None = None
    factor_names: Sequence[str] = ()

    def __post_init__(self) -> None:
        mean = as_codes(self.mean, "mean")
        set_once = object.__setattr__
        set_once(self, "mean", _read_only(mean))
        if self.logvar is not None:
            set_once(self, "logvar", _read_only(as_logvar(self.logvar, mean)))
        names = tuple(self.factor_names)
        if self.factors is None:
            if names:
                raise UserError("factor_names were given without factors: give both or neither.")
            return
        factors = factor_values(self.factors, len(mean))
        set_once(self, "factors", _read_only(factors))
        names = names or tuple(str(k) for k in range(factors.shape[1]))
        if len(names) != factors.shape[1] or len(set(names)) != len(names):
            raise UserError(
                f"factor_names must be {factors.shape[1]} different names, one a factor, "
                f"but are {list(names)}."
            )
        set_once(self, "factor_names", names)

    @property
    def codes(self) -> CodeArray:
        """The means: most scores read nothing else."""
        return self.mean

    @property
    def provided(self) -> tuple[frozenset[str], Sequence[str]]:
        """What scores can read here beyond the codes, and the names of the factors."""
        parts = {"logvar": self.logvar, "factors": self.factors}
        there = frozenset(name for name, part in parts.items() if part is not None)
        return there, self.factor_names

    def kl(self) -> Float[np.ndarray, " D"]:
        """KL of each code's posteriors from N(0, 1), mean over images, in nats."""
        if self.logvar is None:
            raise UserError("The KL of codes needs their logvar, which these codes come without.")
        mean, logvar = np.asarray(self.mean), np.asarray(self.logvar)
        return (np.exp(logvar) + mean**2 - 1 - logvar).mean(axis=0) / 2

    def select(self, names: Sequence[str]) -> "Codes":
        """Return the same codes with some of the factors only, in the order of `names`.

        Unknown names, or none, are a `UserError`.
        """
        columns = factor_columns(names, self.factor_names)
        factors = np.asarray(self.factors)[:, columns]
        return Codes(self.mean, self.logvar, factors, tuple(names))

    def rows(self, chosen: Bool[np.ndarray, " N"]) -> "Codes":
        """Return the codes of the images that are `chosen`, with the factors that vary there.

        Raises
        ------
        UserError
            Fewer than 2 images.
        """
        mean = np.asarray(self.mean)[chosen]
        logvar = None if self.logvar is None else np.asarray(self.logvar)[chosen]
        factors = np.asarray(self.factors)[chosen] if self.factors is not None else np.empty((2, 0))
        varying: list[int] = np.flatnonzero(np.ptp(factors, axis=0)).tolist() if len(mean) else []
        if not varying:
            return Codes(mean, logvar)
        names = [self.factor_names[k] for k in varying]
        return Codes(mean, logvar, factors[:, varying], names)

    def binned(self, bins: Mapping[str, int]) -> "Codes":
        """Return the same codes with some of the factors cut into bins, so many by name.

        Bins hold about the same number of images each; equal values stay together.

        Raises
        ------
        UserError
            No factors, an unknown name, or a factor with no more values than bins.
        """
        factors = np.array(self.factors, dtype=np.float64)  # a copy
        for name, column in zip(bins, factor_columns(list(bins), self.factor_names), strict=True):
            values, counts = np.unique(factors[:, column], return_counts=True)
            if len(values) <= bins[name]:
                raise UserError(
                    f"The factor '{name}' has {len(values)} values, so {bins[name]} bins would be "
                    "no fewer; leave it out of the bins."
                )
            middles = np.cumsum(counts) - counts / 2  # rank of each value's middle image
            places = np.searchsorted(values, factors[:, column])
            factors[:, column] = (middles * bins[name] / len(factors)).astype(int)[places]
        return Codes(self.mean, self.logvar, factors, self.factor_names)


def _read_only(array: Num[np.ndarray, "..."]) -> Num[np.ndarray, "..."]:
    """Return a view through which no score can spoil what the others read."""
    view = array.view()
    view.flags.writeable = False
    return view


class Encodable(Protocol):
    """What gives codes of its dataset, whose factors have names, when asked: a run."""

    def dataset(self) -> Any: ...  # noqa: D102

    def encode(self) -> Codes: ...  # noqa: D102


def encode(run: Any, *args: Any, **options: Any) -> Codes:
    """Encode the images that a run was trained on; see `disvae.Run.encode`."""
    return run.encode(*args, **options)


def provided(dataset: Any) -> tuple[frozenset[str], Sequence[str]]:
    """Tell what scores can read, beyond the codes, of a run on `dataset`; name its factors."""
    there = {"logvar", "factors"} if dataset.factor_names else {"logvar"}
    return frozenset(there), dataset.factor_names


def factor_columns(subset: Sequence[str], factor_names: Sequence[str]) -> list[int]:
    """Return where the factors of `subset` stand among all."""
    if not factor_names:
        raise UserError("These codes have no factors, so a factor subset cannot be taken.")
    unknown = [name for name in subset if name not in factor_names]
    if unknown or not subset:
        raise UserError(
            f"There is no factor {', '.join(map(repr, unknown)) or 'in an empty subset'}; "
            f"the factors are {', '.join(factor_names)}."
        )
    return [list(factor_names).index(name) for name in subset]


def write_codes(path: Path, codes: Codes, indices: Int[np.ndarray, "N"]) -> None:
    """Write what `read_codes` reads, and the `indices` of the images, to an ``.npz`` file."""
    if path.suffix.lower() != ".npz":
        raise UserError(f"Codes go into an .npz file, but {path} is none; rename it.")
    parts = {"mean": codes.mean, "logvar": codes.logvar, "factors": codes.factors}
    arrays: dict[str, Any] = {
        name: np.asarray(part) for name, part in parts.items() if part is not None
    }
    if codes.factor_names:
        arrays["factor_names"] = np.array(codes.factor_names)
    with replacing(path) as temporary:
        np.savez(temporary, indices=indices, **arrays)


def read_codes(path: Path) -> Codes:
    """Read the codes of anyone's model from an ``.npz`` file.

    It holds ``mean [N, D]``, and optionally ``logvar [N, D]``, ``factors [N, K]`` and
    ``factor_names [K]``. If it is no such archive, or its arrays do not fit, it is a `UserError`.
    """
    arrays = _read(path, ("mean", "logvar", "factors", "factor_names"))
    given = np.atleast_1d(arrays.pop("factor_names", np.array([])))
    if given.ndim > 1:
        raise UserError(f"{path}: factor_names should be a list of names, not a table.")
    names = [str(name) for name in given]
    return Codes(**arrays, factor_names=names)


def read_means(path: Path) -> Num[np.ndarray, "N D"]:
    """Read the codes alone from such a file, however few; what is wrong is a `UserError`."""
    return as_rows(_read(path, ("mean",))["mean"], f"{path}: mean")


def _read(path: Path, known: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
    most = memory() // _SHARE
    try:
        require_regular(path, most)
        with np.load(path, allow_pickle=False) as archive:  # a piece at a time
            there = [name for name in known if name in archive]
            if (size := sum(_size(archive.zip, name) for name in there)) > most:
                raise UserError(
                    f"{path} would fill {size:,} bytes in double precision, but {most:,} are the "
                    "most, an eighth of this machine's memory; save the codes of fewer images."
                )
            arrays = {name: archive[name] for name in there}
    except FileNotFoundError:
        raise UserError(f"There is no file {path}; name an .npz file of codes.") from None
    except UserError:
        raise
    except Exception as error:  # the readers raise many kinds
        # a damaged archive may point before its beginning, which cannot be sought
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        arrays = {}
    if "mean" not in arrays:
        raise UserError(
            f"{path} is no .npz file with an array 'mean' of shape [N, D] "
            "(and optionally logvar, factors, factor_names, all without Python objects)."
        )
    return arrays


def _size(archive: zipfile.ZipFile, name: str) -> int:
    """Return the bytes of an array as scores have it, by its header alone."""
    with archive.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        earliest = np.lib.format.read_array_header_1_0
        read = earliest if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(stream)
    return math.prod(shape) * max(8, kind.itemsize)
