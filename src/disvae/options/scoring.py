"""The options of ``disvae eval`` and ``disvae score``."""

from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import BaseModel, BeforeValidator, ConfigDict

from disvae.options.common import SCORES
from disvae.validation import Count


def _names(value: Any) -> Any:
    """Split names that are typed as one word, with commas."""
    words = [value] if isinstance(value, str) else value
    return tuple(name.strip() for word in words for name in word.split(",") if name.strip())


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


class ScoreOptions(BaseModel):
    """Which scores to compute, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metrics: Annotated[
        Names,
        Parameter(
            group=SCORES,
            negative="",
            help="Scores to compute, as all or mig,dci,...; --list explains each.",
        ),
    ] = ()
    metric_factors: Annotated[
        Names,
        Parameter(
            group=SCORES,
            negative="",
            help="Factors to score, as scale,orientation,posX,posY; default: all.",
        ),
    ] = ()
    repeats: Annotated[
        Count,
        Parameter(group=SCORES, help="How often sampled scores are repeated, for their spread."),
    ] = 1
