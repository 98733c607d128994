"""Plots of a run; each returns a Pillow image, so that notebooks show it."""

from disvae.plots.reconstructions import data_samples, reconstruct
from disvae.plots.traversals import traversals

__all__ = ["data_samples", "reconstruct", "traversals"]
