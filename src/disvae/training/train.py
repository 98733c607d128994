"""A training run, from options to the last weights; and on from where it was interrupted."""

import inspect
import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from disvae.data.prepare import named
from disvae.devices.fabric import make_fabric
from disvae.devices.process import keep_freed_memory
from disvae.devices.together import by_the_first, said_once
from disvae.errors import UserError
from disvae.evaluation.score import score
from disvae.evaluation.test_losses import record_test
from disvae.objectives import Moment
from disvae.options import Options, RunOptions, UserCode, resolve, taken
from disvae.options.user_code import taken_trackers
from disvae.runs.find import find_run
from disvae.runs.folder import create_run, refuse_other_folders, run_path, sole_trainer
from disvae.runs.run import Run
from disvae.storage.files import remove_rests
from disvae.trackers.recording import Recording
from disvae.training.keeping import OnEpoch, train_and_keep
from disvae.training.preparation import Prepared, prepare
from disvae.training.resuming import (
    ends_elsewhere,
    options_to_go_on,
    starting_point,
    with_other_end,
)
from disvae.training.tracking import load_trackers, record_of
from disvae.training.watching import values_of

logger = logging.getLogger("disvae")


def train(
    name: str, *, resume: bool = False, on_epoch: OnEpoch | None = None, **options: Any
) -> Run:
    """Train a VAE and write the run ``<results_dir>/<name>``; test it unless ``no_test``.

    Parameters
    ----------
    name
        Name of the run. A run of that name is kept, as a zip file, unless it is resumed; one to
        resume may be named by the path of its folder too.
    resume
        Go on with the run of that name, with the options that it has. It ends with the same
        weights and logs, bit for bit, as if it had not been interrupted. With other ``epochs``,
        ``max_steps`` or ``patience`` it ends as if it had been begun with these.
    on_epoch
        Called after each epoch, with a `disvae.EpochEnd`; training ends there if it returns true.
        A checkpoint is written first, so that a run is resumable that it raises out of. What it
        draws at random changes nothing.
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
    options, own_trackers = taken_trackers(options)
    given, code = taken(options)
    chosen = resolve(given, code)
    path = find_run(name, chosen.results_dir) if resume else run_path(chosen.results_dir, name)
    before = Run(path, code) if resume else None
    if before is None:
        refuse_other_folders(path)  # rather than after the data were prepared
    else:
        chosen = options_to_go_on(before, chosen, given)
        if before.is_trained and not ends_elsewhere(before, chosen):
            return _left_alone(before)
    kinds = load_trackers(chosen, own_trackers)
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
            return not before.is_trained or ends_elsewhere(before, chosen)

        to_train = by_the_first(fabric, begin)
        run = before or Run(path, code)
        recording = Recording(kinds if to_train and fabric.is_global_zero else {}, record_of(run))
        held.callback(recording.close)
        if to_train:
            with said_once(fabric):
                start, history = starting_point(run, prepared, chosen)
            if ends_elsewhere(run, chosen):
                take_up = partial(with_other_end, run, chosen, given, prepared, start)
                by_the_first(fabric, take_up)
                run = Run(path, code)
            step = train_and_keep(prepared, run, recording, chosen, start, history, on_epoch)
            fabric.barrier()
        if not fabric.is_global_zero:
            raise SystemExit(0)  # the first process goes on alone
        if not to_train:
            return _left_alone(run)
        if not chosen.no_test:
            learners = prepared.learners
            at = Moment(len(prepared.dataset), critics=learners.critics, state=learners.state)
            tested = record_test(
                run, learners.bare_vae, prepared.objective, at, prepared.tested, fabric.device,
                chosen,
            )  # fmt: skip
            recording.log("test", tested, step)
        if chosen.is_metrics:
            recording.log("scores", values_of(score(run, chosen, chosen.metrics)), step)
        recording.pictures(path, step)
        _conclude(run, chosen)
    return run


def _conclude(run: Run, options: RunOptions) -> None:
    """Tell a run that has ended from one that has not, by the name of its checkpoint."""
    if options.no_extend:
        run.checkpoint.unlink(missing_ok=True)
        run.end.unlink(missing_ok=True)
    elif run.checkpoint.exists():
        run.checkpoint.replace(run.end)


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


def _left_alone(run: Run) -> Run:
    logger.info(
        "%s is finished; there is nothing to resume (it goes further with more --epochs).", run.path
    )
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
    if options.tracker:
        facts["record"] = secrets.token_hex(8)
    create_run(path, options, given, facts, code)
