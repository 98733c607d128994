"""Training, and what is kept of it: logs, weights, checkpoints, the film."""

import itertools
import logging
import shlex
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from disvae.devices.together import by_the_first, gathered, largest
from disvae.evaluation.test_losses import test_losses
from disvae.models.vae import VAE
from disvae.objectives import Moment
from disvae.options import RunOptions
from disvae.plots.animations import training_frame, write_gif
from disvae.runs.likelihood import write_likelihood
from disvae.runs.run import Run
from disvae.trackers.recording import Recording
from disvae.training import checkpoint
from disvae.training.history import History, best_epoch, epoch_without_patience
from disvae.training.interruption import Interrupted, requests_to_stop
from disvae.training.loop import Epoch, Pause, Position, Reading, train_epochs
from disvae.training.preparation import Prepared
from disvae.training.randomness import apart
from disvae.training.watching import watch

logger = logging.getLogger("disvae")
_AGREE_EVERY = 50  # steps, after which several processes ask each other whether to pause


class EpochEnd(NamedTuple):
    """What a caller of `disvae.train` is told after each epoch.

    Attributes
    ----------
    number
        Of the epoch, from 1.
    losses
        Mean of each term over its steps, nats per image.
    validation
        The terms of the held-out images, with ``val_fraction``; else empty.
    scores
        The scores computed after it, with ``metrics_every``; else empty.
    model
        The model so far, in evaluation mode.
    run
        The run, with its logs so far.
    """

    number: int
    losses: dict[str, float]
    validation: dict[str, float]
    scores: dict[str, float]
    model: VAE
    run: Run


OnEpoch = Callable[[EpochEnd], object]


def train_and_keep(
    prepared: Prepared,
    run: Run,
    recording: Recording,
    options: RunOptions,
    start: Position,
    history: History,
    on_epoch: OnEpoch | None = None,
) -> int:
    """Train from `start` to the end; the first process keeps in `run` what comes of it.

    Return the step at the end.
    """
    step = start.step
    fabric, learners = prepared.fabric, prepared.learners
    with requests_to_stop() as request:
        saved, calls = time.monotonic(), itertools.count(1)

        def pause_is_due() -> bool:
            late = time.monotonic() - saved > 60 * options.checkpoint_minutes
            due = late or request.number is not None
            if fabric.world_size == 1:
                return due
            return next(calls) % _AGREE_EVERY == 0 and largest(fabric, int(due)) > 0

        for event in () if _is_over(history, options) else train_epochs(
            fabric, learners, prepared.objective, prepared.dataset, prepared.schedule,
            not options.no_progress_bar, start, pause_is_due,
        ):  # fmt: skip
            if isinstance(event, Reading):
                recording.log("train", event.terms, event.step)
                continue
            step = event.position.step
            parts = gathered(fabric, checkpoint.own_part(fabric, learners, event.position))
            number = largest(fabric, request.number or 0)
            by_the_first(fabric, partial(_keep, run, prepared, event, parts, history, options))
            saved = time.monotonic()
            if isinstance(event, Epoch):
                recording.log("epoch", event.terms, step)
                if history.validation:
                    recording.log("validation", history.validation[-1], step)
                recording.log("scores", history.scores.get(event.number, {}), step)
            if number and not fabric.is_global_zero:
                raise SystemExit(0)
            if number:
                raise Interrupted(
                    f"stopped at step {event.position.step}; go on with: {_command_to_resume(run)}",
                    number,
                )
            if isinstance(event, Epoch):
                tell = partial(_tell, on_epoch, run, prepared, event, history, options)
                if by_the_first(fabric, tell):
                    break
    if fabric.is_global_zero:
        run.write_model(learners.bare_vae)
        write_likelihood(run, learners.critics)
        write_gif(run.path / "training.gif", history.frames(), frames_per_second=1)
        if (best := best_epoch(history.validation)) is not None:
            logger.info("The lowest validation loss is that of epoch %d: model-best.pt", best + 1)
    return step


def _keep(
    run: Run,
    prepared: Prepared,
    event: Epoch | Pause,
    parts: list[dict[str, Any]],
    history: History,
    options: RunOptions,
) -> None:
    if isinstance(event, Epoch):
        _keep_epoch(run, prepared, event, history, options)
        if not event.is_whole:  # the checkpoint is of before: training can go on inside it
            return
    checkpoint.save(
        run.checkpoint, prepared.fabric, prepared.learners, event.position, parts,
        history._asdict(),
    )  # fmt: skip


def _is_over(history: History, options: RunOptions) -> bool:
    """Whether the loss of the held-out images has not fallen for too long."""
    return epoch_without_patience(history.validation, options.patience) is not None


def _tell(
    on_epoch: OnEpoch | None,
    run: Run,
    prepared: Prepared,
    epoch: Epoch,
    history: History,
    options: RunOptions,
) -> bool:
    """Tell the caller of an epoch; return whether training ends with it."""
    if on_epoch is None:
        return _is_over(history, options)
    model = prepared.learners.bare_vae.eval()
    validation = history.validation[-1] if history.validation else {}
    scores = history.scores.get(epoch.number, {})
    told = EpochEnd(epoch.number + 1, epoch.terms, validation, scores, model, run)
    with apart(prepared.fabric.device):
        return bool(on_epoch(told)) or _is_over(history, options)


def _command_to_resume(run: Run) -> str:
    command = ["disvae", "train", run.name, "--resume"]
    if run.path.parent != RunOptions.model_fields["results_dir"].default:
        command += ["--results-dir", str(run.path.parent)]
    return shlex.join(command)


def _keep_epoch(
    run: Run, prepared: Prepared, epoch: Epoch, history: History, options: RunOptions
) -> None:
    model, done = prepared.learners.bare_vae.eval(), epoch.number + 1
    history.add(epoch.terms, training_frame(model, run.background))
    run.write_log("train_losses.log", dict(enumerate(history.log)))
    validated = _validate(run, prepared, history, options)
    told = {"loss": "loss", "recon_loss": "reconstruction", "kl_loss": "KL"}
    terms = [f"{told[k]} {v:.2f}" for k, v in epoch.terms.items() if k in told] + validated
    logger.info("Epoch %d: %s, %.0f images/s", done, ", ".join(terms), epoch.images_per_second)
    if options.metrics_every and prepared.watched is not None and done % options.metrics_every == 0:
        device = prepared.fabric.device
        history.scores[epoch.number] = watch(
            model, prepared.whole, prepared.watched, options, device, f" after epoch {done}"
        )
        run.write_log("train_metrics.log", history.scores)
    if done % options.checkpoint_every == 0:
        run.write_model(model, done)


def _validate(run: Run, prepared: Prepared, history: History, options: RunOptions) -> list[str]:
    """Compute the terms of the held-out images, at full weight; keep the best model so far."""
    if prepared.validation is None:
        return []
    learners = prepared.learners
    at = Moment(len(prepared.dataset), critics=learners.critics, state=learners.state)
    history.validation.append(
        test_losses(
            learners.bare_vae, prepared.objective, at, prepared.validation,
            options.eval_batchsize, prepared.fabric.device,
        )
    )  # fmt: skip
    run.write_log("val_losses.log", dict(enumerate(history.validation)))
    if best_epoch(history.validation) == len(history.validation) - 1:
        run.write_model(learners.bare_vae, "best")
    return [f"validation {history.validation[-1]['loss']:.2f}"]
