"""The scores of a finished run."""

import logging
from collections.abc import Sequence
from typing import Any

from disvae import metrics
from disvae.devices.fabric import make_fabric
from disvae.options import Computing
from disvae.plots.matrices import write_matrices
from disvae.runs.run import Run

logger = logging.getLogger("disvae")
DOCUMENTED = ("mig", "aam")  # the scores of --is-metrics


def score(
    run: Run,
    where: Computing,
    names: Sequence[metrics.Wanted] = DOCUMENTED,
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
        Scores, or ``("all",)``; see `disvae.metrics.evaluate`.
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
    planned = metrics.plan(names, *metrics.provided(run.dataset(where.data_dir)), **chosen)
    device = make_fabric(where).device
    batch_size, bar = run.options.eval_batchsize, not where.no_progress_bar
    table = run.encode(where.data_dir, device, batch_size, bar)
    results = metrics.evaluate(
        table,
        names,
        **chosen,
        progress=lambda name, number, total: logger.info(
            "Score %d/%d: %s", number + 1, total, name
        ),
    )
    run.merge_metrics(results)
    write_matrices(run.path, results, table.kl(), [score for score, _ in planned])
    return results
