"""The commands about the folders of runs: list, archive, remove, rename."""

import time
from pathlib import Path
from typing import Annotated

from cyclopts import App

from disvae.options.common import GENERAL, ResultsDir, option
from disvae.runs import folder as run_folder
from disvae.runs.find import find_run
from disvae.runs.inventory import Listed, chosen, list_runs, ordered

Yes = Annotated[bool, option(GENERAL, "Do it without asking.")]
Names = Annotated[tuple[str, ...], option(GENERAL, "Names of runs, or paths of their folders.")]
_LOSSES, _SCORES = ("loss", "recon_loss", "kl_loss"), ("mig", "aam")


def make_app() -> App:
    """Compose the commands below."""
    app = App(name="runs", help="List, archive, remove and rename runs.")
    app.default(list_all)
    for command in (archive, remove, rename):
        app.command(command)
    return app


def list_all(
    folder: Annotated[Path, option(GENERAL, "Folder that holds the runs.")] = Path("results"),
    /,
    *,
    where: Annotated[
        tuple[str, ...],
        option(GENERAL, "Show those alone of which it is true, as loss=btcvae, name=b*, mig>0.2."),
    ] = (),
    sort: Annotated[
        str,
        option(
            GENERAL,
            "Sort by name, a loss (lowest first), a score (highest first), as mig or "
            "dci.completeness, an option, epochs, size or time.",
        ),
    ] = "name",
    reverse: Annotated[bool, option(GENERAL, "Sort the other way round.")] = False,
) -> None:
    """List the runs, archives and sweeps of a folder with losses, scores and disk usage.

    Losses are those of the test, without one those of the last epoch.
    """
    runs = ordered(chosen(list_runs(folder), where), sort, reverse)
    print(as_table(runs, [sort]))


def archive(
    names: Names, /, *, results_dir: ResultsDir = Path("results"), yes: Yes = False
) -> None:
    """Move runs into zip files beside them, NAME.TIME.zip, after asking."""
    paths = [find_run(name, results_dir) for name in names]
    if _agreed("Archive", paths, yes):
        for path in paths:
            print(run_folder.archive(path))


def remove(names: Names, /, *, results_dir: ResultsDir = Path("results"), yes: Yes = False) -> None:
    """Delete runs, or archives of runs by their file names, after asking."""
    paths = [_run_or_archive(name, results_dir) for name in names]
    if _agreed("Delete", paths, yes):
        for path in paths:
            run_folder.remove(path)
            print(f"{path} deleted.")


def rename(
    name: Annotated[str, option(GENERAL, "Name of the run, or the path of its folder.")],
    new: Annotated[str, option(GENERAL, "The name that it gets.")],
    /,
    *,
    results_dir: ResultsDir = Path("results"),
    yes: Yes = False,
) -> None:
    """Give a run another name, after asking."""
    path = find_run(name, results_dir)
    if _agreed(f"Rename to {new}", [path], yes):
        print(run_folder.rename(path, new))


def _run_or_archive(name: str, results_dir: Path) -> Path:
    for path in (results_dir / name, Path(name)):
        if run_folder.is_archive(path):
            return path
    return find_run(name, results_dir)


def _agreed(what: str, paths: list[Path], yes: bool) -> bool:
    if yes:
        return True
    size = sum(each.lstat().st_size for path in paths for each in (path, *path.rglob("*")))
    try:
        answer = input(f"{what}: {', '.join(map(str, paths))} ({size / 1e6:,.1f} MB)? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() in ("y", "yes"):
        return True
    print("Nothing was changed.")
    return False


def as_table(runs: list[Listed], extra: list[str]) -> str:
    """Lay the runs out in lines, with the numbers or options `extra`; totals below."""
    shown = [key for key in _SCORES if any(key in run.numbers for run in runs)]
    usual = {"name", "dataset", "epochs", "size", "time", *_LOSSES, *shown}
    shown += [key for key in extra if key not in usual]
    heads = ["run", "state", "model", "dataset", "epochs", "loss", "recon", "KL", *shown]
    rows = [[*heads, "MB", "changed"]]
    for run in runs:
        dataset = Path(run.option("dataset") or "").name[:30]
        changed = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.numbers["time"]))
        numbers = [_cell(run, key) for key in ("epochs", *_LOSSES, *shown)]
        size = f"{run.numbers['size'] / 1e6:.1f}"
        rows.append(
            [run.name, run.state, run.option("loss") or "", dataset, *numbers, size, changed]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(_padded, row, widths, range(len(row)))).rstrip() for row in rows]
    states = dict.fromkeys(run.state for run in runs)
    counts = [f"{sum(run.state == state for run in runs)} {state}" for state in states]
    total = sum(run.numbers["size"] for run in runs)
    return "\n".join([*lines, "", f"{', '.join(counts) or 'No runs'}; {total / 1e6:,.1f} MB."])


def _cell(run: Listed, key: str) -> str:
    number = run.numbers.get(key)
    if number is None:
        return (run.option(key) or "")[:40] if key not in _LOSSES else ""
    return f"{number:.4g}" if abs(number) < 1e4 else f"{number:.0f}"


def _padded(text: str, width: int, column: int) -> str:
    return text.ljust(width) if column < 4 else text.rjust(width)
