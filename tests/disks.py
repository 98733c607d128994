"""Disks that tests can fill."""

import contextlib
from pathlib import Path


def fill(disk: Path) -> None:
    """Write a file ``ballast`` until no byte is left."""
    with (disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(4096))
