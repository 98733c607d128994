"""The command that shows runs in the browser, or puts them into one file."""

import contextlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from disvae.options import GENERAL, Opening
from disvae.options.common import FLAT, ResultsDir, option
from disvae.runs.find import find_folder, find_place

Precision = Literal["half", "single"]


def explore(
    runs: Annotated[
        tuple[str, ...],
        option(
            GENERAL,
            "Names of runs or sweeps, paths of their folders or of zip files of runs, or zoo:NAME.",
        ),
    ],
    /,
    *,
    results_dir: ResultsDir = Path("results"),
    data_dir: Annotated[
        Path | None, option(GENERAL, "Folder of the datasets; default: as in training.")
    ] = None,
    port: Annotated[
        int,
        Field(ge=0, le=65535),
        option(GENERAL, "Port to serve the page on; 0: any that is free."),
    ] = 0,
    host: Annotated[
        str,
        option(
            GENERAL, "Address to serve on. Any but 127.0.0.1 lets other machines ask, unencrypted."
        ),
    ] = "127.0.0.1",
    no_browser: Annotated[bool, option(GENERAL, "Print the address and open no browser.")] = False,
    export: Annotated[
        Path | None, option(GENERAL, "Write one .html file that needs no server, and stop.")
    ] = None,
    images: Annotated[
        int,
        Field(ge=0, le=1000),
        option(GENERAL, "With --export: put so many images of the dataset in it."),
    ] = 0,
    encoder: Annotated[
        bool, option(GENERAL, "With --export: put the encoder in it, for images of one's own.")
    ] = False,
    precision: Annotated[Precision, option(GENERAL, "With --export: of the weights.")] = "half",
    own: Annotated[Opening, FLAT] = Opening(),  # noqa: B008
) -> None:
    """Show what models learned in the browser: move a latent and see the image change.

    The page is served to this machine until you interrupt the command. With --export it goes
    into one file that opens from disk and from any web host.
    """
    for asked in runs:
        find_place(asked, results_dir, find_folder)  # a typo is told before much is loaded
    if export is not None:
        from disvae.explore.export import export as write

        print(
            write(runs, export, results_dir, data_dir, images, encoder, precision, own.code, own.at)
        )
        return
    from disvae.explore.explorer import Explorer, open_browser

    with Explorer(runs, results_dir, data_dir, host, port, own.code, own.at) as page:
        print(f"The page is at {page.url}\nIts address holds the key; Ctrl-C stops it.", flush=True)
        if host != "127.0.0.1":
            print(
                f"It listens on {host}: whoever can reach this machine there and learns the "
                "address sees the runs and their images, and nothing is encrypted.",
                flush=True,
            )
        if not no_browser:
            open_browser(page.url)
        with contextlib.suppress(KeyboardInterrupt):
            page.wait()
