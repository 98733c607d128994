"""Plots of a run; each returns a Pillow image or frames, so that notebooks show it."""

from disvae.plots.animations import gif_traversals, write_animation
from disvae.plots.curves import losses
from disvae.plots.histograms import latents
from disvae.plots.matrices import matrix
from disvae.plots.montage import grid
from disvae.plots.notebook import run_html
from disvae.plots.opened import Opened
from disvae.plots.samples import data_samples, generate_samples, reconstruct
from disvae.plots.traversals import reconstruct_traverse, traversals
from disvae.runs.run import Run

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

# notebooks show a run by its traversals; runs themselves know nothing of plots
Run._repr_html_ = run_html  # type: ignore[attr-defined]
