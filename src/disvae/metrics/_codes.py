"""The table that every score reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Num

from disvae.errors import UserError
from disvae.metrics._arrays import ArrayLike, as_codes, as_logvar, factor_values


@dataclass(frozen=True, eq=False)
class Codes:
    """What the encoder says of a dataset: the table that every score reads.

    Attributes
    ----------
    mean
        Posterior means, one row an image.
    logvar
        Posterior log variances, or None: then the scores that read widths cannot be had.
    factors
        True factors, one row an image, or None.
    factor_names
        One name a factor; "0", "1", ... if not given.

    Raises
    ------
    UserError
        Shapes that do not match, NaN, fewer than 2 images, names that do not fit the factors.
    """

    mean: Num[ArrayLike, "N D"]
    logvar: Num[ArrayLike, "N D"] | None = None
    factors: Num[ArrayLike, "N K"] | None = None
    factor_names: Sequence[str] = ()

    def __post_init__(self) -> None:
        mean = as_codes(self.mean, "mean")
        set_once = object.__setattr__
        set_once(self, "mean", mean)
        if self.logvar is not None:
            set_once(self, "logvar", as_logvar(self.logvar, mean))
        names = tuple(self.factor_names)
        if self.factors is None:
            if names:
                raise UserError("factor_names were given without factors: give both or neither.")
            return
        factors = factor_values(self.factors, len(mean))
        set_once(self, "factors", factors)
        names = names or tuple(str(k) for k in range(factors.shape[1]))
        if len(names) != factors.shape[1] or len(set(names)) != len(names):
            raise UserError(
                f"factor_names must be {factors.shape[1]} different names, one a factor, "
                f"but are {list(names)}."
            )
        set_once(self, "factor_names", names)

    @property
    def provides(self) -> frozenset[str]:
        """What scores can read here beyond the codes."""
        parts = {"logvar": self.logvar, "factors": self.factors}
        return frozenset(name for name, part in parts.items() if part is not None)

    def select(self, names: Sequence[str]) -> "Codes":
        """Return the same codes with some of the factors only, in the order of `names`.

        Raises
        ------
        UserError
            No factors, no name, or an unknown name.
        """
        if self.factors is None:
            raise UserError("These codes have no factors, so a factor subset cannot be taken.")
        unknown = [name for name in names if name not in self.factor_names]
        if unknown or not names:
            raise UserError(
                f"There is no factor {', '.join(map(repr, unknown)) or 'in an empty subset'}; "
                f"the factors are {', '.join(self.factor_names)}."
            )
        columns = [list(self.factor_names).index(name) for name in names]
        factors = np.asarray(self.factors)[:, columns]
        return Codes(self.mean, self.logvar, factors, tuple(names))
