"""The folders of new runs: their names, their creation, the archives of old ones."""

import contextlib
import glob
import itertools
import os
import re
import shutil
import stat
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from disvae.errors import UserError
from disvae.options import RunOptions, UserCode
from disvae.storage.files import put_in_place, read_json, to_json, write_text

if TYPE_CHECKING:
    from disvae.runs.run import Run

ARCHIVE = r"(?P<name>.+)\.\d{8}-\d{6}(-\d+)?\.zip"  # file names of archived runs
_SCRATCH = ".{}.unfinished-"
_VERSIONED = ("disvae", "torch", "lightning-fabric", "numpy", "pillow")


def create_run(
    path: Path,
    options: RunOptions,
    given: Mapping[str, Any],
    facts: Mapping[str, Any],
    code: Mapping[str, UserCode] | None = None,
) -> "Run":
    """Make the folder of a new run and write its ``specs.json``.

    A run that is there already is kept: it goes to ``<name>.<time>.zip`` beside it. `given` is
    what the user chose; `facts` are more entries: ``img_size``, ``n_data``, ``used`` and others.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() or path.is_symlink():
        _archive(path)
    specs = {
        "name": path.name,
        **options.model_dump(mode="json", exclude=options.of_other_losses()),
        "given": dict(given),
        **facts,
        "versions": {name: metadata.version(name) for name in _VERSIONED},
    }
    with _scratch(path) as scratch:
        new = scratch / path.name
        new.mkdir()
        write_text(new / "specs.json", to_json(specs))
        new.rename(path)
    from disvae.runs.run import Run  # names and folders need no PyTorch

    return Run(path, code)


@contextlib.contextmanager
def sole_trainer(path: Path) -> Iterator[None]:
    """Hold the lock of the run in `path`, which ends with the process that holds it."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(path.with_name(f".{path.name}.lock")).acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"Another process trains {path}; wait for its end, or choose another name."
        ) from None
    with lock:
        for rest in path.parent.glob(f"{_SCRATCH.format(glob.escape(path.name))}????????"):
            shutil.rmtree(rest)  # of a process that was killed
        yield


def run_path(results_dir: Path, name: str) -> Path:
    """Return the folder of run `name`; `UserError` if that cannot be the name of a folder."""
    if not re.fullmatch(r"[\w][\w.+=,@ -]{0,99}", name) or name != name.rstrip(". "):
        raise UserError(
            f"{name[:120]!r} cannot be the name of a run; use 1 to 100 letters, digits and any of "
            "'_-.+=,@', the first a letter or digit."
        )
    return results_dir / name


def refuse_other_folders(path: Path) -> None:
    """Leave alone what is no run, with a `UserError`: a file, a link, a sweep, any other folder."""
    is_run = (path / "specs.json").is_file() and not path.is_symlink()
    if (path.exists() or path.is_symlink()) and not is_run:
        raise UserError(
            f"{path} is there already and is no folder of a run; move it away, or choose another "
            "name."
        )


def archive(path: Path) -> Path:
    """Move the run at `path`, which nobody trains, into a new zip file beside it; return that."""
    with sole_trainer(path):
        return _archive(path)


def is_archive(path: Path) -> bool:
    """Whether it is a file that `archive` made, by its name."""
    return re.fullmatch(ARCHIVE, path.name) is not None and path.is_file()


def remove(path: Path) -> None:
    """Delete the run at `path`, which nobody trains, or the archive of one."""
    if path.is_file():
        path.unlink()
        return
    refuse_other_folders(path)
    with sole_trainer(path), _scratch(path) as scratch:
        path.rename(scratch / path.name)  # goes as a whole


def rename(path: Path, name: str) -> Path:
    """Give the run at `path`, which nobody trains, another name; return where it is."""
    new = run_path(path.parent, name)
    refuse_other_folders(path)
    if new.exists() or new.is_symlink():
        raise UserError(f"{new} is there already; choose another name.")
    if (path.parent / "sweep.json").is_file():
        raise UserError(f"{path} is a run of a sweep, which knows it by its name; leave it that.")
    with sole_trainer(path), sole_trainer(new):
        specs = read_json(path / "specs.json")
        path.rename(new)
        write_text(new / "specs.json", to_json({**specs, "name": name}))
    return new


def _archive(path: Path) -> Path:
    """Move the run at `path` into a new zip file beside it."""
    refuse_other_folders(path)
    with _scratch(path) as scratch:
        packed, contents = scratch / "run.zip", None
        while contents != (contents := _contents(path)):  # a plot may come in meanwhile
            with contextlib.suppress(FileNotFoundError):  # or go; then the contents differ
                _pack(path, packed)
        put_in_place(packed, file := _new_file(path, ".zip"))
        path.rename(scratch / path.name)  # goes as a whole
    return file


def _contents(path: Path) -> dict[Path, tuple[int, int]]:
    """Return size and time of all that is below `path`."""
    found = {}
    for file in path.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            state = file.lstat()
            found[file] = state.st_size, state.st_mtime_ns
    return found


def _pack(path: Path, packed: Path) -> None:
    # clocks may be wrong: dates before 1980, which zip files do not know, become 1980
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for file in sorted(path.rglob("*")):
            # names that are no UTF-8, which zip files do not know, show their bytes
            inside = os.fsencode(file.relative_to(path.parent)).decode("utf-8", "backslashreplace")
            if file.is_symlink():
                link = zipfile.ZipInfo(inside)
                link.create_system = 3  # Unix, whose kinds of files the attributes tell
                link.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(link, os.fsencode(file.readlink()))
            elif file.is_file() or file.is_dir():
                archive.write(file, inside)


@contextlib.contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """Give a hidden folder beside `path`; the next `sole_trainer` removes what a kill leaves."""
    prefix = _SCRATCH.format(path.name)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=path.parent) as folder:
        yield Path(folder)


def _new_file(path: Path, suffix: str) -> Path:
    """Reserve ``<path>.<time><suffix>``; never a name that is taken."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in itertools.count(1):
        file = path.with_name(f"{path.name}.{stamp}{f'-{number}' * (number > 1)}{suffix}")
        with contextlib.suppress(FileExistsError):
            file.touch(exist_ok=False)
            break
    return file
