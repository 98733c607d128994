"""The options of plots."""

from typing import Annotated, Literal

from pydantic import Field

from disvae.options.common import PLOT, SEED_HELP, Places, option
from disvae.types import Seed

Side = Annotated[int, Field(ge=1, le=1000)]  # in images


class PlotOptions(Places):
    """The options of ``main_viz.py`` and ``disvae plot``."""

    seed: Annotated[Seed, option(PLOT, SEED_HELP, "-s")] = None
    n_rows: Annotated[
        Side, option(PLOT, "The number of rows to visualize (if applicable).", "-r")
    ] = 6
    n_cols: Annotated[
        Side, option(PLOT, "The number of columns to visualize (if applicable).", "-c")
    ] = 7
    max_traversal: Annotated[
        float,
        Field(gt=0, le=1e6, allow_inf_nan=False),
        option(
            PLOT,
            "The maximum displacement induced by a latent traversal, symmetrical. "
            "`m>=0.5` is an absolute value, `m<0.5` a quantile of the distribution: "
            "for the prior, a standard normal, `m=0.45` means `1.645`, because `2m=90%` of it "
            "lies between `-1.645` and `1.645`; the posterior has its own mean and width.",
            "-t",
        ),
    ] = 2
    idcs: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        option(
            PLOT,
            "Indices of images to put at the beginning of the samples.",
            "-i",
            consume_multiple=True,
        ),
    ] = ()
    upsample_factor: Annotated[
        int,
        Field(ge=1, le=64),
        option(PLOT, "The scale factor with which to upsample the image (if applicable).", "-u"),
    ] = 1
    is_show_loss: Annotated[
        bool, option(PLOT, "Displays the loss on the figures (if applicable).")
    ] = False
    is_posterior: Annotated[bool, option(PLOT, "Traverses the posterior instead of the prior.")] = (
        False
    )
    format: Annotated[
        Literal["png", "pdf", "svg", "gif", "webp"] | None,
        option(
            PLOT,
            "Of pictures png, pdf or svg, of films gif or webp; plots of the other kind keep "
            "their default, png or gif.",
        ),
    ] = None
    title: Annotated[
        Annotated[str, Field(max_length=1000)] | None,
        option(PLOT, "Title above each picture, in place of its own if it has one."),
    ] = None
    dpi: Annotated[
        int,
        Field(ge=10, le=2400),
        option(PLOT, "Pixels per inch: the resolution of diagrams, the size of images in print."),
    ] = 150
