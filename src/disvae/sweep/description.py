"""From a description to the runs that it stands for."""

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from disvae.errors import UserError
from disvae.options import Options, SweepOptions, resolve
from disvae.options.experiments import LOSSES
from disvae.runs.folder import run_path
from disvae.types import checked

_OWN_LOSS = {"lr_disc": "factor"}  # the others begin with their loss
_SET_BY_SWEEP = {
    "experiment": "experiments",
    "seed": "seeds",
    "results_dir": "results_dir",
    "data_dir": "data_dir",
    "is_metrics": "metrics",
}
_SENSELESS = {"is_eval_only", "no_progress_bar"}


class PlannedRun(NamedTuple):
    """One run of a sweep.

    Attributes
    ----------
    name
        Unique in the sweep.
    setting
        What tells it from other runs but for the seed: ``experiment`` and the options that
        the sweep varies, with their values as text.
    seed
        Its seed.
    options
        Of `disvae.options.Options`, all that the sweep sets.
    """

    name: str
    setting: dict[str, str]
    seed: int
    options: dict[str, Any]


def read_sweep(file: Path | None, given: Mapping[str, Any]) -> SweepOptions:
    """Read a TOML file of sweep options, over which those that were typed win.

    In the file ``grid`` is a table of options, each with a value or a list of values. The name
    is that of the file unless it or the user says another.

    Raises
    ------
    UserError
        If the file cannot be read, or has an unknown or bad option.
    """
    content: dict[str, Any] = {}
    if file is not None:
        try:
            content = {"name": file.stem, **tomllib.loads(file.read_text("utf-8"))}
        except FileNotFoundError:
            raise UserError(f"There is no file {file}; name a sweep file (TOML).") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UserError(f"{file} is no TOML file ({error}).") from None
        if "grid" in content:
            content["grid"] = _axes_as_text(file, content["grid"])
    return checked(SweepOptions, {**content, **given})


def _axes_as_text(file: Path, grid: Any) -> tuple[str, ...]:
    if not isinstance(grid, dict):
        raise UserError(f"{file}: grid should be a table of options and their values.")
    return tuple(
        f"{key}={','.join(map(str, values if isinstance(values, list) else [values]))}"
        for key, values in grid.items()
    )


def plan_runs(sweep: SweepOptions) -> list[PlannedRun]:
    """Enumerate the runs of a sweep, and check the options of each.

    Raises
    ------
    UserError
        If an option is unknown or bad, an axis is empty, or two runs have one name.
    """
    if not sweep.experiments:
        raise UserError("The sweep has no experiments; name some, as VAE_mnist, or custom.")
    axes = dict(map(_axis, sweep.grid))
    if len(axes) < len(sweep.grid):
        raise UserError("An option stands in the grid twice; give all its values at once.")
    runs = [
        run
        for experiment in sweep.experiments
        for setting in _settings(experiment, axes)
        for run in _with_seeds(sweep, experiment, setting, axes)
    ]
    names = [run.name for run in runs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            f"The sweep has several runs named {', '.join(twice[:3])}; "
            "name each experiment and each value of the grid once."
        )
    return runs


def _axis(text: str) -> tuple[str, list[str]]:
    key, _, listed = text.partition("=")
    key = key.strip().replace("-", "_")
    values = [value.strip() for value in listed.split(",") if value.strip()]
    if not values:
        raise UserError(f"The grid {text!r} has no values; write it as btcvae_B=1,4,8.")
    if len(set(values)) < len(values):
        raise UserError(f"The grid {text!r} names a value twice; name each once.")
    if key in _SET_BY_SWEEP:
        raise UserError(
            f"{key} cannot stand in the grid; set {_SET_BY_SWEEP[key]} of the sweep itself."
        )
    if key not in Options.model_fields or key in _SENSELESS:
        raise UserError(f"There is no option '{key}' to stand in the grid.")
    return key, values


def _settings(experiment: str, axes: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Yield every combination, without the options of other losses, each once."""
    seen = []
    for values in itertools.product(*axes.values()):
        setting = dict(zip(axes, values, strict=True))
        chosen = {key: setting[key] for key in ("loss",) if key in setting}
        loss = resolve({"experiment": experiment, **chosen}).loss
        setting = {key: value for key, value in setting.items() if _loss_of(key) in (None, loss)}
        if setting not in seen:
            seen.append(setting)
            yield setting


def _loss_of(option: str) -> str | None:
    """Return the loss that an option belongs to, if it does."""
    prefix = option.partition("_")[0]
    return _OWN_LOSS.get(option, prefix if prefix in LOSSES else None)


def _with_seeds(
    sweep: SweepOptions,
    experiment: str,
    setting: Mapping[str, str],
    axes: Mapping[str, Sequence[str]],
) -> Iterator[PlannedRun]:
    varied = {key: value for key, value in setting.items() if len(axes[key]) > 1}
    parts = [experiment, *(f"{key}={value}" for key, value in varied.items())]
    for seed in range(1, sweep.seeds + 1):
        name = "-".join([*parts, f"seed{seed}"] if sweep.seeds > 1 else parts)
        name = re.sub(r"[^\w.+=,@-]", "_", name)
        run_path(sweep.results_dir, name)
        options = {"experiment": experiment, **setting, "seed": seed}
        try:
            options = _findable(options)
        except UserError as error:
            raise UserError(f"Run {name}: {error}") from None
        yield PlannedRun(name, {"experiment": experiment, **varied}, seed, options)


def _findable(options: dict[str, Any]) -> dict[str, Any]:
    """Check the options of a run, and make the path of own images absolute."""
    dataset = resolve(options).dataset
    return {**options, "dataset": dataset} if "dataset" in options else options
