"""Every score by name."""

from importlib import import_module

from disvae.errors import UserError
from disvae.metrics.score import Score

_MODULES = (  # of `disvae.metrics.scores`; their scores are listed and computed in this order
    "gap", "intervention", "dci", "sap", "modularity", "irs", "infomec", "histogram", "dependence",
    "support", "entanglement", "udr",
)  # fmt: skip


SCORES: dict[str, Score] = {
    score.name: score
    for module in _MODULES
    for value in vars(import_module(f"disvae.metrics.scores.{module}")).values()
    if isinstance(score := getattr(value, "score", None), Score)
}


def find(name: str) -> Score:
    """Return a score by name."""
    if name not in SCORES:
        raise UserError(f"There is no score {name!r}; the scores are {', '.join(SCORES)}.")
    return SCORES[name]
