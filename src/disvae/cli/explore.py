"""The command that shows runs in the browser, or puts them into one file."""

import contextlib
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import Field

from disvae.options import GENERAL, OwnCode
from disvae.options.common import FLAT, flag

Precision = Literal["half", "single"]


def explore(
    runs: Annotated[
        tuple[str, ...],
        Parameter(group=GENERAL, help="Names of runs or sweeps, or paths of their folders."),
    ],
    /,
    *,
    results_dir: Annotated[Path, Parameter(group=GENERAL, help="Folder that holds the runs.")] = (
        Path("results")
    ),
    data_dir: Annotated[
        Path | None,
        Parameter(group=GENERAL, help="Folder of the datasets; default: as in training."),
    ] = None,
    port: Annotated[
        Annotated[int, Field(ge=0, le=65535)],
        Parameter(group=GENERAL, help="Port to serve the page on; 0: any that is free."),
    ] = 0,
    host: Annotated[
        str,
        Parameter(
            group=GENERAL,
            help="Address to serve on. Any but 127.0.0.1 lets other machines ask, unencrypted.",
        ),
    ] = "127.0.0.1",
    no_browser: Annotated[bool, flag(GENERAL, "Print the address and open no browser.")] = False,
    export: Annotated[
        Path | None,
        Parameter(group=GENERAL, help="Write one .html file that needs no server, and stop."),
    ] = None,
    images: Annotated[
        Annotated[int, Field(ge=0, le=1000)],
        Parameter(group=GENERAL, help="With --export: put so many images of the dataset in it."),
    ] = 0,
    encoder: Annotated[
        bool, flag(GENERAL, "With --export: put the encoder in it, for images of one's own.")
    ] = False,
    precision: Annotated[
        Precision, Parameter(group=GENERAL, help="With --export: of the weights.")
    ] = "half",
    own: Annotated[OwnCode, FLAT] = OwnCode(),  # noqa: B008
) -> None:
    """Show what models learned in the browser: move a latent and see the image change.

    The page is served to this machine until you interrupt the command. With --export it goes
    into one file that opens from disk and from any web host.
    """
    if export is not None:
        from disvae.explore.export import export as write

        print(write(runs, export, results_dir, data_dir, images, encoder, precision, own.code))
        return
    from disvae.explore.explorer import Explorer, open_browser

    with Explorer(runs, results_dir, data_dir, host, port, own.code) as page:
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
