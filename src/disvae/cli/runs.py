"""The commands that make runs and read them: train, eval, plot."""

import logging
from typing import Annotated, Literal

from cyclopts import Parameter

from disvae.options import GENERAL, PLOT, Options, PlotOptions

Name = Annotated[
    str,
    Parameter(group=GENERAL, help="Name of the model for storing or loading purposes."),
]
PlotType = Literal[
    "generate-samples", "data-samples", "reconstruct", "traversals", "reconstruct-traverse",
    "gif-traversals", "losses", "latents", "all",
]  # fmt: skip
Flat = Parameter(name="*")  # each field is an option of its own


def train(name: Name, /, *, options: Annotated[Options, Flat] = Options()) -> None:  # noqa: B008
    """Train and evaluate a disentangled VAE; the run is kept in `results/NAME`.

    Options that you type win over those of the experiment, which win over the defaults.
    """
    logging.getLogger("disvae").setLevel(options.log_level)
    if options.is_eval_only:
        _evaluate(name, options)
        return
    from disvae import lifecycle

    given = {field: getattr(options, field) for field in options.model_fields_set}
    run = lifecycle.train(name, **given)
    print(f"The run is in {run.path}")


def evaluate(name: Name, /, *, options: Annotated[Options, Flat] = Options()) -> None:  # noqa: B008
    """Compute the test losses of a trained model, with the options saved in its run."""
    logging.getLogger("disvae").setLevel(options.log_level)
    _evaluate(name, options)


def plot(
    name: Name,
    plots: Annotated[
        tuple[PlotType, ...],
        Parameter(
            group=PLOT,
            help="The plots to draw. `generate-samples`: decoded random codes of the prior. "
            "`data-samples`: samples from the dataset. `reconstruct`: the first n-rows//2 rows are "
            "originals, the rest their reconstructions. `traversals`: traverses the n-rows most "
            "important latents, n-cols values each, of the prior or the posterior. "
            "`reconstruct-traverse`: a row of originals, a row of reconstructions, then n-rows "
            "traversals. `gif-traversals`: moving posterior traversals, a row a latent, a column "
            "an image. `losses`: the terms over the epochs. `latents`: the KL of each latent, and "
            "its means against the prior. `all`: every plot.",
        ),
    ],
    /,
    *,
    options: Annotated[PlotOptions, Flat] = PlotOptions(),  # noqa: B008
) -> None:
    """Draw what a trained model learned; the pictures go to its run, `results/NAME`."""
    from disvae.plots.gallery import draw
    from disvae.run import open_run, run_path

    run = open_run(run_path(options.results_dir, name))
    for path in draw(run, plots, options):
        print(path)


def _evaluate(name: str, options: Options) -> None:
    from disvae import lifecycle
    from disvae.run import open_run, run_path

    run = open_run(run_path(options.results_dir, name))
    lifecycle.evaluate(run, options)
    print(f"The test losses are in {run.path / 'test_losses.log'}")
