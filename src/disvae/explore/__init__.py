"""The explorer: look at what a model learned, in the browser.

The package can be called: ``disvae.explore(run)`` serves the page.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from disvae.explore.explorer import Explorer
    from disvae.runs.run import Run


def explore(
    *runs: "Run | str | Path",
    results_dir: str | Path = "results",
    data_dir: str | Path | None = None,
    port: int = 0,
    browser: bool | None = None,
) -> "Explorer":
    """Show what models learned on a page of this machine; a notebook shows it inline.

    Parameters
    ----------
    *runs
        Runs, names of runs or sweeps in `results_dir`, paths of folders or of runs in zip files,
        or ``zoo:NAME``.
    results_dir, data_dir
        Where runs and prepared datasets lie.
    port
        Of 127.0.0.1; 0: any that is free.
    browser
        Whether to open the browser; default: unless in a notebook.

    Returns
    -------
    Explorer
        With its ``url``; ``close()`` stops it, ``wait()`` serves until interrupted.

    Raises
    ------
    UserError
        If a run cannot be opened, or the port is taken.

    Examples
    --------
    >>> page = disvae.explore(run)  # doctest: +SKIP
    >>> page.close()  # doctest: +SKIP
    """
    from disvae.explore.explorer import Explorer, open_browser

    page = Explorer(
        runs, Path(results_dir), None if data_dir is None else Path(data_dir), port=port
    )
    if browser if browser is not None else "ipykernel" not in sys.modules:
        open_browser(page.url)
    return page


class _Room(ModuleType):
    """The package, which is also what it does: `disvae.explore(run)`."""

    __call__ = staticmethod(explore)


sys.modules[__name__].__class__ = _Room
