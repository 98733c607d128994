"""Runs of a folder, such as a sweep's, as a table."""

from collections.abc import Sequence
from typing import Any

from disvae.explore import evidence
from disvae.runs.run import Run

_NEVER_SHOWN = {
    "results_dir", "data_dir", "device", "log_level", "no_progress_bar", "no_cuda", "split",
    "is_eval_only", "is_metrics", "no_test", "eval_batchsize", "checkpoint_every",
    "checkpoint_minutes", "no_extend",
}  # fmt: skip


def table(runs: Sequence[Run]) -> dict[str, Any]:
    """Describe runs by what differs between them: options, scores, test losses."""
    described = [evidence.options(run) for run in runs]
    names = dict.fromkeys(name for options in described for name in options)
    differing = [
        name
        for name in names
        if name not in _NEVER_SHOWN and len({options.get(name) for options in described}) > 1
    ]
    rows, numbers = [], dict[str, None]()
    for place, (run, options) in enumerate(zip(runs, described, strict=True)):
        scored = {score["name"]: score["value"] for score in evidence.scores(run)}
        values = {**scored, **evidence.test_losses(run)}
        numbers |= dict.fromkeys(values)
        rows.append(
            {
                "number": place,
                "name": run.name,
                "state": _state(run),
                "options": {name: options.get(name, "") for name in differing},
                "values": values,
            }
        )
    return {"options": differing, "numbers": list(numbers), "rows": rows}


def _state(run: Run) -> str:
    if not run.path.is_dir():
        return "gone"
    if run.is_trained:
        return "trained"
    return "in training" if run.checkpoint.exists() else "not trained"
