"""Files that are written whole or not at all."""

import contextlib
import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from disvae.errors import UserError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block succeeds.

    Readers see the old file or the new one, never a part of either. A block
    that fails leaves no file behind.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{path.suffix}")
    temporary.touch(exist_ok=False)
    try:
        yield temporary
        put_in_place(temporary, path)
    except OSError as error:
        error.filename = str(path)  # a full disk does not say which file
        raise
    finally:
        temporary.unlink(missing_ok=True)


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a complete file to `path`, once it is safe on the disk."""
    with temporary.open("rb+") as written:
        os.fsync(written.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def remove_rests(folder: Path, suffixes: Collection[str]) -> None:
    """Remove the temporary files of `replacing` that a killed process left in `folder`."""
    for path in folder.glob(".*"):
        ours = re.fullmatch(r"\..+(\.\w+)\.[a-z0-9_]{8}\1", path.name)
        if ours and path.suffix in suffixes and path.is_file():
            path.unlink()


def write_bytes(path: Path, content: bytes) -> None:
    """Replace the file at `path` by `content`, atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Replace the file at `path` by `content`, atomically, in UTF-8."""
    write_bytes(path, content.encode("utf-8"))


def read_whole(path: Path, most: int = 2**28) -> bytes:
    """Read a regular file of at most `most` bytes; anything else at `path` is a `UserError`."""
    require_regular(path, most)
    return path.read_bytes()


def require_regular(path: Path, most: int) -> None:
    """Refuse (`UserError`) what is no regular file, or one of more than `most` bytes.

    A pipe would be waited for, and a file of gigabytes of nothing would fill the memory.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{path} is no regular file; put a copy of the file there.")
    if found.st_size > most:
        raise UserError(
            f"{path} has {found.st_size:,} bytes, but {most:,} are the most that such a file can "
            "have; restore it from a copy."
        )


def memory() -> int:
    """Return the bytes of memory that this machine has; a guess where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**33


def read_json(path: Path) -> dict[str, Any]:
    """Read the JSON object at `path`; `UserError` if the file holds anything else."""
    text = read_whole(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged (not a JSON object); restore it from a copy.")
    return content


def to_json(content: Mapping[str, Any]) -> str:
    """Write `content` as all our files have it: sorted and indented."""
    return json.dumps(content, indent=4, sort_keys=True, default=str) + "\n"


def merge_json(
    path: Path,
    entries: Mapping[str, Any],
    tidied: Callable[[Mapping[str, Any]], dict[str, Any]] = dict,
) -> dict[str, Any]:
    """Put `entries` into the JSON object at `path`, over those of the same name; return all.

    What is written, and returned, is all of them as `tidied` has it.
    """
    from filelock import FileLock  # here, so that no list or help waits for it

    if not path.parent.is_dir():  # the lock would make it anew
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    with FileLock(path.with_name(f".{path.name}.lock")):  # others may merge theirs
        merged = tidied({**(read_json(path) if path.exists() else {}), **entries})
        # a row of a matrix is a line
        rows = re.compile(r"\[\n\s+((?:[-+\d.eE]+,?\s+)+)\]")
        text = rows.sub(lambda row: f"[{' '.join(row[1].split())}]", to_json(merged))
        write_text(path, text)
    return merged


def _sync_folder(folder: Path) -> None:
    """Let the new name reach the disk too; some systems cannot."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
