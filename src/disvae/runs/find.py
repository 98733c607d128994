"""From what a person types to the folder of a run; without PyTorch, so that typos are told fast."""

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from disvae.errors import UserError
from disvae.options.user_code import Code, brought
from disvae.runs.packed import unpack

if TYPE_CHECKING:
    from disvae.runs.run import Run

RESULTS = Path("results")


class Place(NamedTuple):
    """The folder of a run, and the one for what is made of it: another, if it is read only."""

    folder: Path
    outputs: Path


def find_run(asked: str | Path, results_dir: Path = RESULTS) -> Path:
    """Return the folder of a run of the user's, by its name in `results_dir` or by its path.

    A name is looked up among the results first, and as a path then. Where there is no run, a
    `UserError` proposes the nearest names. `find_place` finds runs that can only be read, too.
    """
    return _find(asked, results_dir, "run", "specs.json")


def find_sweep(asked: str | Path, results_dir: Path = RESULTS) -> Path:
    """Return the folder of a sweep, as `find_run` does; ``.`` is `results_dir` itself."""
    return _find(asked, results_dir, "sweep", "sweep.json")


def find_place(
    asked: str | Path,
    results_dir: Path = RESULTS,
    find: Callable[[str | Path, Path], Path] = find_run,
) -> Place:
    """Find a run to read: as `find_run` or another `find` does, in a zip file, in the zoo.

    What is made of the latter two goes to the folder of their name in `results_dir`. What cannot
    be found, downloaded or unpacked is a `UserError`.
    """
    text = os.fspath(asked)
    files = (results_dir / asked, Path(asked)) if text.endswith(".zip") else ()
    packed = next(filter(os.path.isfile, files), None)  # any text may be asked for
    if text.startswith("zoo:"):
        from disvae.runs.zoo import fetch  # which takes a while to import

        folder = fetch(text.removeprefix("zoo:"))
    elif packed is not None:
        folder = unpack(packed)
    else:
        folder = find(asked, results_dir)
        return Place(folder, folder)
    return Place(folder, results_dir / folder.name)


def find_folder(asked: str | Path, results_dir: Path = RESULTS) -> Path:
    """Return the folder of a run, of a sweep, or of any runs, as `find_run` does."""
    return _find(asked, results_dir, "run or sweep", "")


def open_run(
    name_or_path: str | Path,
    *,
    at: int | str | None = None,
    results_dir: str | Path = RESULTS,
    out: str | Path | None = None,
    **code: Any,
) -> "Run":
    """Open a run, by its name in `results_dir`, by the path of its folder, or of the zoo.

    Parameters
    ----------
    name_or_path
        The name, which is looked for first, or the folder; a zip file that `export` wrote; or
        ``zoo:NAME``, which is downloaded if it is not here.
    at
        Which weights: of the epoch of that number (``model-<epoch>.pt``), the ``best`` by the
        validation loss, or the ``last``; default: those of the end, or of a run that was stopped
        those of its checkpoint.
    results_dir
        Folder that holds the runs.
    out
        Folder for plots and scores; default: that of the run, or ``results_dir/NAME`` of one that
        is read from a zip file or the zoo.
    **code
        What the run was made with of your own, where it is needed again: ``loss``,
        ``model_type`` or ``dataset``, as ``FILE.py:NAME`` or the object itself.

    Raises
    ------
    UserError
        If there is no such run, or it cannot be downloaded.

    Examples
    --------
    >>> run = disvae.open_run("btcvae_dsprites", at=10)  # doctest: +SKIP
    >>> run.model.decode(torch.zeros(1, 10)).shape  # doctest: +SKIP
    torch.Size([1, 1, 64, 64])
    >>> disvae.open_run("zoo:btcvae_dsprites").metrics["MIG"]  # doctest: +SKIP
    """
    return opened(name_or_path, Path(results_dir), brought(code), at, out)


def opened(
    asked: str | Path,
    results_dir: Path = RESULTS,
    code: Code | None = None,
    at: int | str | None = None,
    out: str | Path | None = None,
) -> "Run":
    """Open a run as `open_run` does, with the user's code as it was loaded."""
    folder, outputs = find_place(asked, results_dir)  # a typo is told before PyTorch is loaded
    from disvae.runs.run import Run

    return Run(folder, code, at, outputs if out is None else out)


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
