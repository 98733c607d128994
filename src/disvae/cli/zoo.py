"""The commands about runs that travel: export, zoo."""

from pathlib import Path
from typing import Annotated

from disvae.cli.runs import Existing
from disvae.options import GENERAL, Opening
from disvae.options.common import FLAT, ResultsDir, option
from disvae.runs.find import opened
from disvae.types import ExportFormat

_SHOWN = {"recon_loss": "recon", "kl_loss": "KL", "mig": "MIG", "aam": "AAM"}


def export(
    name: Existing,
    /,
    *,
    to: Annotated[
        ExportFormat,
        option(
            GENERAL,
            "`zip`: the run for another person, who can name that file in place of a run. "
            "`safetensors`: the weights. `onnx`: encoder and decoder, a file each.",
        ),
    ] = "zip",
    out: Annotated[
        Path | None,
        option(GENERAL, "File to write; default: NAME.zip beside the run, else model.* in it."),
    ] = None,
    results_dir: ResultsDir = Path("results"),
    own: Annotated[Opening, FLAT] = Opening(),  # noqa: B008
) -> None:
    """Write a trained model for other programs, or the whole run for other people."""
    run = opened(name, results_dir, own.code, own.at)
    from disvae.runs.export import export as write

    for path in write(run, to, out):
        print(path)


def zoo() -> None:
    """List the trained models that come with disvae: open each as zoo:NAME."""
    from disvae.runs.zoo import animals

    rows = [["run", "MB", *_SHOWN.values(), "here"]]
    for animal in animals():
        numbers = [f"{animal.numbers[k]:.4g}" if k in animal.numbers else "" for k in _SHOWN]
        place = "no" if animal.place is None else str(animal.place)
        rows.append([f"zoo:{animal.name}", f"{animal.size / 1e6:.1f}", *numbers, place])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *middle, last in rows:
        cells = (cell.rjust(width) for cell, width in zip(middle, widths[1:-1], strict=True))
        print("  ".join([first.ljust(widths[0]), *cells, last]))
