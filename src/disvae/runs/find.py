"""From what a person types to the folder of a run; without PyTorch, so that typos are told fast."""

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from disvae.errors import UserError
from disvae.options.user_code import brought

if TYPE_CHECKING:
    from disvae.runs.run import Run

RESULTS = Path("results")


def find_run(asked: str | Path, results_dir: Path = RESULTS) -> Path:
    """Return the folder of a run, by its name in `results_dir` or by its path.

    A name is looked up among the results first, and as a path then. Where there is no run, a
    `UserError` proposes the nearest names.
    """
    return _find(asked, results_dir, "run", "specs.json")


def find_sweep(asked: str | Path, results_dir: Path = RESULTS) -> Path:
    """Return the folder of a sweep, as `find_run` does; ``.`` is `results_dir` itself."""
    return _find(asked, results_dir, "sweep", "sweep.json")


def find_folder(asked: str | Path, results_dir: Path = RESULTS) -> Path:
    """Return the folder of a run, of a sweep, or of any runs, as `find_run` does."""
    return _find(asked, results_dir, "run or sweep", "")


def open_run(
    name_or_path: str | Path,
    *,
    at: int | str | None = None,
    results_dir: str | Path = RESULTS,
    **code: Any,
) -> "Run":
    """Open a run, by its name in `results_dir` or by the path of its folder.

    Parameters
    ----------
    name_or_path
        The name, which is looked for first, or the folder.
    at
        Which weights: of the epoch of that number (``model-<epoch>.pt``), the ``best`` by the
        validation loss, or the ``last``; default: those of the end, or of a run that was stopped
        those of its checkpoint.
    results_dir
        Folder that holds the runs.
    **code
        What the run was made with of your own, where it is needed again: ``loss``,
        ``model_type`` or ``dataset``, as ``FILE.py:NAME`` or the object itself.

    Raises
    ------
    UserError
        If there is no such run.

    Examples
    --------
    >>> run = disvae.open_run("btcvae_dsprites", at=10)  # doctest: +SKIP
    >>> run.model.decode(torch.zeros(1, 10)).shape  # doctest: +SKIP
    torch.Size([1, 1, 64, 64])
    """
    folder = find_run(name_or_path, Path(results_dir))
    from disvae.runs.run import Run  # names and folders need no PyTorch

    return Run(folder, brought(code), at)


def _find(asked: str | Path, results_dir: Path, what: str, file: str) -> Path:
    """Find the folder that is `what` by the `file` in it; empty: any folder."""
    tried = [results_dir / asked, Path(asked)]  # one, if the path is absolute
    for folder in tried:
        if _holds(folder, file):
            return folder
    there = [folder for folder in tried if _holds(folder)]
    shown = " or ".join(dict.fromkeys(map(str, there[:1] or tried)))[:300]
    try:
        names = [entry.name for entry in os.scandir(results_dir) if _holds(entry, file)]
    except OSError:
        names = []
    near = difflib.get_close_matches(str(asked)[:100], names, 3)
    raise UserError(
        f"There is no {what} in {shown}{f' (no {file})' if file else ''}; "
        + (
            f"the nearest there: {', '.join(near)}."
            if near
            else "check the name and --results-dir."
        )
    )


def _holds(folder: str | os.PathLike[str], file: str = "") -> bool:
    """Whether `folder` is one and holds `file`; any text may be asked for."""
    return os.path.exists(os.path.join(folder, file))  # noqa: PTH110, PTH118
