"""Plots of a run; each returns a Pillow image or frames, so that notebooks show it.

Those of a run take a `disvae.Run`, or an `Opened` that several share, and as keywords the
options of `disvae.options.PlotOptions`. They raise `UserError` if an option is bad (as an
`n_rows` beyond the number of latents) or the run lacks the weights, log or images they read.
"""

from disvae.plots.animations import gif_traversals, write_animation
from disvae.plots.diagrams import latents, losses
from disvae.plots.matrices import matrix
from disvae.plots.montage import grid
from disvae.plots.opened import Opened
from disvae.plots.samples import data_samples, generate_samples, reconstruct
from disvae.plots.traversals import reconstruct_traverse, traversals

__all__ = [
    "Opened",
    "data_samples",
    "generate_samples",
    "gif_traversals",
    "grid",
    "latents",
    "losses",
    "matrix",
    "reconstruct",
    "reconstruct_traverse",
    "traversals",
    "write_animation",
]
