"""Which images training draws: correlated factors, combinations of factors that are held out."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from disvae.errors import UserError

if TYPE_CHECKING:  # the command line checks these options without NumPy
    import numpy as np
    from jaxtyping import Bool, Float

    from disvae.data.dataset import Dataset

ALL = "all"  # in place of the second factor: every other one
_MOST = 32  # correlations or conditions
_LONGEST = 1000  # letters of all
_CONDITION = re.compile(r"([^&<>=!:]*[^&<>=!:\s])\s*(<=|>=|!=|=|<|>)\s*(\d{1,9}(?:\.\d{1,9})?)")
_COMPARISONS = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip
_RARE = 0.01  # of the most frequent value's share: below, a value is hardly ever drawn


class Correlation(NamedTuple):
    """Two factors that are drawn close to each other; the second may be `ALL` others."""

    first: str
    second: str
    sigma: float  # of their distance, each from 0 to 1; infinity: not correlated


class Condition(NamedTuple):
    """What the value of a factor is compared with.

    A whole number is a value's number, from 0; one with a point the place between the first
    value, 0.0, and the last, 1.0.
    """

    factor: str
    comparison: str
    number: int | float

    def values(self, size: int) -> list[bool]:
        """Tell for each of the factor's `size` values whether the condition holds."""
        compare = _COMPARISONS[self.comparison]
        if isinstance(self.number, int):
            return [compare(value, self.number) for value in range(size)]
        return [compare(value / max(1, size - 1), self.number) for value in range(size)]


def read_correlations(text: str) -> tuple[Correlation, ...]:
    """Read ``posX:posY:0.1 & shape:scale:0.4``; a `ValueError` says what is wrong."""
    found = []
    for part in _parts(text):
        names = [word.strip() for word in part.split(":")]
        try:
            first, second, sigma = names[0], names[1], float(names[2])
        except (IndexError, ValueError):
            sigma = math.nan
        if len(names) != 3 or not sigma > 0 or not all(names):
            raise ValueError(
                f"{part!r} should be FACTOR:FACTOR:SIGMA with a sigma above 0, as posX:posY:0.1"
            )
        if first == second:
            raise ValueError(f"{part!r} correlates {first} with itself; name two factors")
        found.append(Correlation(first, second, sigma))
    return tuple(found)


def read_conditions(text: str) -> tuple[Condition, ...]:
    """Read ``shape=0 & posX>0.5``; a `ValueError` says what is wrong."""
    found = []
    for part in _parts(text):
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise ValueError(
                f"{part!r} should be FACTOR, one of {' '.join(_COMPARISONS)}, and a number, as "
                "shape=0 & posX>0.5"
            )
        factor, comparison, number = match.groups()
        found.append(Condition(factor, comparison, float(number) if "." in number else int(number)))
    return tuple(found)


def _parts(text: str) -> list[str]:
    parts = [part.strip() for part in text.split("&")]
    if len(text) > _LONGEST or len(parts) > _MOST:
        raise ValueError(f"at most {_MOST} parts of {_LONGEST} letters together can be read")
    return parts


@dataclass(frozen=True)
class Regime:
    """How training draws images, where factors are known; by default each as often.

    Correlated factors (Träuble et al. 2021): an image is drawn, with replacement, in proportion
    to the product over pairs of ``exp(-(c1 - c2)^2 / (2 sigma^2))``, with the factors' places c
    from 0 to 1. Held-out combinations (Montero et al. 2021): images for which all conditions hold
    are not drawn. Scores and test losses read all images, each once.
    """

    correlations: tuple[Correlation, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.correlations or self.conditions)

    @property
    def correlated(self) -> set[str]:
        """The factors that are named in correlations, `ALL` among them if it is."""
        return {name for pair in self.correlations for name in (pair.first, pair.second)}

    def check(self, dataset: str, sizes: Mapping[str, int]) -> None:
        """Refuse what a dataset with factors of `sizes` cannot give.

        No factors; an unknown factor, or one with a single value; conditions that no value
        meets, or all do.
        """
        if self and not sizes:
            raise UserError(
                f"--correlate and --hold-out need factors, which {dataset} comes without; "
                "choose a dataset with factors (disvae data list)."
            )
        named = {condition.factor for condition in self.conditions} | self.correlated - {ALL}
        for name in sorted(named):
            if name not in sizes:
                raise UserError(f"{dataset} has no factor {name!r}; it has {', '.join(sizes)}.")
            if sizes[name] < 2:
                raise UserError(f"The factor {name} of {dataset} has one value only; leave it out.")
        if not self.conditions:
            return
        allowed = self._allowed(sizes)
        if not all(map(any, allowed.values())):
            raise UserError(f"--hold-out: no image of {dataset} meets all conditions; loosen them.")
        if all(map(all, allowed.values())):
            raise UserError(
                f"--hold-out: every image of {dataset} meets the conditions, so that nothing is "
                "left to train on; narrow them."
            )

    def drawn(self, dataset: Dataset) -> Dataset:
        """Return the images that training draws from, with how often it draws each.

        A `UserError` says if `dataset` cannot give that (see `check`), or has no image left.
        """
        if not self:
            return dataset
        self.check(dataset.name, _sizes(dataset))
        rest = self.parts(dataset)[""]
        return rest.taken(weights=self._weights(rest)) if self.correlations else rest

    def parts(self, dataset: Dataset) -> dict[str, Dataset]:
        """Return the images that are not held out as "", and those that are as "held_out".

        All of them as "" if there are no conditions.
        """
        if not self.conditions:
            return {"": dataset}
        held_out = self.is_held_out(dataset)
        parts = {"": dataset.taken(~held_out), "held_out": dataset.taken(held_out)}
        if empty := [name or "left" for name, part in parts.items() if not len(part)]:
            raise UserError(
                f"--hold-out: of the {len(dataset):,} images of {dataset.name} none is "
                f"{empty[0].replace('_', ' ')}; choose other conditions."
            )
        return parts

    def is_held_out(self, dataset: Dataset) -> Bool[np.ndarray, "N"]:
        """Tell which images meet all conditions."""
        import numpy as np

        factors, sizes = dataset.factors, _sizes(dataset)
        assert factors is not None  # noqa: S101 - see `check`
        held = np.full(len(factors), bool(self.conditions))
        for name, allowed in self._allowed(sizes).items():
            held &= np.array(allowed)[factors[:, list(sizes).index(name)]]
        return held

    def summary(self, dataset: Dataset) -> Iterator[str]:
        """Say what training draws from the whole `dataset`, a sentence each."""
        import numpy as np

        if self.conditions:
            held, total = int(self.is_held_out(dataset).sum()), len(dataset)
            yield f"{held:,} of {total:,} images are held out, {held / total:.1%}"
        if not self.correlations:
            return
        drawn = self.drawn(dataset)
        factors, weights = drawn.factors, drawn.weights
        assert factors is not None  # noqa: S101 - see `check`
        columns = dict(zip(dataset.factor_names, factors.T, strict=True))
        for first, second, sigma in self._pairs(columns):
            both = np.cov(columns[first], columns[second], aweights=weights, ddof=0)
            r = both[0, 1] / np.sqrt(both[0, 0] * both[1, 1])
            yield f"{first} and {second} are drawn with r = {r:.2f} (sigma {sigma:g})"
        for name in dataset.factor_names:
            share = np.bincount(columns[name], weights)
            if rare := np.flatnonzero(share < _RARE * share.max()).tolist():
                yield f"the values {', '.join(map(str, rare))} of {name} are hardly ever drawn"

    def _allowed(self, sizes: Mapping[str, int]) -> dict[str, list[bool]]:
        """Tell for each value of each factor that is named whether all its conditions hold."""
        allowed: dict[str, list[bool]] = {}
        for condition in self.conditions:
            holds = condition.values(sizes[condition.factor])
            before = allowed.get(condition.factor, holds)
            allowed[condition.factor] = [a and b for a, b in zip(before, holds, strict=True)]
        return allowed

    def _pairs(self, names: Mapping[str, object]) -> Iterator[tuple[str, str, float]]:
        for first, second, sigma in self.correlations:
            others = [name for name in names if name != first] if second == ALL else [second]
            yield from ((first, other, sigma) for other in others)

    def _weights(self, dataset: Dataset) -> Float[np.ndarray, "N"]:
        """Return how often each image is drawn; in sum 1."""
        import numpy as np

        factors, sizes = dataset.factors, _sizes(dataset)
        assert factors is not None  # noqa: S101 - see `check`
        places = {
            name: column / max(1, size - 1)
            for (name, size), column in zip(sizes.items(), factors.T, strict=True)
        }
        exponents = np.zeros(len(factors))
        for first, second, sigma in self._pairs(sizes):
            exponents -= ((places[first] - places[second]) / sigma) ** 2 / 2
        weights = np.exp(exponents - exponents.max())
        total: Float[np.ndarray, "N"] = weights / weights.sum()
        return total


def _sizes(dataset: Dataset) -> dict[str, int]:
    return dict(zip(dataset.factor_names, dataset.factor_sizes, strict=True))
