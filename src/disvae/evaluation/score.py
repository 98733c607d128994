"""The scores of a finished run."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from disvae import metrics
from disvae.data.batches import fixed_part
from disvae.data.dataset import Dataset
from disvae.data.regime import ALL, Regime
from disvae.devices.fabric import make_fabric
from disvae.errors import UserError
from disvae.metrics.arrays import require_varied
from disvae.metrics.codes import Codes
from disvae.metrics.continuous import tell_of_continuous
from disvae.options import Computing, ScoreOptions
from disvae.plots.matrices import write_matrices
from disvae.runs.encode import encode
from disvae.runs.run import Run

logger = logging.getLogger("disvae")
_ENTANGLEMENT = "pairwise_entanglement"


def score(
    run: Run,
    where: Computing,
    names: Sequence[metrics.Wanted],
    how: ScoreOptions = ScoreOptions(),  # noqa: B008
) -> dict[str, Any]:
    """Compute scores of a finished run; write them to ``metrics.log``, and their matrices.

    `where` says on which device, and by which seed scores sample. `names` are scores, the user's
    own as functions, or ``("all",)``; `how` has all else. What is returned and refused is as in
    `disvae.metrics.evaluate`. All images count, each once, however training drew them, or
    ``where.metrics_images`` of them that are always the same, which the settings of each score
    then say; beside that stand the scores of `parts`, as ``held_out.mig``.
    """
    run.outputs.require_own()
    dataset = run.dataset(where.data_dir)
    chosen: dict[str, Any] = {"seed": where.seed, "repeats": how.repeats, "settings": how.settings}
    subset, regime = how.metric_factors or None, run.options.regime
    first = {**chosen, "settings": _of_correlations(regime, names, how.settings)}
    first |= {"factor_subset": subset, "factor_bins": how.bins}
    images = fixed_part(len(dataset), where.metrics_images)
    planned = metrics.plan(names, *metrics.provided(dataset), **first)
    if any("factors" in each.needs for each, _ in planned):  # said before images are encoded
        sizes = dict(zip(dataset.factor_names, dataset.factor_sizes, strict=True))
        wanted = subset or dataset.factor_names
        tell_of_continuous(wanted, [sizes[name] for name in wanted], len(images), how.bins)
        if dataset.factors is not None and len(images) < len(dataset):
            columns = [dataset.factor_names.index(name) for name in wanted]
            require_varied(dataset.factors[images][:, columns], wanted)
    device = make_fabric(where).device
    batch_size, bar = run.options.eval_batchsize, not where.no_progress_bar
    logger.info(
        "Scores of %s of %s images (fewer by --metrics-images)%s",
        f"{len(images):,}", f"{len(dataset):,}",
        ", however training drew them" if regime else "",
    )  # fmt: skip
    trained = f" in {run.path} after step {run.steps:,}"
    table = encode(run.model, dataset, device, batch_size, bar, images, True, trained)
    results = metrics.evaluate(
        table,
        names,
        **first,
        progress=lambda name, number, total: logger.info(
            "Score %d/%d: %s", number + 1, total, name
        ),
    )
    scored = table.binned(how.bins) if how.bins else table
    scored = scored.select(subset) if subset else scored
    for part, taken_from in parts(regime, dataset, images, scored.factor_names):
        try:
            found = metrics.evaluate(taken_from(scored), names, **chosen)
        except UserError as error:  # too few images for some score
            logger.warning("No scores of %s: %s", part, error)
            continue
        results |= {f"{part}.{key}": one for key, one in found.items() if isinstance(one, dict)}
    if len(images) < len(dataset):
        for one in results.values():
            if isinstance(one, dict):
                one["settings"]["images"] = len(images)
    run.merge_metrics(results)
    write_matrices(run.outputs.file, results, table.kl(), [score for score, _ in planned])
    return results


def parts(
    regime: Regime,
    dataset: Dataset,
    images: Int[np.ndarray, "n"],
    factor_names: Sequence[str],
) -> Iterator[tuple[str, Callable[[Codes], Codes]]]:
    """Yield what else is scored of a run whose training drew images by `regime`, and how it is had.

    It is had from the codes of `images`, by their indices.

    ``held_out`` and ``rest``: the images that were held out, and the others; by the factors that
    vary there. ``uncorrelated``: all of them, without the factors that were correlated.
    """
    if regime.conditions:
        held_out = regime.is_held_out(dataset)[images]
        yield "held_out", lambda table: table.rows(held_out)
        yield "rest", lambda table: table.rows(~held_out)
    kept = [name for name in factor_names if name not in regime.correlated]
    if regime.correlations and kept and ALL not in regime.correlated:
        yield "uncorrelated", lambda table: table.select(kept)


def _of_correlations(
    regime: Regime, names: Sequence[metrics.Wanted], settings: metrics.Settings
) -> metrics.Settings:
    """Let the entanglement of pairs be that of the correlated ones, unless others were named."""
    pairs = " & ".join(f"{first}:{second}" for first, second, _ in regime.correlations)
    if not pairs or ALL in regime.correlated or not {"all", _ENTANGLEMENT} & {*names}:
        return settings
    return {**settings, _ENTANGLEMENT: {"pairs": pairs, **settings.get(_ENTANGLEMENT, {})}}
