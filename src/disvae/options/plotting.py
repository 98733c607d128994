"""The options of plots."""

from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import Field

from disvae.options.common import PLOT, SEED_HELP, Places, flag
from disvae.types import Seed


class PlotOptions(Places):
    """The options of ``main_viz.py`` and ``disvae plot``."""

    seed: Annotated[Seed, Parameter(alias="-s", group=PLOT, help=SEED_HELP)] = None
    n_rows: Annotated[
        Annotated[int, Field(ge=1, le=1000)],
        Parameter(alias="-r", group=PLOT, help="The number of rows to visualize (if applicable)."),
    ] = 6
    n_cols: Annotated[
        Annotated[int, Field(ge=1, le=1000)],
        Parameter(
            alias="-c", group=PLOT, help="The number of columns to visualize (if applicable)."
        ),
    ] = 7
    max_traversal: Annotated[
        Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)],
        Parameter(
            alias="-t",
            group=PLOT,
            help="The maximum displacement induced by a latent traversal, symmetrical. "
            "`m>=0.5` is an absolute value, `m<0.5` a quantile of the distribution: "
            "for the prior, a standard normal, `m=0.45` means `1.645`, because `2m=90%` of it "
            "lies between `-1.645` and `1.645`; the posterior has its own mean and width.",
        ),
    ] = 2
    idcs: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        Parameter(
            alias="-i",
            group=PLOT,
            consume_multiple=True,
            negative="",
            help="Indices of images to put at the beginning of the samples.",
        ),
    ] = ()
    upsample_factor: Annotated[
        Annotated[int, Field(ge=1, le=64)],
        Parameter(
            alias="-u",
            group=PLOT,
            help="The scale factor with which to upsample the image (if applicable).",
        ),
    ] = 1
    is_show_loss: Annotated[
        bool, flag(PLOT, "Displays the loss on the figures (if applicable).")
    ] = False
    is_posterior: Annotated[bool, flag(PLOT, "Traverses the posterior instead of the prior.")] = (
        False
    )
    format: Annotated[
        Literal["png", "pdf", "svg"], Parameter(group=PLOT, help="Of `losses` and `latents`.")
    ] = "png"
