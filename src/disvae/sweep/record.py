"""A sweep on disk: the folder of its runs, what they are, and how each stands."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from disvae import metrics
from disvae.errors import UserError
from disvae.options import INCIDENTAL, RunOptions, ScoreOptions
from disvae.options.user_code import Code, among
from disvae.runs.folder import run_path
from disvae.runs.run import Run
from disvae.storage.files import read_json, to_json, write_text
from disvae.sweep.description import DESCRIPTION, PlannedRun

_FAILURES = "failures.json"

State = Literal["waiting", "running", "finished", "failed"]


class Progress(NamedTuple):
    """How far a run has come: epochs done, of how many, and the loss of the last."""

    epochs: int
    of: int
    loss: float | None


class Record:
    """The folder of a sweep; all that is known of its runs is read from there.

    `code` is the user's own that was typed in this command, by label; `new` is how a sweep is
    scored that need not be there yet.
    """

    def __init__(self, folder: Path, code: Code | None = None, new: ScoreOptions | None = None):
        self.folder = folder
        self._code = code or {}
        if new is None or (folder / DESCRIPTION).is_file():
            content = read_json(folder / DESCRIPTION)
        else:
            content = {"scores": dict(new), "runs": {}}
        try:
            self.scores = ScoreOptions(**content["scores"])
            self.runs = {name: self._planned(name, run) for name, run in content["runs"].items()}
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
            raise UserError(f"{folder / DESCRIPTION} is damaged; restore it.") from None

    def _planned(self, name: str, run: Mapping[str, Any]) -> PlannedRun:
        run_path(self.folder, name)  # refuses names that lead elsewhere, as settings could
        setting, seed, options = dict(run["setting"]), int(run["seed"]), dict(run["options"])
        if not all(key.isidentifier() for key in setting):
            raise ValueError
        return PlannedRun(name, {k: str(value) for k, value in setting.items()}, seed, options)

    def run(self, name: str) -> Run:
        """Open a run of the sweep."""
        return Run(self.folder / name, among(self.runs[name].options, self._code))

    def options(self, name: str) -> RunOptions:
        """Return all options that a run has, or will have."""
        return self.runs[name].resolved(self._code)

    def trained(self, name: str) -> Run | None:
        """Open the run if its training ended, and its test losses are there if it has any."""
        path = self.folder / name
        if not (path / "specs.json").is_file():
            return None
        run = self.run(name)
        tested = run.options.no_test or (path / "test_losses.log").is_file()
        return run if run.is_trained and tested else None

    def is_finished(self, name: str) -> bool:
        """Whether the run is trained and has every score of the sweep."""
        return self.scored(name) is not None

    def scored(self, name: str) -> tuple[Run, dict[str, Any]] | None:
        """Open the run, with its scores, if it is trained and has every score of the sweep.

        Where ``all`` scores are asked for but the images are not here, those it has suffice.
        """
        run = self.trained(name)
        if run is None:
            return None
        scores = run.metrics
        wanted = {name.rpartition(":")[2] for name in self.scores.metrics}  # code by its label
        if "all" in wanted:
            dataset = run.prepared_dataset()
            if dataset is None:
                return (run, scores) if scores else None
            wanted = {score.name for score, _ in metrics.plan("all", *metrics.provided(dataset))}
        return (run, scores) if wanted <= scores.keys() else None

    def progress(self, name: str) -> Progress:
        """Read how far a run has come; epochs are counted in full, the last may be shorter."""
        try:
            run = self.run(name)
            used, n_data, losses = run.specs["used"], run.specs["n_data"], run.losses["loss"]
            of = int(used["epochs"])
            if run.options.max_steps is not None:
                of = min(of, -(-run.options.max_steps * int(used["batch_size"]) // int(n_data)))
        except (UserError, LookupError, TypeError, ValueError, ArithmeticError):
            return Progress(0, self.options(name).epochs, None)
        return Progress(len(losses), of, float(losses[-1]))

    @property
    def failures(self) -> dict[str, str]:
        """Why runs failed, by name."""
        file = self.folder / _FAILURES
        recorded = read_json(file) if file.exists() else {}
        return {name: str(reason) for name, reason in recorded.items()}

    def write(self) -> None:
        """Write ``sweep.json``."""
        runs = {name: run._asdict() for name, run in self.runs.items()}
        content = {"scores": self.scores.model_dump(), "runs": runs}
        write_text(self.folder / DESCRIPTION, to_json(content))

    def write_failures(self, failures: Mapping[str, str]) -> None:
        """Record why runs failed."""
        write_text(self.folder / _FAILURES, to_json(failures))


def plan_record(
    folder: Path,
    runs: Iterable[PlannedRun],
    scores: ScoreOptions,
    code: Code | None = None,
) -> tuple[Record, list[PlannedRun]]:
    """Describe a sweep, not written yet, and return `runs` by the names that they have in it.

    Runs that an earlier call planned stay. Those with other options, and a sweep that scored
    otherwise, are refused.
    """
    scores = ScoreOptions(**scores.model_dump(include=set(ScoreOptions.model_fields)))
    record = Record(folder, code, scores)
    _refuse_other_scoring(folder, record.scores, scores)
    planned = _as_named_before(runs, record.runs, code or {})
    record.scores, record.runs = scores, {**record.runs, **planned}
    for name in planned:
        if (folder / name / "specs.json").is_file():
            _refuse_other_options(record, name)
    return record, list(planned.values())


def _as_named_before(
    runs: Iterable[PlannedRun], before: Mapping[str, PlannedRun], code: Code
) -> dict[str, PlannedRun]:
    """Let runs that are there already keep their names: more seeds or values make others."""

    def identity(run: PlannedRun) -> str:
        return run.resolved(code).model_dump_json(exclude=set(INCIDENTAL))

    names = {identity(run): name for name, run in before.items()}
    named = [run._replace(name=names.get(identity(run), run.name)) for run in runs]
    return {run.name: run for run in named}


def _refuse_other_scoring(folder: Path, before: ScoreOptions, now: ScoreOptions) -> None:
    """Keep the numbers of one table comparable."""
    again = set(before.settings) | set(now.settings)
    if "all" not in before.metrics:
        again &= set(before.metrics)
    differing = [f"settings of {s}" for s in again if before.settings.get(s) != now.settings.get(s)]
    if before.metrics:
        common = ("metric_factors", "bin_factors", "repeats")
        differing += [name for name in common if getattr(before, name) != getattr(now, name)]
    if differing:
        raise UserError(
            f"The sweep in {folder} was scored with other {', '.join(sorted(differing))}; "
            "give them as before, or give the sweep another name."
        )


def _refuse_other_options(record: Record, name: str) -> None:
    there, planned = record.run(name).options, record.options(name)
    differing = [
        name
        for name in type(planned).model_fields
        if name not in INCIDENTAL and getattr(there, name, None) != getattr(planned, name)
    ]
    if differing:
        raise UserError(
            f"{record.folder / name} is a run with another {', '.join(differing)}; "
            "give the sweep another name, or move that run away."
        )
