"""A training run, from options to the last weights; and on from where it was interrupted."""

import inspect
import itertools
import logging
import secrets
import shlex
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from disvae.data.prepare import named
from disvae.devices.fabric import make_fabric
from disvae.devices.process import keep_freed_memory
from disvae.devices.together import by_the_first, gathered, largest, said_once
from disvae.errors import UserError
from disvae.evaluation.score import score
from disvae.evaluation.test_losses import record_test
from disvae.objectives import Moment
from disvae.options import INCIDENTAL, Options, RunOptions, UserCode, resolve, taken
from disvae.plots.animations import training_frame, write_gif
from disvae.runs.folder import create_run, refuse_other_folders, run_path, sole_trainer
from disvae.runs.likelihood import write_likelihood
from disvae.runs.run import Run
from disvae.storage.files import remove_rests
from disvae.training import checkpoint
from disvae.training.history import History, read_history
from disvae.training.interruption import Interrupted, requests_to_stop
from disvae.training.loop import Epoch, Pause, Position, is_on_the_way, train_epochs
from disvae.training.preparation import Prepared, prepare
from disvae.training.watching import watch

logger = logging.getLogger("disvae")
_AGREE_EVERY = 50  # steps, after which several processes ask each other whether to pause


def train(name: str, *, resume: bool = False, **options: Any) -> Run:
    """Train a VAE and write the run ``<results_dir>/<name>``; test it unless ``no_test``.

    Parameters
    ----------
    name
        Name of the run. A run of that name is kept, as a zip file, unless it is resumed.
    resume
        Go on with the run of that name, with the options that it has. It ends with the same
        weights and logs, bit for bit, as if it had not been interrupted.
    **options
        Of `disvae.options.Options`: those of the command line, with underscores. ``dataset`` can be
        a name, a path, a `Dataset`, or an array of images (see `disvae.load_dataset`).

    Raises
    ------
    UserError
        If an option is bad, the dataset cannot be had, a loss is not finite, another process
        trains that run, or there is nothing to resume.
    Interrupted
        If it was asked to stop (Ctrl-C, SIGTERM); a checkpoint is kept.

    Examples
    --------
    >>> run = disvae.train("first", dataset="dsprites", loss="btcvae")  # doctest: +SKIP
    """
    if "dataset" in options:  # an array is prepared, and stands in the options by its folder
        where, size = options.get("data_dir"), options.get("image_size")
        options["dataset"] = named(options["dataset"], where, size, options.get("fit", "stretch"))
    given, code = taken(options)
    chosen = resolve(given, code)
    path = run_path(chosen.results_dir, name)
    before = Run(path, code) if resume else None
    if before is None:
        refuse_other_folders(path)  # rather than after the data were prepared
    else:
        chosen = _options_to_go_on(before, chosen, given)
        if before.is_trained:
            return _left_alone(before)
    keep_freed_memory()
    fabric = make_fabric(chosen, chosen.precision)
    fabric.launch()
    with said_once(fabric):
        seed = fabric.broadcast(_seed(chosen, before))
        prepared = prepare(fabric, chosen, code, seed, before)
    with ExitStack() as held:

        def begin() -> bool:
            """Make the run, or take it up; return whether there is anything to train."""
            held.enter_context(sole_trainer(path))
            if before is None:
                _create(path, chosen, given, code, prepared)
                return True
            if Run(path).specs != before.specs:  # another process may have had it until now
                raise UserError(f"Another process began {path} anew; resume it again.")
            remove_rests(path, {".pt", ".log", ".gif"})
            return not before.is_trained

        to_train = by_the_first(fabric, begin)
        run = before or Run(path, code)
        if to_train:
            with said_once(fabric):
                start, history = _start(run, prepared)
            _train(prepared, run, chosen, start, history)
            fabric.barrier()
        if not fabric.is_global_zero:
            raise SystemExit(0)  # the first process goes on alone
        if not to_train:
            return _left_alone(run)
        if not chosen.no_test:
            learners = prepared.learners
            at = Moment(len(prepared.dataset), critics=learners.critics, state=learners.state)
            record_test(
                run, learners.bare_vae, prepared.objective, at, prepared.tested, fabric.device,
                chosen,
            )  # fmt: skip
        if chosen.is_metrics:
            score(run, chosen, chosen.metrics)
        run.checkpoint.unlink(missing_ok=True)
    return run


def _with_options(function: Callable[..., Run]) -> inspect.Signature:
    """Return a signature in which notebooks find every option, with its default."""
    own = inspect.signature(function)
    named = [each for each in own.parameters.values() if each.kind is not each.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.annotation
        )
        for name, field in Options.model_fields.items()
    ]
    return own.replace(parameters=[*named, *options])


train.__signature__ = _with_options(train)  # type: ignore[attr-defined]


def _options_to_go_on(run: Run, chosen: RunOptions, given: Mapping[str, Any]) -> RunOptions:
    """Return the options of `run`, with those of `given` that may be given anew."""
    if changed := run.changed_code():
        raise UserError(
            f"{run.path} was begun with another {', '.join(changed.values())}; give the file as it "
            "was, or train anew under another name."
        )
    for name in given:
        kept, typed = getattr(run.options, name), getattr(chosen, name)
        if name not in INCIDENTAL and kept != typed:
            raise UserError(
                f"{run.path} was begun with {name} {kept}, so it cannot go on with {typed}; "
                "resume it without that option, or train anew under another name."
            )
    anew = {key: getattr(chosen, key) for key in INCIDENTAL & set(given)}
    return run.options.model_copy(update={"data_dir": None, **anew})  # the run knows its own


def _left_alone(run: Run) -> Run:
    logger.info("%s is finished; there is nothing to resume.", run.path)
    return run


def _seed(options: RunOptions, before: Run | None) -> int:
    """Return the seed that a run has, or gets."""
    if before is not None:
        used = before.specs.get("used")
        if isinstance(used, dict) and isinstance(used.get("seed"), int):
            return int(used["seed"])
        raise UserError(f"{before.path / 'specs.json'} does not say the seed; train the run anew.")
    return secrets.randbits(32) if options.seed is None else options.seed


def _create(
    path: Path,
    options: RunOptions,
    given: Mapping[str, Any],
    code: Mapping[str, UserCode],
    prepared: Prepared,
) -> None:
    facts: dict[str, Any] = (
        {"user_code": {k: own.record for k, own in code.items()}} if code else {}
    )
    facts |= {
        "img_size": list(prepared.dataset.image_shape),
        "n_data": len(prepared.dataset),
        "images_sha256": prepared.dataset.images_hash,
        "background": prepared.dataset.background,
        "used": {
            "epochs": prepared.schedule.epochs,
            "batch_size": prepared.schedule.images_per_step,
            "seed": prepared.schedule.seed,
            "device": str(prepared.fabric.device),
            "processes": prepared.fabric.world_size,
        },
    }
    create_run(path, options, given, facts, code)


def _start(run: Run, prepared: Prepared) -> tuple[Position, History]:
    """Return where training starts: at the checkpoint if there is one."""
    begun = run.specs.get("n_data"), run.specs.get("images_sha256")
    if begun != (len(prepared.dataset), prepared.dataset.images_hash):
        raise UserError(
            f"{run.path} was begun on {begun[0]} other images than the {len(prepared.dataset)} "
            f"that {prepared.dataset.name} has here; restore them, or train the run anew."
        )
    fabric, learners = prepared.fabric, prepared.learners
    processes = run.specs["used"].get("processes", 1)  # `_seed` has read what was used
    if processes != fabric.world_size:
        raise UserError(
            f"{run.path} was begun by {str(processes)[:20]} processes, each with its own noise, so "
            f"it cannot go on with {fabric.world_size}; resume it on as many devices."
        )
    if not run.checkpoint.exists():
        return Position(), History.beginning()
    frame = training_frame(learners.bare_vae.eval(), run.background)
    return checkpoint.restore(
        run.checkpoint,
        fabric,
        learners,
        lambda at: is_on_the_way(
            fabric, prepared.schedule, prepared.objective, prepared.dataset, at
        ),
        lambda state, epochs: read_history(state, epochs, frame.size),
    )


def _train(
    prepared: Prepared, run: Run, options: RunOptions, start: Position, history: History
) -> None:
    """Train, and keep what comes of it: logs, weights, checkpoints, the film."""
    fabric, learners = prepared.fabric, prepared.learners
    with requests_to_stop() as request:
        saved, calls = time.monotonic(), itertools.count(1)

        def pause_is_due() -> bool:
            late = time.monotonic() - saved > 60 * options.checkpoint_minutes
            due = late or request.number is not None
            if fabric.world_size == 1:
                return due
            return next(calls) % _AGREE_EVERY == 0 and largest(fabric, int(due)) > 0

        for event in train_epochs(
            fabric, learners, prepared.objective, prepared.dataset, prepared.schedule,
            not options.no_progress_bar, start, pause_is_due,
        ):  # fmt: skip
            parts = gathered(fabric, checkpoint.own_part(fabric, learners, event.position))
            number = largest(fabric, request.number or 0)
            by_the_first(fabric, partial(_keep, run, prepared, event, parts, history, options))
            saved = time.monotonic()
            if number and not fabric.is_global_zero:
                raise SystemExit(0)
            if number:
                raise Interrupted(
                    f"stopped at step {event.position.step}; go on with: {_command_to_resume(run)}",
                    number,
                )
    if fabric.is_global_zero:
        run.write_model(learners.bare_vae)
        write_likelihood(run, learners.critics)
        write_gif(run.path / "training.gif", history.frames(), frames_per_second=1)


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
    checkpoint.save(
        run.checkpoint, prepared.fabric, prepared.learners, event.position, parts,
        history._asdict(),
    )  # fmt: skip


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
    run.write_losses(history.log)
    told = {"loss": "loss", "recon_loss": "reconstruction", "kl_loss": "KL"}
    terms = ", ".join(f"{told[k]} {v:.2f}" for k, v in epoch.terms.items() if k in told)
    logger.info("Epoch %d: %s, %.0f images/s", done, terms, epoch.images_per_second)
    if options.metrics_every and prepared.watched is not None and done % options.metrics_every == 0:
        device = prepared.fabric.device
        history.scores[epoch.number] = watch(
            model, prepared.whole, prepared.watched, options, device
        )
        run.write_training_scores(history.scores)
    if done % options.checkpoint_every == 0:
        run.write_model(model, done)
