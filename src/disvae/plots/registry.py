"""Every plot that `disvae plot` draws, by name; read without PyTorch."""

from importlib import import_module
from typing import Any, NamedTuple


class Plot(NamedTuple):
    """A plot of a run: where it is drawn, the file to write, and what it shows."""

    home: str  # module of this package, and the function in it
    file: str  # without its suffix; ``{base}`` is ``prior`` or ``posterior``
    help: str
    is_film: bool = False

    @property
    def draw(self) -> Any:
        """Of a run, or an `Opened`, and options: a Pillow image, or a film's frames."""
        module, _, function = self.home.partition(":")
        return getattr(import_module(f"disvae.plots.{module}"), function)


PLOTS = {
    "generate-samples": Plot(
        "samples:generate_samples", "samples", "decoded random codes of the prior."
    ),
    "data-samples": Plot("samples:data_samples", "data_samples", "samples from the dataset."),
    "reconstruct": Plot(
        "samples:reconstruct", "reconstruct",
        "the first n-rows//2 rows are originals, the rest their reconstructions.",
    ),
    "traversals": Plot(
        "walks:traversals", "{base}_traversals",
        "traverses the n-rows most important latents, n-cols values each, of the prior or the "
        "posterior.",
    ),
    "reconstruct-traverse": Plot(
        "walks:reconstruct_traverse", "reconstruct_traverse",
        "a row of originals, a row of reconstructions, then n-rows traversals.",
    ),
    "gif-traversals": Plot(
        "animations:gif_traversals", "posterior_traversals",
        "moving posterior traversals, a row per latent, a column per image.", is_film=True,
    ),
    "losses": Plot("diagrams:losses", "losses", "the terms over the epochs."),
    "latents": Plot(
        "diagrams:latents", "latents",
        "the KL of each latent, and its means against the prior.",
    ),
}  # fmt: skip
