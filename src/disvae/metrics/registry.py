"""Every score by name."""

from importlib import import_module

from disvae.errors import UserError
from disvae.metrics.score import Score

_MODULES = (  # of `disvae.metrics.scores`; their scores are listed and computed in this order
    "gap",
    "binned_mig",
    "intervention",
    "dci",
    "sap",
    "modularity",
    "irs",
    "infomec",
    "histogram",
    "dependence",
    "udr",
)


def declared(module: str) -> list[Score]:
    """Return the scores that a module declares, in its order."""
    found = [getattr(value, "score", None) for value in vars(import_module(module)).values()]
    scores = [score for score in found if isinstance(score, Score)]
    return [score for score in scores if score.function.__module__ == module]


SCORES: dict[str, Score] = {
    score.name: score
    for module in _MODULES
    for score in declared(f"disvae.metrics.scores.{module}")
}


def find(name: str) -> Score:
    """Return a score by name.

    Raises
    ------
    UserError
        Unknown name; lists the known ones.
    """
    if name not in SCORES:
        raise UserError(f"There is no score {name!r}; the scores are {', '.join(SCORES)}.")
    return SCORES[name]
