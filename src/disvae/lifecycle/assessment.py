"""What a finished run is worth: its test losses and its scores."""

import logging
from collections.abc import Sequence
from typing import Any

import torch

from disvae import metrics
from disvae.data import Dataset
from disvae.models import VAE
from disvae.objectives import Objective
from disvae.options import Computing
from disvae.plots.matrices import write_matrices
from disvae.run import Run
from disvae.training.setup import make_fabric, make_objective
from disvae.training.testing import test_losses

logger = logging.getLogger("disvae")
DOCUMENTED = ("mig", "aam")  # the scores of --is-metrics


def evaluate(run: Run, where: Computing) -> None:
    """Compute the test losses of a finished run, with the options saved in it.

    The terms of FactorVAE that need its discriminator, which no run keeps, are left out.

    Parameters
    ----------
    run
        The run.
    where
        On which device, and on which split of the data.
    """
    fabric = make_fabric(where)
    dataset = run.dataset(where.data_dir, where.split)
    model = run.model.to(fabric.device)
    # as in training: what is estimated is the aggregate posterior of the training images
    objective = make_objective(run.options, len(run.dataset(where.data_dir)))
    write_test_losses(run, model, objective, dataset, fabric.device, where)


def score(
    run: Run,
    where: Computing,
    names: Sequence[str] = DOCUMENTED,
    factor_subset: Sequence[str] = (),
    repeats: int = 1,
    settings: metrics.Settings | None = None,
) -> dict[str, Any]:
    """Compute scores of a finished run; write them to ``metrics.log``, and their matrices.

    Parameters
    ----------
    run
        The run.
    where
        On which device; its seed is that of the sampled scores.
    names
        Scores, or ``("all",)``; see `disvae.metrics.SCORES`.
    factor_subset
        Names of the factors to score; default: all.
    repeats, settings
        As for `disvae.metrics.evaluate`.

    Returns
    -------
    dict
        As `disvae.metrics.evaluate` gives it.

    Raises
    ------
    UserError
        If a score, setting or factor is unknown, or the dataset does not have the factors.
    """
    chosen: dict[str, Any] = {
        "seed": where.seed,
        "repeats": repeats,
        "settings": settings,
        "factor_subset": factor_subset or None,
    }
    metrics.plan(names, *metrics.provided(run.dataset(where.data_dir)), **chosen)
    device = make_fabric(where).device
    batch_size, bar = run.options.eval_batchsize, not where.no_progress_bar
    table = metrics.encode(run, where.data_dir, device, batch_size, bar)
    results = metrics.evaluate(
        table,
        names,
        **chosen,
        progress=lambda name, number, total: logger.info(
            "Score %d/%d: %s", number + 1, total, name
        ),
    )
    run.merge_metrics(results)
    write_matrices(run.path, results, table.kl())
    return results


def write_test_losses(
    run: Run,
    model: VAE,
    objective: Objective,
    dataset: Dataset,
    device: torch.device,
    where: Computing,
) -> None:
    """Compute the test losses of `model` and write them into `run`."""
    terms = test_losses(
        model,
        objective,
        dataset,
        run.options.eval_batchsize,
        device,
        not where.no_progress_bar,
    )
    run.write_test_losses(terms)
    logger.info("Test: %s", ", ".join(f"{name} {value:.4g}" for name, value in terms.items()))
