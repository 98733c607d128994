"""The commands of studies: experiments, sweep, summary."""

import sys
from pathlib import Path
from typing import Annotated

from disvae.options import GENERAL, SCORES, SweepOptions
from disvae.options.common import FLAT, ResultsDir, option
from disvae.options.experiments import NAMES, experiment_options
from disvae.runs.find import find_sweep


def experiments() -> None:
    """List the predefined experiments with the options that each sets."""
    for name in NAMES:
        given = experiment_options(name).items()
        options = " ".join(f"--{key.replace('_', '-')} {value}" for key, value in given)
        print(f"{name:18} {options or '(the defaults)'}")


def sweep(
    file: Annotated[Path | None, option(GENERAL, "A TOML file with the options below.")] = None,
    /,
    *,
    options: Annotated[SweepOptions, FLAT] = SweepOptions(),  # noqa: B008
) -> int:
    """Train and score many runs: experiments, a grid of options, several seeds.

    The runs are kept in `results/NAME`. Call it again to go on after an interruption, or to add
    runs; finished ones are kept. Options that you type win over those of the file.
    """
    from disvae.sweep.description import code_in, plan_runs, read_sweep, with_labels
    from disvae.sweep.local import prepare_workers

    typed = {field: getattr(options, field) for field in options.model_fields_set}
    chosen = read_sweep(file, typed)
    code = code_in(typed)
    chosen = with_labels(chosen, code)
    planned = plan_runs(chosen, code)
    if chosen.executor == "local" and not chosen.dry_run:
        prepare_workers()  # which load PyTorch; this process needs it for a preview only
    if chosen.dry_run:
        from disvae.sweep.preview import preview

        print(preview(chosen, planned, code))
        return 0
    from disvae.sweep.execution import execute

    record = execute(chosen, planned, code)
    failures = record.failures
    for name, reason in failures.items():
        print(f"{name} failed: {reason}", file=sys.stderr)
    print(f"The sweep is in {record.folder}; its table: disvae summary {chosen.name}")
    return 1 if failures else 0


def summary(
    name: Annotated[str, option(GENERAL, "Name of the sweep, or the path of its folder.")],
    /,
    *,
    results_dir: ResultsDir = Path("results"),
    udr: Annotated[
        bool,
        option(
            SCORES, "Compute UDR of more than 100 runs too; each is encoded, in about a second."
        ),
    ] = False,
) -> None:
    """Summarise a sweep: a table of losses and scores over seeds, and plots of it."""
    folder = find_sweep(name, results_dir)  # a typo is told before PyTorch is loaded
    from disvae.sweep.record import Record
    from disvae.sweep.summary import summarise

    files, missing = summarise(Record(folder), udr)
    for path in files:
        print(path)
    if missing:
        print(missing, file=sys.stderr)
