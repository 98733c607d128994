"""The code of a user's own that a run was made with, and what they give again of it."""

import logging
from pathlib import Path
from typing import Any, Protocol

from disvae.options import RunOptions, UserCode

logger = logging.getLogger("disvae")


class Described(Protocol):
    """What is known of a run without its weights, logs and images; every `Run` is one."""

    path: Path
    specs: dict[str, Any]
    options: RunOptions
    code: dict[str, UserCode]


def recorded_code(run: Described, option: str) -> dict[str, str] | None:
    """Return name and hash of the code that `run` was made with in place of `option`."""
    recorded = run.specs.get("user_code")
    record = recorded.get(option) if isinstance(recorded, dict) else None
    if not isinstance(record, dict) or not isinstance(record.get("name"), str):
        return None
    return {"name": record["name"], "sha256": str(record.get("sha256", ""))}


def changed_code(run: Described) -> dict[str, str]:
    """Return what was given again, but is not what `run` was made with, by option."""
    return {
        option: own.label
        for option, own in run.code.items()
        if own.record != (recorded_code(run, option) or own.record)
    }


def warn_of_changes(run: Described, option: str) -> None:
    """Say so if the code that was given again for `option` differs from the run's."""
    if label := changed_code(run).get(option):
        logger.warning("%s is not the file that %s was made with.", label, run.path)
