"""What this process writes, removes, starts or connects to, by Python's audit events."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
ONE_PATH = {"os.mkdir", "os.remove", "os.rmdir", "os.chmod", "shutil.rmtree"}
TWO_PATHS = {"os.rename", "shutil.move"}
LINKS = {"os.link", "os.symlink"}
AWAY = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"}
# of the tools around the tests, and of multiprocessing
ALLOWED = ("/.hypothesis", "/__pycache__", "/.pytest_cache/", "/dev/null", "/pymp-")

_seen: list[str] | None = None


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _seen is None:
        return
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
    # those with a handle of a folder are below one that was noted before
    if writes or (event in ONE_PATH and arguments[-1] in (None, -1)):
        _note_paths(arguments[:1])
    elif event in TWO_PATHS:
        _note_paths(arguments[:2])
    elif event in LINKS:
        _note_paths(arguments[1:2])
    elif event in AWAY:
        _seen.append(f"{event} {arguments[:2]}")
    elif event == "socket.connect" and "127.0.0.1" not in str(arguments[1]):
        _seen.append(f"{event} {arguments[1]}")  # the tests' own servers are here


def _note_paths(paths: tuple[object, ...]) -> None:
    assert _seen is not None
    _seen.extend(
        os.path.realpath(os.fsdecode(path))
        for path in paths
        if isinstance(path, str | bytes | os.PathLike)
    )


sys.addaudithook(_note)  # which stays until the process ends


@contextmanager
def watching(inside: Path) -> Iterator[list[str]]:
    """Give the list of what is done elsewhere than in `inside`, complete after the block."""
    global _seen
    outside: list[str] = []
    _seen = []
    try:
        yield outside
    finally:
        seen, _seen = _seen, None
        root = os.path.realpath(inside) + os.sep
        outside += [
            place
            for place in seen
            if not place.startswith(root) and not any(part in place for part in ALLOWED)
        ]
