"""The life of a run: trained, resumed, tested, scored."""

from disvae.lifecycle.assessment import evaluate, score
from disvae.lifecycle.training import train

__all__ = ["evaluate", "score", "train"]
