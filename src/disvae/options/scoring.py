"""The options of ``disvae eval`` and ``disvae score``."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from disvae.options.common import SCORES, option
from disvae.types import Count


def _names(value: Any) -> Any:
    """Split names that are typed as one word, with commas."""
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        return value  # pydantic says what is wrong with it
    return tuple(name.strip() for word in words for name in word.split(",") if name.strip())


def _assignments(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        if not re.fullmatch(r"\w+\.\w+=.+", word):
            raise ValueError(f"{word!r} should be SCORE.SETTING=VALUE, as dci.num_train=5000")
    return words


def _counts(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        if not re.fullmatch(r"[^=]+=([2-9]|[1-9]\d{1,3})", word):
            raise ValueError(f"{word!r} should be NAME=BINS with 2 to 9,999 bins, as angle=20")
    return words


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Assignments = Annotated[Names, AfterValidator(_assignments)]


class ScoreOptions(BaseModel):
    """Which scores to compute, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metrics: Annotated[
        Names, option(SCORES, "Scores to compute, as all or mig,dci,...; --list explains each.")
    ] = ()
    metric_factors: Annotated[
        Names, option(SCORES, "Factors to score, as scale,orientation,posX,posY; default: all.")
    ] = ()
    bin_factors: Annotated[
        Annotated[Names, AfterValidator(_counts)],
        option(SCORES, "Continuous factors to cut into so many bins first, as angle=20,size=10."),
    ] = ()
    metric_settings: Annotated[
        Assignments,
        option(
            SCORES, "Settings of scores, as dci.num_train=5000,binned_mig.bins=10; --list has them."
        ),
    ] = ()
    repeats: Annotated[
        Count, option(SCORES, "How often sampled scores are repeated, for their spread.")
    ] = 1

    @property
    def bins(self) -> dict[str, int]:
        """The numbers of bins of the factors to cut, by name."""
        return {name: int(count) for name, _, count in (w.partition("=") for w in self.bin_factors)}

    @property
    def settings(self) -> dict[str, dict[str, str | None]]:
        """The settings of each score, by names, with their values as typed."""
        found: dict[str, dict[str, str | None]] = {}
        for word in self.metric_settings:
            score, setting, value = re.split(r"[.=]", word, maxsplit=2)
            found.setdefault(score, {})[setting] = None if value.lower() == "none" else value
        return found
