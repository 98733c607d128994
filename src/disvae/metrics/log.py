"""Scores in files: merged with those that stand there, what several share written once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from disvae.metrics.registry import SCORES
from disvae.storage.files import merge_json


def merge_scores(path: Path, results: Mapping[str, Any]) -> dict[str, Any]:
    """Put the `results` of `disvae.metrics.evaluate` into the file at `path`; return all of it.

    Scores that stand there already are replaced. What one score has the same as another (``mig``
    and ``aam`` their information matrix) stands under the first of `SCORES` only.
    """
    return merge_json(path, results, _without_repeats)


def _without_repeats(scores: Mapping[str, Any]) -> dict[str, Any]:
    written: list[tuple[str, Any]] = []
    kept = dict(scores)
    for name in SCORES:
        parts = kept[name].get("parts") if isinstance(kept.get(name), dict) else None
        if isinstance(parts, dict):
            lists = [part for part in parts.items() if isinstance(part[1], list)]
            own = {key: parts[key] for key in parts if (key, parts[key]) not in written}
            written += lists
            kept[name] = {**kept[name], "parts": own}
    return kept
