"""The command that puts the moving traversals of several runs side by side."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from disvae.options import GENERAL, PLOT
from disvae.options.common import ResultsDir


def grid(
    out: Annotated[Path, Parameter(group=GENERAL, help="File to write: .gif or .webp.")],
    runs: Annotated[tuple[str, ...], Parameter(group=GENERAL, help="Names of the runs.")],
    /,
    *,
    columns: Annotated[int, Parameter(group=PLOT, help="Runs side by side.")] = 4,
    results_dir: ResultsDir = Path("results"),
) -> None:
    """Merge the `gif-traversals` of several runs into one labelled grid, row by row."""
    from disvae.plots import animations, montage
    from disvae.runs.folder import run_path
    from disvae.runs.run import open_run

    animations.check_place(out)
    opened = [open_run(run_path(results_dir, name)) for name in runs]
    animations.write_animation(out, montage.grid(opened, columns))
    print(out)
