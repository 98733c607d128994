"""Serving the page from Python: in the background, in a notebook, from the command line."""

import contextlib
import html
import logging
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from disvae.errors import UserError
from disvae.explore.opening import find_runs
from disvae.explore.server import Bundles, make_app
from disvae.options import UserCode
from disvae.runs.run import Run

_LOOPBACK = "127.0.0.1"
_UNSPECIFIED = ("", "0.0.0.0", "::")  # noqa: S104 - refused
_MOST_CONNECTIONS = 512


class Explorer:
    """A page about some runs, served to this machine until `close`.

    Notebooks show it inline.

    Parameters
    ----------
    runs
        Runs, names, or folders; see `disvae.explore`.
    results_dir, data_dir
        Where runs and prepared datasets lie.
    host, port
        Where to listen; port 0: any that is free.
    code
        Code of the user's own that the runs were made with; see `Run`.
    at
        Which of their weights; see `disvae.open_run`.

    Attributes
    ----------
    url
        Where the page is; it holds the key.

    Raises
    ------
    UserError
        If a run cannot be opened, or the port is taken.
    """

    def __init__(
        self,
        runs: Sequence[Run | str | Path],
        results_dir: Path = Path("results"),
        data_dir: Path | None = None,
        host: str = _LOOPBACK,
        port: int = 0,
        code: Mapping[str, UserCode] | None = None,
        at: int | str | None = None,
    ):
        asked = find_runs(runs, results_dir, code, at)
        bundles = Bundles(asked, data_dir)
        if not asked.as_table:
            for number in range(len(asked.runs)):
                bundles.get(number)
        listener = _listen(host, port)
        self.port: int = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        token = secrets.token_urlsafe(32)
        self.url = f"http://{shown}:{self.port}/#token={token}"
        app = make_app(bundles, f"{shown}:{self.port}", token, framed=_in_notebook())
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # what matters is said by us
        settings = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, daemon=True
        )
        self._thread.start()
        # meanwhile the browser starts and loads the page
        if asked.as_table:  # no daemon: Python may not end while it loads PyTorch
            threading.Thread(target=import_module, args=["disvae.explore.bundle"]).start()
        else:
            threading.Thread(target=lambda: bundles.get(0).networks, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Explorer({self.url!r})"

    def _repr_html_(self) -> str:
        return (
            f'<iframe src="{html.escape(self.url)}" title="disvae explore" width="100%" '
            'height="760" style="border: 1px solid #8884; border-radius: 8px"></iframe>'
        )

    def wait(self) -> None:
        """Serve until interrupted."""
        while self._thread.is_alive():
            self._thread.join(0.2)

    def close(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join(5)


def open_browser(url: str) -> bool:
    """Open the page where a window can be; return whether it was tried."""
    windowed = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    with contextlib.suppress(webbrowser.Error):
        return windowed and webbrowser.open(url)
    return False


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules


def _listen(host: str, port: int) -> socket.socket:
    """Bind the one address that the page will be asked for under."""
    if host in _UNSPECIFIED:
        raise UserError(
            f"--host {host} is no address to be asked for under; give the one of this "
            "machine that others reach it by."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":  # there it would let others take the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise UserError(
            f"Port {port} of {host} cannot be used ({error.strerror or error}); "
            "choose another --port, or none for any that is free."
        ) from None
    return listener
