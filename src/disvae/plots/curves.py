"""Curves of the terms over the epochs of training."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from disvae.options import PlotOptions
from disvae.plots.figures import BLUE, new_figure, to_image, whole_numbers
from disvae.plots.opened import Opened
from disvae.run import Run
from disvae.validation import checked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLES = {
    "loss": "loss",
    "recon_loss": "reconstruction",
    "kl_loss": "KL",
    "mi_loss": "index-code mutual information",
    "tc_loss": "total correlation",
    "dw_kl_loss": "dimension-wise KL",
    "discrim_loss": "discriminator",
}
_N_COLS = 3
_LOG_ABOVE = 10  # ratio of largest to smallest value from which a log scale shows more
_MOST_NAMED = 12  # latents that a legend has room for


def losses(run: Run | Opened, **options: Any) -> Image.Image:
    """Draw the terms of training, one panel a term, epochs on the axis.

    A term that is positive and falls or rises tenfold has a logarithmic axis. The KLs of
    the latents share the last panel, largest first.

    Parameters
    ----------
    run
        A run.
    **options
        Of `disvae.options.PlotOptions`, as for every plot; none matters here.

    Raises
    ------
    UserError
        If the run has no ``train_losses.log``.
    """
    return to_image(losses_figure(run, **options))


def losses_figure(run: Run | Opened, **options: Any) -> "Figure":
    """Draw `losses` as a Matplotlib figure."""
    run = Opened.of(run, checked(PlotOptions, options).data_dir).run
    terms = run.losses
    latents = {name: values for name, values in terms.items() if name.startswith("kl_loss_")}
    named = [name for name in _TITLES if name in terms]
    named += [name for name in terms if name not in named and name not in latents]
    n_panels = len(named) + bool(latents)
    n_rows = -(-n_panels // _N_COLS)
    figure, axes = new_figure(n_rows, _N_COLS, 9, 2.3 * n_rows)
    for panel, name in zip(axes.flat, named, strict=False):
        _curve(panel, terms[name], color=BLUE)
        panel.set_title(_TITLES.get(name, name))
        if _tenfold(terms[name]):
            panel.set_yscale("log")
    if latents:
        _latent_panel(axes.flat[len(named)], latents)
    for panel in axes.flat[n_panels:]:
        panel.set_visible(False)
    for panel in axes[:, 0]:
        panel.set_ylabel("nats an image")
    for panel in axes.flat[max(0, n_panels - _N_COLS) : n_panels]:
        panel.set_xlabel("epoch")
    figure.suptitle(f"{run.name}: {run.options.loss} on {run.options.dataset}")
    return figure


def _curve(panel: "Axes", values: Float[np.ndarray, "epochs"], **style: Any) -> None:
    epochs = np.arange(1, len(values) + 1)
    marker = "o" if len(values) < 10 else None  # a line of one point would be invisible
    panel.plot(epochs, values, marker=marker, markersize=3, **style)
    panel.grid(alpha=0.3)
    whole_numbers(panel)


def _latent_panel(panel: "Axes", latents: dict[str, Float[np.ndarray, "epochs"]]) -> None:
    from matplotlib import colormaps

    order = sorted(latents, key=lambda name: -latents[name][-1])
    colours = colormaps["viridis"](np.linspace(0, 0.9, len(order)))
    for rank, name in enumerate(order):
        label = f"z{name.removeprefix('kl_loss_')}" if rank < _MOST_NAMED else None
        _curve(panel, latents[name], color=colours[rank], linewidth=1.2, label=label)
    panel.set_title("KL of each latent")
    panel.legend(
        loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=7, handlelength=1
    )


def _tenfold(values: Float[np.ndarray, "epochs"]) -> bool:
    return bool(values.min() > 0 and values.max() > _LOG_ABOVE * values.min())
