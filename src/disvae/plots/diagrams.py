"""Diagrams of a run: its terms over the epochs, and what each latent says."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Num

from disvae.data.batches import batches
from disvae.errors import UserError
from disvae.options import PlotOptions
from disvae.plots.figures import BLUE, GREY, LIGHT, new_figure, plain, shown
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
_MOST_PANELS = 30
_MANY_EPOCHS = 100  # from which a log scale shows the first, in which most happens
_LATENTS = "latents"
_SCORES = "scores"
_LOG_ABOVE = 10  # ratio of largest to smallest value from which a log scale shows more
_MOST_NAMED = 10  # latents with a colour of their own
_N_IMAGES = 5000
_BATCH = 500
_MOST_LATENTS = 32  # that fit on a page
_BINS = np.linspace(-4, 4, 81)
_HIGHEST_DENSITY = 1.0  # the prior's is 0.4; the peak of a latent that says nothing is cut off


@shown
def losses(run: Run | Opened, **options: Any) -> "Figure":
    """Draw the terms of training, one panel a term, epochs on the axis.

    A term that is positive and falls or rises tenfold has a logarithmic axis. The losses of
    images held out for validation are dashed, beside those of training. The KLs of the latents
    share the last panel, largest first.

    Reads ``title, dpi``.
    """
    plot = checked(PlotOptions, options)
    run = run.run if isinstance(run, Opened) else run
    terms = run.losses
    if not terms:
        raise UserError(f"{run.path / 'train_losses.log'} holds no epoch yet; train on.")
    latents = {name: values for name, values in terms.items() if name.startswith("kl_loss_")}
    named = [name for name in _TITLES if name in terms]
    named += [name for name in terms if name not in named and name not in latents]
    drawn = named[:_MOST_PANELS]
    rows = [drawn[start : start + _N_COLS] for start in range(0, len(drawn), _N_COLS)]
    mosaic = [row + ["."] * (_N_COLS - len(row)) for row in rows]
    scores = run.training_scores
    wide = [name for name, there in ((_LATENTS, latents), (_SCORES, scores)) if there]
    mosaic += [[name] * _N_COLS for name in wide]
    figure, panels = new_figure(mosaic, 9, 2.2 * len(mosaic), plot.dpi)
    held_out = run.validation_losses
    for name in drawn:
        curves = [terms[name]]
        _curve(panels[name], terms[name], color=BLUE, label="training")
        if name in held_out:
            curves.append(held_out[name])
            epochs = np.arange(1, len(curves[1]) + 1)
            _line(panels[name], epochs, curves[1], color="C1", linestyle="--", label="validation")
        panels[name].set_title(plain(_TITLES.get(name, name)))
        values = np.concatenate(curves)
        if values.min() > 0 and values.max() > _LOG_ABOVE * values.min():
            panels[name].set_yscale("log")
    if both := next((name for name in drawn if name in held_out), None):
        panels[both].legend(frameon=False, fontsize="small")
    if latents:
        _latent_panel(panels[_LATENTS], latents)
    if scores:
        _score_panel(panels[_SCORES], scores, len(next(iter(terms.values()))))
    for row in rows:
        panels[row[0]].set_ylabel("nats per image")
    for name in wide[-1:] or rows[-1]:
        panels[name].set_xlabel("epoch")
    title = f"{run.name}: {run.options.loss} on {run.options.dataset}"
    if len(drawn) < len(named):
        title += f", {len(drawn)} of {len(named):,} terms"
    figure.suptitle(plain(title if plot.title is None else plot.title))
    return figure


def _curve(panel: "Axes", values: Float[np.ndarray, "epochs"], **style: Any) -> None:
    _line(panel, np.arange(1, len(values) + 1), values, **style)
    _epoch_axis(panel, len(values))


def _line(
    panel: "Axes", epochs: Num[np.ndarray, "n"], values: Float[np.ndarray, "n"], **style: Any
) -> None:
    marker = "o" if len(values) < 10 else None  # a line of one point would be invisible
    panel.plot(epochs, values, marker=marker, markersize=3, linewidth=1, **style)
    panel.grid(alpha=0.3)


def _epoch_axis(panel: "Axes", n_epochs: int) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    if n_epochs < _MANY_EPOCHS:
        panel.set_xlim(0.5, n_epochs + 0.5)
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    else:
        panel.set_xscale("log")
        panel.set_xlim(1, n_epochs)
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))


def _latent_panel(panel: "Axes", latents: dict[str, Float[np.ndarray, "epochs"]]) -> None:
    order = sorted(latents, key=lambda name: -latents[name][-1])
    for rank, name in reversed(list(enumerate(order))):  # the largest above the others
        label = plain(f"z{name.removeprefix('kl_loss_')}") if rank < _MOST_NAMED else None
        colour = f"C{rank}" if rank < _MOST_NAMED else LIGHT
        _curve(panel, latents[name], color=colour, label=label)
    panel.set_ylabel("KL of each latent\nnats per image")
    _legend_above(panel)


def _score_panel(panel: "Axes", scores: dict[str, dict[int, float]], n_epochs: int) -> None:
    for name, curve in reversed(scores.items()):
        _line(panel, 1 + np.array(list(curve)), np.array(list(curve.values())), label=plain(name))
    _epoch_axis(panel, n_epochs)
    panel.set_ylabel("scores")
    _legend_above(panel)


def _legend_above(panel: "Axes") -> None:
    panel.legend(
        reverse=True, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=_MOST_NAMED, frameon=False,
        handlelength=1, columnspacing=1.5,
    )  # fmt: skip


@shown
def latents(run: Run | Opened, **options: Any) -> "Figure":
    """Draw each latent's KL as a bar, and a histogram of its posterior means on the prior.

    Largest KL first. The means are those of 5,000 images, or of all if there are fewer.

    Reads ``title, dpi`` and ``seed``, which draws the images.
    """
    plot = checked(PlotOptions, options)
    opened = run if isinstance(run, Opened) else Opened(run, plot.data_dir)
    n_latents = opened.run.options.latent_dim
    order = np.argsort(-opened.kl, kind="stable")[:_MOST_LATENTS]
    means = _means(opened, plot.seed)
    mosaic = [[f"bar {latent}", f"histogram {latent}"] for latent in order]
    height = 0.8 + 0.45 * len(order)
    figure, panels = new_figure(mosaic, 6, height, plot.dpi, width_ratios=[2, 3])
    middle = np.linspace(_BINS[0], _BINS[-1], 200)
    prior = np.exp(-(middle**2) / 2) / np.sqrt(2 * np.pi)
    widest = 1.2 * max(float(np.nan_to_num(opened.kl).max()), 0.1)  # room for the numbers
    for latent in order.tolist():
        bar, histogram = panels[f"bar {latent}"], panels[f"histogram {latent}"]
        kl = opened.kl[latent]
        bar.barh(0, kl, color=BLUE, height=0.7)
        bar.annotate(f" {kl:.2f}", (kl, 0), va="center", fontsize=8)
        bar.set(xlim=(0, widest), ylim=(-0.5, 0.5), yticks=[0], yticklabels=[f"z{latent}"])
        bar.tick_params(axis="y", length=0)
        histogram.hist(means[:, latent], _BINS.tolist(), density=True, color=BLUE)
        histogram.plot(middle, prior, color="black", linewidth=0.9)
        histogram.set(xlim=(_BINS[0], _BINS[-1]), ylim=(0, _HIGHEST_DENSITY), yticks=[])
        histogram.spines["left"].set_visible(False)
        if latent != order[-1]:
            for panel in (bar, histogram):
                panel.tick_params(axis="x", length=0, labelbottom=False)
                panel.spines["bottom"].set_color(GREY)
    panels[mosaic[-1][0]].set_xlabel("KL (nats)")
    panels[mosaic[-1][1]].set_xlabel("posterior mean; line: prior")
    some = f", {len(order)} of {n_latents} latents" if len(order) < n_latents else ""
    title = f"{opened.run.name}{some}" if plot.title is None else plot.title
    figure.suptitle(plain(title))
    return figure


@torch.inference_mode()
def _means(opened: Opened, seed: int | None) -> Float[np.ndarray, "N D"]:
    dataset = opened.dataset
    some = np.random.default_rng(seed).permutation(len(dataset))[:_N_IMAGES]
    parts = batches(dataset, np.sort(some), _BATCH, torch.device("cpu"))
    return torch.cat([opened.run.model.encode(images).mean for images in parts]).numpy()
