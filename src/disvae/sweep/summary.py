"""The summary of a sweep: tables of all numbers, and plots of the scores."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from disvae.errors import UserError
from disvae.storage.files import write_text
from disvae.sweep.pictures import draw
from disvae.sweep.record import Record
from disvae.sweep.results import Row, Setting, Spread, collect, label, scores_of, spreads


def summarise(record: Record) -> list[Path]:
    """Write ``summary.csv``, ``summary.md`` and the plots.

    Returns
    -------
    list
        The files.

    Raises
    ------
    UserError
        If no run of the sweep is finished.
    """
    rows = collect(record)
    if not rows:
        raise UserError(f"No run of the sweep in {record.folder} is finished; run it first.")
    table = spreads(rows)
    lines = _long(table)
    files = [record.folder / "summary.csv", record.folder / "summary.md"]
    write_text(files[0], _as_csv(lines))
    write_text(files[1], _as_markdown(table, rows))
    return [*files, *draw(record, rows, record.folder)]


def _long(table: Mapping[Setting, Mapping[str, Spread]]) -> list[dict[str, object]]:
    """One line a setting and quantity."""
    options = dict.fromkeys(option for setting in table for option, _ in setting)
    return [
        {**dict.fromkeys(options), **dict(setting), "quantity": quantity, **found._asdict()}
        for setting, quantities in table.items()
        for quantity, found in quantities.items()
    ]


def _as_csv(lines: Sequence[Mapping[str, object]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, lines[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _as_markdown(table: Mapping[Setting, Mapping[str, Spread]], rows: Sequence[Row]) -> str:
    """One line a setting, one column a score: mean, deviation and interval over seeds."""
    shown = [*scores_of(rows), "recon_loss", "kl_loss"]
    heads = ["setting", "runs", *shown]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for setting, quantities in table.items():
        cells = [
            _cell(quantities[quantity]) if quantity in quantities else "" for quantity in shown
        ]
        count = max(found.n for found in quantities.values())
        lines.append(f"| {label(setting)} | {count} | {' | '.join(cells)} |")
    explained = "Mean ± standard deviation over seeds [95% bootstrap interval of the mean]."
    return "\n".join([*lines, "", explained]) + "\n"


def _cell(found: Spread) -> str:
    if found.std is None:
        return f"{found.mean:.4g}"
    return f"{found.mean:.4g} ± {found.std:.2g} [{found.low:.4g}, {found.high:.4g}]"
