"""Curves of the terms over the epochs of training."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from disvae.errors import UserError
from disvae.options import PlotOptions
from disvae.plots.figures import BLUE, LIGHT, new_figure, number_epochs, to_image
from disvae.plots.opened import Opened
from disvae.runs.run import Run
from disvae.types import checked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLES = {
    "loss": "loss",
    "recon_loss": "reconstruction",
    "kl_loss": "KL",
    "mi_loss": "index-code MI",
    "tc_loss": "total correlation",
    "dw_kl_loss": "dimension-wise KL",
    "discrim_loss": "discriminator",
}
_N_COLS = 3
_LATENTS = "latents"
_LOG_ABOVE = 10  # ratio of largest to smallest value from which a log scale shows more
_MOST_NAMED = 10  # latents with a colour of their own


def losses(run: Run | Opened, **options: Any) -> Image.Image:
    """Draw the terms of training, one panel a term, epochs on the axis.

    A term that is positive and falls or rises tenfold has a logarithmic axis. The KLs of
    the latents share the last panel, largest first.

    Parameters
    ----------
    run, **options
        See `disvae.plots`; no option matters here.
    """
    return to_image(losses_figure(run, **options))


def losses_figure(run: Run | Opened, **options: Any) -> "Figure":
    """Draw `losses` as a Matplotlib figure."""
    run = Opened.of(run, checked(PlotOptions, options).data_dir).run
    terms = run.losses
    if not terms:
        raise UserError(f"{run.path / 'train_losses.log'} holds no epoch yet; train on.")
    latents = {name: values for name, values in terms.items() if name.startswith("kl_loss_")}
    named = [name for name in _TITLES if name in terms]
    named += [name for name in terms if name not in named and name not in latents]
    rows = [named[start : start + _N_COLS] for start in range(0, len(named), _N_COLS)]
    mosaic = [row + ["."] * (_N_COLS - len(row)) for row in rows]
    if latents:  # in a row of their own
        mosaic.append([_LATENTS] * _N_COLS)
    figure, panels = new_figure(mosaic, 9, 2.2 * len(mosaic))
    for name in named:
        _curve(panels[name], terms[name], color=BLUE)
        panels[name].set_title(_TITLES.get(name, name))
        if terms[name].min() > 0 and terms[name].max() > _LOG_ABOVE * terms[name].min():
            panels[name].set_yscale("log")
    if latents:
        _latent_panel(panels[_LATENTS], latents)
    for row in rows:
        panels[row[0]].set_ylabel("nats per image")
    for name in [_LATENTS] if latents else rows[-1]:
        panels[name].set_xlabel("epoch")
    figure.suptitle(f"{run.name}: {run.options.loss} on {run.options.dataset}")
    return figure


def _curve(panel: "Axes", values: Float[np.ndarray, "epochs"], **style: Any) -> None:
    n_epochs = len(values)
    marker = "o" if n_epochs < 10 else None  # a line of one point would be invisible
    epochs = np.arange(1, n_epochs + 1)
    panel.plot(epochs, values, marker=marker, markersize=3, linewidth=1, **style)
    panel.grid(alpha=0.3)
    number_epochs(panel, n_epochs)


def _latent_panel(panel: "Axes", latents: dict[str, Float[np.ndarray, "epochs"]]) -> None:
    order = sorted(latents, key=lambda name: -latents[name][-1])
    for rank, name in reversed(list(enumerate(order))):  # the largest above the others
        label = f"z{name.removeprefix('kl_loss_')}" if rank < _MOST_NAMED else None
        colour = f"C{rank}" if rank < _MOST_NAMED else LIGHT
        _curve(panel, latents[name], color=colour, label=label)
    panel.set_ylabel("KL of each latent\nnats per image")
    handles, labels = panel.get_legend_handles_labels()
    panel.legend(
        handles[::-1],
        labels[::-1],
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        ncols=_MOST_NAMED,
        frameon=False,
        handlelength=1,
        columnspacing=1.5,
    )
