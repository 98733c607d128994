"""The commands between images and codes: encode, decode."""

import logging
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from disvae.cli.runs import Existing
from disvae.errors import UserError
from disvae.options import GENERAL, Device, Opening
from disvae.options.common import FLAT, PLOT, option
from disvae.runs.find import opened


def encode(
    name: Existing,
    out: Annotated[Path, option(GENERAL, "File to write: .npz.")],
    /,
    *,
    split: Annotated[
        Literal["train", "test"], option(GENERAL, "Images to encode; `test`: those held out.")
    ] = "train",
    where: Annotated[Device, FLAT] = Device(),  # noqa: B008
    own: Annotated[Opening, FLAT] = Opening(),  # noqa: B008
) -> None:
    """Encode the images of a trained model: posteriors and factors, as `disvae score` reads them.

    The file holds mean and logvar [N, D], indices [N] of the images in the dataset, and where they
    are known factors [N, K] and factor_names.
    """
    run = opened(name, where.results_dir, own.code, own.at)
    from disvae.devices.fabric import make_fabric
    from disvae.metrics.codes import write_codes

    logging.getLogger("disvae").setLevel(where.log_level)
    if out.suffix.lower() != ".npz":  # before anything is encoded
        raise UserError(f"Codes go into an .npz file, but {out} is none; rename it.")
    dataset = run.dataset(where.data_dir, split)
    codes = run.encode(
        where.data_dir,
        make_fabric(where).device,
        run.options.eval_batchsize,
        not where.no_progress_bar,
        split=split,
    )
    write_codes(out, codes, dataset.indices)
    print(f"The codes of {len(dataset):,} images are in {out}")


def decode(
    name: Existing,
    codes: Annotated[Path, option(GENERAL, "An .npz file with codes: mean [N, D].")],
    out: Annotated[Path, option(GENERAL, "File to write: .png, .pdf or .svg.")],
    /,
    *,
    rows: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        option(PLOT, "Rows of the file to decode; default: all.", "-i", consume_multiple=True),
    ] = (),
    n_cols: Annotated[int, Field(ge=1, le=1000), option(PLOT, "Images in a line.", "-c")] = 10,
    upsample_factor: Annotated[
        int, Field(ge=1, le=64), option(PLOT, "Side of the square that each pixel becomes.", "-u")
    ] = 1,
    where: Annotated[Device, FLAT] = Device(),  # noqa: B008
    own: Annotated[Opening, FLAT] = Opening(),  # noqa: B008
) -> None:
    """Decode codes by a trained model, and draw the images line by line."""
    run = opened(name, where.results_dir, own.code, own.at)
    from disvae.devices.fabric import make_fabric
    from disvae.metrics.codes import read_means
    from disvae.plots.figures import write_as
    from disvae.plots.samples import decoded

    means = read_means(codes)
    if rows and max(rows) >= len(means):
        raise UserError(f"--rows: {codes} has the rows 0 to {len(means) - 1}, not {max(rows)}.")
    chosen = means[list(rows)] if rows else means
    drawing = {"n_cols": n_cols, "upsample_factor": upsample_factor}
    write_as(out, decoded, run, chosen, device=make_fabric(where).device, **drawing)
    print(f"{len(chosen):,} images are in {out}")
