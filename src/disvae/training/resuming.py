"""Going on with a run: where it was interrupted, or beyond the end that it was begun with."""

from collections.abc import Mapping
from typing import Any

from disvae.errors import UserError
from disvae.options import INCIDENTAL, RunOptions
from disvae.plots.animations import training_frame
from disvae.runs.code import changed_code
from disvae.runs.run import Run
from disvae.storage.files import merge_json, read_json, to_json, write_text
from disvae.training import checkpoint
from disvae.training.history import History, epoch_without_patience, read_history
from disvae.training.loop import Position, is_on_the_way, last_step
from disvae.training.preparation import Prepared
from disvae.types import checked

# options that say no more than when training ends: they may be given anew
ENDING = ("epochs", "max_steps", "patience")


def options_to_go_on(run: Run, chosen: RunOptions, given: Mapping[str, Any]) -> RunOptions:
    """Return the options of `run`, with those of `given` that may be given anew."""
    if changed := changed_code(run):
        raise UserError(
            f"{run.path} was begun with another {', '.join(changed.values())}; give the file as it "
            "was, or train anew under another name."
        )
    for name in given:
        kept, typed = getattr(run.options, name), getattr(chosen, name)
        if name not in INCIDENTAL and name not in ENDING and kept != typed:
            raise UserError(
                f"{run.path} was begun with {name} {kept}, so it cannot go on with {typed}; "
                "resume it without that option, or train anew under another name."
            )
    anew = {key: getattr(chosen, key) for key in (*INCIDENTAL, *ENDING) if key in given}
    # the run knows its own data; what is given anew has to fit the rest
    merged = checked(type(run.options), {**dict(run.options), "data_dir": None, **anew})
    if ends_elsewhere(run, merged):
        _require_free_end(run)
    return merged


def ends_elsewhere(run: Run, options: RunOptions) -> bool:
    """Whether another end is asked for than the run has."""
    return any(getattr(options, name) != getattr(run.options, name) for name in ENDING)


def _require_free_end(run: Run) -> None:
    if run.options.lr_schedule == "cosine":
        raise UserError(
            f"{run.path} has the --lr-schedule cosine, of which each step depends on where "
            "training ends, so it cannot end elsewhere; train anew under another name."
        )
    if run.is_trained and not run.end.exists():
        raise UserError(
            f"{run.path} is finished and has no {run.end.name}, which going further needs (it was "
            "trained with --no-extend, or in a sweep); train anew under another name."
        )


def starting_point(run: Run, prepared: Prepared, options: RunOptions) -> tuple[Position, History]:
    """Bring all that learns to where `run` stands, and return where that is.

    A `UserError` says that it stands beyond the end that is asked for, or is there already.
    """
    begun = run.specs.get("n_data"), run.specs.get("images_sha256")
    if begun != (len(prepared.dataset), prepared.dataset.images_hash):
        raise UserError(
            f"{run.path} was begun on {begun[0]} other images than the {len(prepared.dataset)} "
            f"that {prepared.dataset.name} has here; restore them, or train the run anew."
        )
    processes = run.specs["used"].get("processes", 1)  # what was used has been read before
    if processes != prepared.fabric.world_size:
        raise UserError(
            f"{run.path} was begun by {str(processes)[:20]} processes, each with its own noise, so "
            f"it cannot go on with {prepared.fabric.world_size}; resume it on as many devices."
        )
    file = next((file for file in (run.checkpoint, run.end) if file.exists()), None)
    if file is None:
        return Position(), History.beginning()
    fabric, learners = prepared.fabric, prepared.learners
    of_training = fabric, prepared.schedule, prepared.objective, prepared.dataset
    frame = training_frame(learners.bare_vae.eval(), run.background)
    position, history = checkpoint.restore(
        file,
        fabric,
        learners,
        lambda at: is_on_the_way(*of_training, at),
        lambda state, epochs: read_history(state, epochs, frame.size),
        2**26 + prepared.schedule.epochs * (4 * frame.width * frame.height + 2**16),
    )
    last = last_step(*of_training)
    stopped = epoch_without_patience(history.validation, options.patience)
    ends = ", ".join(f"{name} {getattr(options, name)}" for name in ENDING)
    where = f"step {position.step:,} in epoch {position.epoch + bool(position.done)}"
    if position.step > last or (stopped is not None and stopped < position.epoch):
        raise UserError(f"{run.path} is at {where} already, beyond the end of {ends}; raise these.")
    if run.is_trained and (position.step == last or stopped is not None):
        raise UserError(f"{run.path} stays at {where}, its end by {ends}; raise what ends it.")
    return position, history


def with_other_end(
    run: Run, options: RunOptions, given: Mapping[str, Any], prepared: Prepared, at: Position
) -> None:
    """Let `run`, which stands `at` that position, be one that was begun with another end.

    Weights and results of the end that it had stay, under the name of that epoch.
    """
    if run.is_trained:
        epoch = f"step{at.step}" if at.done else str(at.epoch)
        for log in (run.path / "metrics.log", run.path / "test_losses.log"):
            if log.exists():
                merge_json(log.with_stem(f"{log.stem}-{epoch}"), read_json(log))
                log.unlink()
        (run.path / "model.pt").replace(run.path / f"model-{epoch}.pt")
    if run.end.exists():
        run.end.replace(run.checkpoint)
    before = run.specs.get("given")
    specs = {
        **run.specs,
        **{name: getattr(options, name) for name in ENDING},
        "given": {
            **(before if isinstance(before, dict) else {}),
            **{name: given[name] for name in ENDING if name in given},
        },
        "used": {**run.specs["used"], "epochs": prepared.schedule.epochs},
    }
    write_text(run.path / "specs.json", to_json(specs))
