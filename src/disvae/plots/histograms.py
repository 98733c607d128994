"""The latents: how much each says, and how its means are spread."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image

from disvae.data.batches import batches
from disvae.options import PlotOptions
from disvae.plots.figures import BLUE, GREY, new_figure, to_image
from disvae.plots.opened import Opened
from disvae.runs.run import Run
from disvae.types import checked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_N_IMAGES = 5000
_BATCH = 500
_MOST_LATENTS = 32  # that fit on a page
_BINS = np.linspace(-4, 4, 81)
_HIGHEST_DENSITY = 1.0  # the prior's is 0.4; the peak of a latent that says nothing is cut off


def latents(run: Run | Opened, **options: Any) -> Image.Image:
    """Draw each latent's KL as a bar, and a histogram of its posterior means on the prior.

    Largest KL first. The means are those of 5,000 images, or of all if there are fewer.

    Parameters
    ----------
    run, **options
        See `disvae.plots`; read is ``seed``, which draws the images.
    """
    return to_image(latents_figure(run, **options))


def latents_figure(run: Run | Opened, **options: Any) -> "Figure":
    """Draw `latents` as a Matplotlib figure."""
    plot = checked(PlotOptions, options)
    opened = Opened.of(run, plot.data_dir)
    n_latents = opened.run.options.latent_dim
    order = np.argsort(-opened.kl, kind="stable")[:_MOST_LATENTS]
    means = _means(opened, plot.seed)
    mosaic = [[f"bar {latent}", f"histogram {latent}"] for latent in order]
    height = 0.8 + 0.45 * len(order)
    figure, panels = new_figure(mosaic, 6, height, width_ratios=[2, 3])
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
    shown = f", {len(order)} of {n_latents} latents" if len(order) < n_latents else ""
    figure.suptitle(f"{opened.run.name}{shown}")
    return figure


@torch.inference_mode()
def _means(opened: Opened, seed: int | None) -> Float[np.ndarray, "N D"]:
    dataset = opened.dataset
    some = np.random.default_rng(seed).permutation(len(dataset))[:_N_IMAGES]
    parts = batches(dataset, np.sort(some), _BATCH, torch.device("cpu"))
    means: Float[np.ndarray, "N D"] = torch.cat(
        [opened.run.model.encode(images).mean for images in parts]
    ).numpy()
    return means
