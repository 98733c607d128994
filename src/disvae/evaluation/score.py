"""The scores of a finished run."""

import logging
from collections.abc import Sequence
from typing import Any

from disvae import metrics
from disvae.devices.fabric import make_fabric
from disvae.options import Computing, ScoreOptions
from disvae.plots.matrices import write_matrices
from disvae.runs.run import Run

logger = logging.getLogger("disvae")


def score(
    run: Run,
    where: Computing,
    names: Sequence[metrics.Wanted],
    how: ScoreOptions = ScoreOptions(),  # noqa: B008
) -> dict[str, Any]:
    """Compute scores of a finished run; write them to ``metrics.log``, and their matrices.

    `where` says on which device, and by which seed scores sample. `names` are scores, the user's
    own as functions, or ``("all",)``; `how` has all else. What is returned and refused is as in
    `disvae.metrics.evaluate`.
    """
    chosen: dict[str, Any] = {
        "seed": where.seed,
        "repeats": how.repeats,
        "settings": how.settings,
        "factor_subset": how.metric_factors or None,
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
