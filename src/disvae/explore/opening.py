"""What the user asked to explore: runs, or a folder of runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from disvae.errors import UserError
from disvae.options import UserCode
from disvae.runs.find import find_folder, find_place
from disvae.runs.run import Run

_MOST_RUNS = 2000


class RunChangedError(UserError):
    """The run on disk is no longer the one that the page shows."""


class Asked(NamedTuple):
    """What to show; the page knows runs by their places."""

    runs: tuple[Run, ...]
    as_table: bool  # they come from a folder of runs, such as a sweep's, and are listed first


def find_runs(
    asked: Sequence[Run | str | Path],
    results_dir: Path,
    code: Mapping[str, UserCode] | None = None,
    at: int | str | None = None,
) -> Asked:
    """Open runs, names of runs or sweeps, and folders of either; none there is a `UserError`."""
    if not asked:
        raise UserError("Name at least one run to explore, as in: disvae explore NAME.")
    runs: list[Run] = []
    as_table = False
    for one in asked:
        if isinstance(one, Run):
            runs.append(one)
            continue
        folder, outputs = find_place(one, results_dir, find_folder)
        if (folder / "specs.json").is_file():
            runs.append(Run(folder, code, at, outputs))
        else:
            runs += _runs_below(folder, code, at)
            as_table = True
    if len(runs) > _MOST_RUNS:
        raise UserError(
            f"The folders hold {len(runs):,} runs, but the page shows at most {_MOST_RUNS:,}; "
            "name the folders of fewer."
        )
    return Asked(tuple(runs), as_table)


def _runs_below(
    folder: Path, code: Mapping[str, UserCode] | None, at: int | str | None
) -> list[Run]:
    """Open the runs in `folder`, by name; those that are damaged are left out."""
    found, damaged = [], []
    for specs in sorted(folder.glob("*/specs.json")):
        try:
            found.append(Run(specs.parent, code, at))
        except UserError as error:
            damaged.append(str(error))
    if not found:
        raise UserError(
            damaged[0] if damaged else f"There is no run in {folder} (no specs.json); check it."
        )
    return found
