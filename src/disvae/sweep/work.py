"""One run of a sweep, from its options to its scores."""

import traceback
from pathlib import Path
from typing import Any, NamedTuple

from disvae.errors import UserError
from disvae.options import ScoreOptions


class Task(NamedTuple):
    """What a worker needs to know of a run.

    Attributes
    ----------
    name
        The run's name, in the sweep's folder.
    options
        Of the run: those that the sweep sets, and where things lie.
    is_trained
        Whether only scores are missing.
    scores
        What to score, and how.
    threads
        How many cores the run may use.
    """

    name: str
    options: dict[str, Any]
    is_trained: bool
    scores: ScoreOptions
    threads: int


def perform(task: Task) -> str:
    """Train and score a run; return why that failed, or an empty text."""
    import torch

    from disvae import lifecycle
    from disvae.options import resolve
    from disvae.run import open_run

    torch.set_num_threads(task.threads)
    try:
        if task.is_trained:
            run = open_run(Path(task.options["results_dir"]) / task.name)
        else:
            begun = (Path(task.options["results_dir"]) / task.name / "checkpoint.pt").exists()
            run = lifecycle.train(task.name, resume=begun, **task.options)
        scores = task.scores
        if scores.metrics:
            lifecycle.score(
                run,
                resolve(task.options),
                scores.metrics,
                scores.metric_factors,
                scores.repeats,
                scores.settings,
            )
    except UserError as error:
        return str(error)
    except Exception as error:  # one run must not end the others
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return ""
