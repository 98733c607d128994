"""The runs and archives of a folder, by their files alone: no PyTorch, thousands in a second."""

import math
import os
import re
import stat
import zipfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json

from disvae.errors import UserError
from disvae.runs.folder import ARCHIVE

_TAIL = 2**13  # bytes of a log's end, which hold its last epoch
_MOST = 2**24  # bytes of a file that are read
_CONDITION = re.compile(r"\s*([\w.@-]+)\s*(<=|>=|!=|=|<|>)\s*(.+?)\s*")

Read = Callable[[str], bytes]  # a file by its name; empty if there is none


class Listed(NamedTuple):
    """A run, an archive of one, or a sweep, as its files tell it.

    Attributes
    ----------
    name
        Of the folder or the file.
    state
        ``finished``, ``stopped`` (or in training), ``begun``, ``archived``, ``damaged``, ``sweep``.
    specs
        All of its ``specs.json``.
    numbers
        Test losses, or without them those of the last epoch; scores, with their parts as
        ``dci.completeness``; ``epochs``, ``size`` in bytes, ``time`` of the last change.
    """

    name: str
    state: str
    specs: dict[str, Any]
    numbers: dict[str, float]

    def option(self, key: str) -> str | None:
        """Return an option as text; None if it has none of that name."""
        value = self.specs.get(key)
        return None if key not in self.specs or isinstance(value, dict) else str(value)

    def number(self, key: str) -> float | None:
        """Return a number by its name: a loss, a score, an option that is one."""
        if key in self.numbers:
            return self.numbers[key]
        try:
            return float(self.option(key) or "")
        except ValueError:
            return None


def list_runs(folder: Path) -> list[Listed]:
    """List the runs, archives and sweeps in `folder`, by name; none there is a `UserError`."""
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}; name the one that holds the runs.")
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    return [found for entry in entries if (found := _listed(entry)) is not None]


def _listed(entry: os.DirEntry[str]) -> Listed | None:
    if entry.is_dir():
        files = set(os.listdir(entry.path))  # noqa: PTH208 - one look, not one a file
        if "specs.json" in files:
            state = "begun"
            if "checkpoint.pt" in files:
                state = "stopped"
            elif "model.pt" in files:
                state = "finished"
            return _described(entry.name, state, partial(_read, entry.path, files), _disk(entry))
        if "sweep.json" in files:
            runs = sum(1 for _ in Path(entry.path).glob("*/specs.json"))
            return Listed(entry.name, "sweep", {}, {"runs": float(runs), **_disk(entry)})
    elif (archive := re.fullmatch(ARCHIVE, entry.name)) is not None:
        file = entry.stat()
        facts = {"size": float(file.st_size), "time": file.st_mtime}
        try:
            with zipfile.ZipFile(entry.path) as packed:
                inside = partial(_packed, packed, archive["name"])
                return _described(entry.name, "archived", inside, facts)
        except (OSError, ValueError, zipfile.BadZipFile):
            return Listed(entry.name, "damaged", {}, facts)
    return None


def _described(name: str, state: str, read: Read, facts: Mapping[str, float]) -> Listed:
    specs = _object(read("specs.json"))
    if specs is None:
        return Listed(name, "damaged", {}, dict(facts))
    last = dict(_last_epoch(read("train_losses.log")))
    tested = _object(read("test_losses.log"))
    numbers = {**last, **_numbers(tested or {}), **_scores(_object(read("metrics.log")) or {})}
    return Listed(name, state, specs, {**numbers, **facts})


def _read(folder: str, files: Container[str], name: str) -> bytes:
    """Return a file, of a log its end: logs of thousands of epochs would take seconds."""
    if name not in files:
        return b""
    path, is_long = f"{folder}/{name}", name == "train_losses.log"
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time
        if not stat.S_ISREG(found.st_mode) or (found.st_size > _MOST and not is_long):
            return b""
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            file.seek(max(0, found.st_size - _TAIL) if is_long else 0)
            return file.read(_MOST)
    except OSError:
        return b""


def _packed(archive: zipfile.ZipFile, folder: str, name: str) -> bytes:
    try:
        found = archive.getinfo(f"{folder}/{name}")
    except KeyError:
        return b""
    return b"" if found.file_size > _MOST else archive.read(found)


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        found = from_json(content, cache_strings="keys")  # in half the time of json.loads
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _last_epoch(log: bytes) -> Iterator[tuple[str, float]]:
    """Yield the terms of the last epoch, and how many epochs there are."""
    last = None
    for line in reversed(log[-_TAIL:].splitlines()):
        epoch, _, rest = line.partition(b",")
        term, _, value = rest.partition(b",")
        if not (epoch.isdigit() and len(epoch) < 10) or last not in (None, epoch):
            return
        if last is None:
            yield "epochs", float(epoch) + 1
        last = epoch
        if (number := _number(value)) is not None:
            yield term.decode("utf-8", "replace"), number


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {key: n for key, value in values.items() if (n := _number(value)) is not None}


def _scores(log: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for score, result in log.items():
        if score in ("MIG", "AAM") and (value := _number(result)) is not None:
            found.setdefault(score.lower(), value)  # all that the original system has
        if isinstance(result, dict) and (value := _number(result.get("value"))) is not None:
            found[score] = value
            parts = result.get("parts")
            for part, inner in parts.items() if isinstance(parts, dict) else ():
                number = _number(inner.get("mean") if isinstance(inner, dict) else inner)
                if number is not None:
                    found[f"{score}.{part}"] = number
    return found


def _number(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, (int, float, str, bytes)) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _disk(folder: os.PathLike[str]) -> dict[str, float]:
    """Return the bytes below `folder`, and when anything there changed last."""
    size, latest, waiting = 0, 0.0, [os.fspath(folder)]
    while waiting:
        for entry in os.scandir(waiting.pop()):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            else:
                file = entry.stat(follow_symlinks=False)
                size, latest = size + file.st_size, max(latest, file.st_mtime)
    return {"size": float(size), "time": latest}


def chosen(runs: Iterable[Listed], conditions: Sequence[str]) -> list[Listed]:
    """Return the runs that meet all `conditions`, as ``loss=btcvae``, ``mig>0.2``, ``name=b*``."""
    parsed = [_parsed(condition) for condition in conditions]
    return [run for run in runs if all(meets(run) for meets in parsed)]


def _parsed(condition: str) -> Callable[[Listed], bool]:
    match = _CONDITION.fullmatch(condition)
    if match is None:
        raise UserError(
            f"{condition[:100]!r} is no condition; write it as loss=btcvae, name=beta* or mig>0.2."
        )
    key, sign, wanted = match.groups()
    key = key.replace("-", "_")
    if sign in ("=", "!="):
        options = wanted.split(",")

        def is_one(run: Listed) -> bool:
            text = {"name": run.name, "state": run.state}.get(key, run.option(key))
            if text is None:
                number, goals = run.number(key), map(_number, options)
                return (number is not None and number in goals) == (sign == "=")
            return any(fnmatchcase(text, each) for each in options) == (sign == "=")

        return is_one
    if (bound := _number(wanted)) is None:
        raise UserError(f"{condition[:100]!r} compares with no number; write it as mig>0.2.")

    def compares(run: Listed) -> bool:
        number = run.number(key)
        signs = {"<": -1, "<=": -1, ">": 1, ">=": 1}
        return number is not None and (
            (number - bound) * signs[sign] > 0 or ("=" in sign and number == bound)
        )

    return compares


def ordered(runs: Sequence[Listed], key: str, reverse: bool) -> list[Listed]:
    """Sort runs: scores, size and time from the largest, all else from the smallest on.

    Those without the number come last. A key that no run has is a `UserError`.
    """
    key = key.replace("-", "_")
    if key == "name" or not runs:
        return sorted(runs, key=lambda run: run.name, reverse=reverse)
    known = [run for run in runs if run.number(key) is not None]
    if not known:
        names = sorted({name for run in runs for name in run.numbers if "_loss_" not in name})
        raise UserError(
            f"No run has a number {key[:100]!r} to sort by; there are {', '.join(names)[:500]}."
        )
    falls = not (key == "epochs" or key == "loss" or key.endswith("_loss")) and any(
        key in run.numbers for run in known
    )
    known.sort(key=lambda run: run.number(key) or 0.0, reverse=falls != reverse)
    return known + [run for run in runs if run.number(key) is None]
