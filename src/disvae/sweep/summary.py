"""The summary of a sweep: tables of all numbers, and plots of the scores."""

import csv
import io
import itertools
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from disvae.errors import UserError
from disvae.storage.files import write_text
from disvae.sweep import results
from disvae.sweep.pictures import draw
from disvae.sweep.record import Record
from disvae.sweep.results import Row, Spread, Table

_MOST_REASONS = 20  # of failures, in the table to paste


def summarise(record: Record, udr: bool = False) -> tuple[list[Path], str]:
    """Write ``summary.csv``, ``runs.csv``, ``summary.md`` and the plots; return the files.

    The second value is a sentence about runs that have no values, or empty. With `udr` it is
    computed however many runs there are.
    """
    rows = results.collect(record, udr)
    finished = list(filter(results.is_finished, rows))
    if not finished:
        raise UserError(f"No run of the sweep in {record.folder} is finished; run it first.")
    table = results.spreads(finished)
    files = [record.folder / name for name in ("summary.csv", "runs.csv", "summary.md")]
    options = dict.fromkeys((option for row in rows for option, _ in row.setting), "")
    long = [
        {**options, **dict(setting), "quantity": quantity, **found._asdict()}
        for setting, quantities in table.items()
        for quantity, found in quantities.items()
    ]
    wide = [
        {"run": row.name, **options, **dict(row.setting), "seed": row.seed, "state": row.state,
         "reason": row.reason, **_beside(options, row.values)}
        for row in rows
    ]  # fmt: skip
    write_text(files[0], _as_csv(long))
    write_text(files[1], _as_csv(wide))
    write_text(files[2], _as_markdown(table, rows))
    return [*files, *draw(record, rows, table)], _missing(rows)


def _beside(options: Container[str], values: Mapping[str, float]) -> dict[str, float]:
    """Let no value take the column of an option, as that of the loss: it is ``loss.value``."""
    return {f"{key}.value" if key in options else key: value for key, value in values.items()}


def _missing(rows: Sequence[Row]) -> str:
    count = Counter(row.state for row in rows)
    parts = ((count["failed"], "failed"), (count["waiting"], "not finished"))
    said = ", ".join(f"{number} {what}" for number, what in parts if number)
    without = len(rows) - count["finished"]
    return f"Of {len(rows)} runs {without} have no values ({said}); see runs.csv." if said else ""


def _as_csv(lines: Sequence[Mapping[str, object]]) -> str:
    """Write all that the lines have, one column each, in the order in which they come up."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, dict.fromkeys(itertools.chain(*lines)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _as_markdown(table: Table, rows: Sequence[Row]) -> str:
    """One line a setting, one column a score: mean, deviation and interval over seeds."""
    shown = [*results.scores_of(rows), "recon_loss", "kl_loss"]
    heads = ["setting", "runs", *shown]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for setting, same in results.by_setting(rows).items():
        spreads_here = table.get(setting, {})
        cells = [_cell(spreads_here[key]) if key in spreads_here else "" for key in shown]
        count = f"{sum(map(results.is_finished, same))} of {len(same)}"
        lines.append(f"| {results.label(setting)} | {count} | {' | '.join(cells)} |")
    lines += ["", f"Mean ± standard deviation over seeds [{results.INTERVAL}]."]
    failed = [f"- {row.name}: {' '.join(row.reason.split())}" for row in rows if row.reason]
    if failed:
        more = len(failed) - _MOST_REASONS
        lines += ["", "Failed:", "", *failed[:_MOST_REASONS]]
        lines += [f"- and {more} more, in runs.csv"] if more > 0 else []
    return "\n".join(lines) + "\n"


def _cell(found: Spread) -> str:
    if found.std is None:
        return f"{found.mean:.4g}"
    return f"{found.mean:.4g} ± {found.std:.2g} [{found.low:.4g}, {found.high:.4g}]"
