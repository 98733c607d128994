"""From a description to the runs that it stands for."""

import itertools
import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

from disvae.data.catalogue.registry import require_known
from disvae.errors import UserError
from disvae.options import RunOptions, SweepOptions, resolve
from disvae.options.composition import record_for
from disvae.options.user_code import KINDS, Code, UserCode, among, is_code, load, objective_class
from disvae.runs.folder import run_path
from disvae.storage.files import read_whole
from disvae.types import checked

_SET_BY_SWEEP = {
    "experiment": "experiments", "results_dir": "results_dir", "data_dir": "data_dir",
    "is_metrics": "metrics",
}  # fmt: skip
_SENSELESS = {"is_eval_only", "no_progress_bar"}
_MOST = 10_000  # runs of a sweep
_MOST_BYTES = 2**20  # of a sweep file
_LARGEST = 2**63  # of a number in a file
_TAKE_CODE = {*KINDS, "metrics"}


DESCRIPTION = "sweep.json"


def sweep_folder(results_dir: Path, name: str) -> Path:
    """Return the folder of sweep `name`; ``.`` is `results_dir` itself."""
    return results_dir if name == "." else run_path(results_dir, name)


class PlannedRun(NamedTuple):
    """One run of a sweep, and all options that the sweep sets for it.

    Its setting tells it from other runs but for the seed: ``experiment`` and the options that the
    sweep varies, with their values as text.
    """

    name: str
    setting: dict[str, str]
    seed: int
    options: dict[str, Any]

    def resolved(self, code: Code) -> RunOptions:
        """Return all options of the run, given the user's own code by its labels."""
        return _resolved(self.options, code)


def read_sweep(file: Path | None, given: Mapping[str, Any]) -> SweepOptions:
    """Read a TOML file of sweep options, over which those that were typed win.

    In the file ``grid`` is a table of options, each with a value or a list of values. The name
    is that of the file unless it or the user says another.
    """
    content: dict[str, Any] = {}
    if file is not None:
        if not file.exists():
            raise UserError(f"There is no file {file}; name a sweep file (TOML).")
        text = read_whole(file, _MOST_BYTES)
        try:
            content = {"name": file.stem, **tomllib.loads(text.decode("utf-8"))}
        except (ValueError, RecursionError) as error:  # of TOML, of UTF-8, of a number's length
            raise UserError(f"{file} is no TOML file ({str(error)[:200]}).") from None
        _refuse_absurd(file, content)
        if "grid" in content:
            content["grid"] = _axes_as_text(file, content["grid"])
    return checked(SweepOptions, {**content, **given})


def _refuse_absurd(file: Path, content: Any) -> None:
    """Refuse values that no option can have, and that cannot even be shown."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping | list):
            waiting += value.values() if isinstance(value, Mapping) else value
        elif isinstance(value, int) and abs(value) >= _LARGEST:
            raise UserError(f"{file} holds a number of more than 18 digits; no option takes it.")
        elif isinstance(value, str) and "\0" in value:
            raise UserError(f"{file} holds a text with a NUL character; take it out.")


def _axes_as_text(file: Path, grid: Any) -> tuple[str, ...]:
    if not isinstance(grid, dict):
        raise UserError(f"{file}: grid should be a table of options and their values.")
    return tuple(
        f"{key}={','.join(map(str, values if isinstance(values, list) else [values]))}"
        for key, values in grid.items()
    )


def code_in(typed: Mapping[str, Any]) -> dict[str, UserCode]:
    """Load the code of the user's own in the grid and the scores that were typed, by its labels."""
    axes = [*map(_parted, typed.get("grid", ())), ("metrics", typed.get("metrics", ()))]
    named = [value for key, values in axes if key in _TAKE_CODE for value in values]
    return {own.label: own for own in map(load, filter(is_code, named))}


def with_labels(sweep: SweepOptions, code: Code) -> SweepOptions:
    """Name the user's own scores by their labels; `UserError` for code that nobody typed."""
    names = tuple(_labelled("metrics", name, code) for name in sweep.metrics)
    return sweep.model_copy(update={"metrics": names})


def plan_runs(sweep: SweepOptions, code: Code | None = None) -> list[PlannedRun]:
    """Enumerate the runs of a sweep, and check the options of each.

    `code` is the user's own, by label, that was typed in this command (see `code_in`).
    """
    if not sweep.experiments:
        raise UserError("The sweep has no experiments; name some, as VAE_mnist, or custom.")
    _refuse_too_many(len(sweep.experiments))
    grid = _Grid(sweep, code or {})
    parts = [(experiment, part) for experiment in sweep.experiments for part in grid.of(experiment)]
    # counted before they are listed
    n_settings = sum(math.prod(map(len, part.values())) for _, part in parts)
    _refuse_too_many(len(grid.seeds) * n_settings)
    grid.refuse_wrong_unused({key for _, part in parts for key in part})
    runs = [
        grid.run(experiment, dict(zip(part, values, strict=True)), seed)
        for experiment, part in parts
        for values in itertools.product(*part.values())
        for seed in grid.seeds
    ]
    twice = sorted(name for name, n in Counter(run.name for run in runs).items() if n > 1)
    if twice:
        raise UserError(
            f"The sweep has several runs named {', '.join(twice[:3])}; "
            "name each experiment and each value of the grid once."
        )
    return runs


class _Grid:
    """The axes of a sweep, each an option with its values, and which loss each belongs to."""

    def __init__(self, sweep: SweepOptions, code: Code):
        record = record_for(own for own in code.values() if objective_class(own))
        self._results_dir, self._code = sweep.results_dir, code
        self._axes = dict(_axis(text, record, code) for text in sweep.grid)
        if len(self._axes) < len(sweep.grid):
            raise UserError("An option stands in the grid twice; give all its values at once.")
        self.seeds = _seeds(sweep, self._axes.pop("seed", None))
        self._owners: dict[str, list[str]] = {}
        for loss, objective in record.objectives.items():
            for option in objective.option_names().values():
                self._owners.setdefault(option, []).append(loss)

    def of(self, experiment: str) -> Iterator[dict[str, list[str]]]:
        """Yield for each loss the axes that touch its runs: all but the options of other losses."""
        for loss in self._axes.get("loss", [None]):
            chosen = {} if loss is None else {"loss": loss}
            its = _resolved({"experiment": experiment, **chosen}, self._code).loss
            mine = {k: v for k, v in self._axes.items() if its in self._owners.get(k, [its])}
            yield mine | {key: [value] for key, value in chosen.items()}

    def refuse_wrong_unused(self, used: Set[str]) -> None:
        """Check the values that no run has, as a run of their loss would have them."""
        unused = [(key, v) for key, values in self._axes.items() if key not in used for v in values]
        for key, value in unused:
            try:
                _resolved({"loss": self._owners[key][0], key: value}, self._code)
            except UserError as error:
                raise UserError(f"No run of the sweep uses {key}={value}, and {error}") from None

    def run(self, experiment: str, setting: Mapping[str, str], seed: int) -> PlannedRun:
        """Name a run by what it differs in from others, and check its options."""
        varied = {key: value for key, value in setting.items() if len(self._axes[key]) > 1}
        parts = [experiment, *(f"{key}={value}" for key, value in varied.items())]
        parts += [f"seed{seed}"] if len(self.seeds) > 1 else []
        name = re.sub(r"[^\w.+=,@-]", "_", "-".join(parts))
        run_path(self._results_dir, name)
        options = {"experiment": experiment, **setting, "seed": seed}
        try:
            checked_options = _resolved(options, self._code)
        except UserError as error:
            raise UserError(f"Run {name}: {error}") from None
        if "dataset" in options:
            require_known(checked_options.dataset, checked_options.data_dir)
            options["dataset"] = checked_options.dataset  # own images by their absolute path
        return PlannedRun(name, {"experiment": experiment, **varied}, seed, options)


def _resolved(options: Mapping[str, Any], code: Code) -> RunOptions:
    return resolve(options, among(options, code))


def _refuse_too_many(count: int) -> None:
    if count > _MOST:
        raise UserError(
            f"The sweep has {count:,} runs, but {_MOST:,} are the most; name fewer experiments, "
            "seeds or values, or part it."
        )


def _seeds(sweep: SweepOptions, named: Sequence[str] | None) -> list[int]:
    """Return the seeds of each setting: as many as asked for, or those that the grid names."""
    if named is None:
        return list(range(1, sweep.seeds + 1))
    if "seeds" in sweep.model_fields_set:
        raise UserError("Name the seeds in the grid, or say with --seeds how many; not both.")
    seeds = [resolve({"seed": value}).seed for value in named]
    if None in seeds:
        raise UserError("The seeds of a grid should be numbers, as seed=1,2,3.")
    return [seed for seed in seeds if seed is not None]


def _parted(text: str) -> tuple[str, list[str]]:
    key, _, listed = text.partition("=")
    values = [value.strip() for value in listed.split(",") if value.strip()]
    return key.strip().replace("-", "_"), values


def _axis(text: str, record: type[RunOptions], code: Code) -> tuple[str, list[str]]:
    key, values = _parted(text)
    if not values:
        raise UserError(f"The grid {text!r} has no values; write it as btcvae_B=1,4,8.")
    if len(set(values)) < len(values):
        raise UserError(f"The grid {text!r} names a value twice; name each once.")
    if key in _SET_BY_SWEEP:
        raise UserError(f"{key} cannot stand in the grid; set {_SET_BY_SWEEP[key]} of the sweep.")
    if key not in record.model_fields or key in _SENSELESS:
        raise UserError(f"There is no option '{key}' to stand in the grid.")
    if key == "tracker" and any(map(is_code, values)):
        raise UserError("A tracker of your own cannot stand in a grid; only those by name can.")
    return key, [_labelled(key, value, code) for value in values]


def _labelled(key: str, value: str, code: Code) -> str:
    """Name code by its label, and refuse any that nobody typed."""
    if key not in _TAKE_CODE or not is_code(value):
        return value
    label = re.sub(r".*[/\\]", "", value)
    if label not in code:
        raise UserError(
            f"{value} is code, which is loaded only where it is typed: add "
            f"{'--metrics ' if key == 'metrics' else f'--grid {key}='}{value} to the command."
        )
    return label
