"""Plots of a run; each returns a Pillow image or frames, so that notebooks show it.

``traversals.figure(...)``, and so for every picture, is the same as a Matplotlib figure.

Those of a run take a `disvae.Run`, or an `Opened` that several share, and as keywords the
options of `disvae.options.PlotOptions`. They raise `UserError` if an option is bad (as an
`n_rows` beyond the number of latents) or the run lacks the weights, log or images they read.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from disvae.plots.animations import gif_traversals, write_animation
    from disvae.plots.diagrams import latents, losses
    from disvae.plots.matrices import matrix
    from disvae.plots.montage import grid
    from disvae.plots.opened import Opened
    from disvae.plots.samples import data_samples, decoded, generate_samples, reconstruct
    from disvae.plots.walks import reconstruct_traverse, traversals

__all__ = [
    "Opened", "data_samples", "decoded", "generate_samples", "gif_traversals", "grid", "latents",
    "losses", "matrix", "reconstruct", "reconstruct_traverse", "traversals", "write_animation",
]  # fmt: skip

_HOMES = {
    "animations": ("gif_traversals", "write_animation"),
    "diagrams": ("latents", "losses"),
    "matrices": ("matrix",),
    "montage": ("grid",),
    "opened": ("Opened",),
    "samples": ("data_samples", "decoded", "generate_samples", "reconstruct"),
    "walks": ("reconstruct_traverse", "traversals"),
}


def __getattr__(name: str) -> Any:
    """Import plots when they are first asked for: the command line reads their registry alone."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"disvae.plots.{module}"), name)
    raise AttributeError(f"module 'disvae.plots' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
