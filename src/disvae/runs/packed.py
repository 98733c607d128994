"""A run in a zip file, as `disvae.export` writes it and `disvae runs archive`: read in place."""

import functools
import tempfile
from pathlib import Path

from disvae.errors import UserError

_NAME = r"\w[\w.+=,@ -]{0,99}"
_MOST = 2**30  # bytes of a file
_MOST_IN_ALL = 2**31


def unpack(path: Path) -> Path:
    """Unpack the run in the zip file `path`; return its folder, which goes with this process.

    A file is unpacked once. One that is damaged, larger than runs are, or no run is a `UserError`.
    """
    state = path.stat()
    folder, name = _unpacked(path.resolve(), state.st_size, state.st_mtime_ns)
    return Path(folder.name) / name


@functools.cache
def _unpacked(path: Path, *_: int) -> tuple[tempfile.TemporaryDirectory[str], str]:
    from disvae.data.raw.archives import open_zip  # which needs NumPy

    folder = tempfile.TemporaryDirectory(prefix="disvae-", ignore_cleanup_errors=True)
    left = _MOST_IN_ALL
    with open_zip(path, f"{_NAME}/{_NAME}", _MOST) as (files, read):
        runs = {file.partition("/")[0] for file in files if file.endswith("/specs.json")}
        if len(runs) != 1:
            raise UserError(
                f"{path} holds {len(runs) or 'no'} run{'s' * (len(runs) > 1)} (NAME/specs.json); "
                "name a file that disvae export or disvae runs archive wrote."
            )
        run = runs.pop()
        (Path(folder.name) / run).mkdir()
        for file in files:
            if file.startswith(f"{run}/"):
                content = read(file)
                left -= len(content)
                if left < 0:
                    raise UserError(
                        f"{path} would fill more than the {_MOST_IN_ALL:,} bytes that a run may; "
                        "unpack it yourself and name its folder."
                    )
                (Path(folder.name) / file).write_bytes(content)
    return folder, run
