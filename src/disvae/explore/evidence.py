"""What is known of a run's latents: KL, scores, matrices, losses; read from its logs only.

The logs may come from strangers: the page gets numbers, and texts of known length.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from disvae.errors import UserError
from disvae.runs.run import Run
from disvae.storage.files import read_json

_LONGEST_TEXT = 200
_MOST_EPOCHS = 1000  # of a curve; longer ones are thinned
_KNOWS = 0.01  # nats, or share of importance: less is what estimates scatter by
_MATRICES = (  # score, its matrix, whether codes are the rows, the title
    ("mig", "mutual_information", False, "Mutual information I(z; v), nats"),
    ("aam", "mutual_information", False, "Mutual information I(z; v), nats"),
    ("dci", "importance", True, "DCI importance"),
)


def logged_kl(run: Run) -> list[float] | None:
    """KL of each latent in the model's epoch, in nats; None if the log does not say it."""
    try:
        logged = run.kl
    except UserError:
        return None
    return None if logged is None or not np.isfinite(logged).all() else logged.tolist()


def order_of(kl: Sequence[float] | None, latent_dim: int) -> list[int]:
    """Return the latents, largest KL first, as the plots order them."""
    if kl is None:
        return list(range(latent_dim))
    order: Int[np.ndarray, "D"] = np.argsort(-np.asarray(kl), kind="stable")
    return [int(latent) for latent in order]


def scores(run: Run) -> list[dict[str, Any]]:
    """Return every score of ``metrics.log`` with its value, spread and settings."""
    found = []
    for name, entry in _metrics(run).items():
        if not isinstance(entry, Mapping) or number(entry.get("value")) is None:
            continue  # MIG and AAM stand in the log a second time, as numbers
        parts, settings = _mapping(entry.get("parts")), _mapping(entry.get("settings"))
        found.append(
            {
                "name": text(name),
                "value": number(entry["value"]),
                "std": number(entry.get("std")),
                "parts": {text(key): n for key, part in parts.items() for n in [_mean(part)] if n},
                "settings": {text(key): text(value) for key, value in settings.items()},
            }
        )
    return found


def matrices(run: Run) -> list[dict[str, Any]]:
    """Return the matrices behind the scores: factors by codes, with the factors' names."""
    found: dict[str, dict[str, Any]] = {}
    for score, part, codes_first, title in _MATRICES:
        entry = _mapping(_metrics(run).get(score))
        values = _table(_mapping(entry.get("parts")).get(part))
        names = _mapping(entry.get("settings")).get("factors")
        if values is None or not isinstance(names, list):
            continue
        values = values.T if codes_first else values
        if values.shape == (len(names), run.options.latent_dim):
            found.setdefault(
                title,
                {"title": title, "factors": list(map(text, names)), "values": values.tolist()},
            )
    return list(found.values())


def known_factors(run: Run) -> list[str | None]:
    """Name, for each latent, the factor of which it has the most information, where known."""
    for matrix in matrices(run):
        values = np.array(matrix["values"])
        best = values.argmax(axis=0)
        return [
            matrix["factors"][k] if values[k, j] >= _KNOWS else None
            for j, k in enumerate(best.tolist())
        ]
    return [None] * run.options.latent_dim


def losses(run: Run) -> dict[str, list[float | None]]:
    """Return the curve of each term but the KL of single latents, nats per image."""
    try:
        found = run.losses
    except UserError:
        return {}
    return {
        text(name): [number(v) for v in values[:: max(1, -(-len(values) // _MOST_EPOCHS))].tolist()]
        for name, values in found.items()
        if not name.startswith("kl_loss_")
    }


def test_losses(run: Run) -> dict[str, float]:
    """Return the test losses that are numbers, nats per image."""
    path = run.outputs.made("test_losses.log")
    try:
        found = read_json(path) if path.is_file() else {}
    except UserError:
        return {}
    return {
        text(name): n
        for name, value in found.items()
        for n in [number(value)]
        if n is not None and not name.startswith("kl_loss_")
    }


def options(run: Run) -> dict[str, str]:
    """Return all options of the run as text."""
    return {name: text(value) for name, value in run.options.model_dump(mode="json").items()}


def histograms(means: Float[np.ndarray, "N D"], latents: Sequence[int]) -> dict[str, Any]:
    """Count the posterior means of some latents in 80 bins from -4 to 4.

    Returns
    -------
    dict
        ``n``, the number of images; ``bins``, density by latent.
    """
    edges = np.linspace(-4, 4, 81)
    counted = {j: np.histogram(means[:, j].clip(-4, 4), edges)[0] for j in latents}
    return {
        "n": len(means),
        "bins": {j: (10 * c / max(len(means), 1)).round(4).tolist() for j, c in counted.items()},
    }


def number(value: object) -> float | None:
    """Return a finite number, or None."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None  # type: ignore[arg-type]


def text(value: object) -> str:
    """Return anything as a text of bounded length."""
    shown = str(value)
    return shown if len(shown) <= _LONGEST_TEXT else f"{shown[: _LONGEST_TEXT - 1]}…"


def _metrics(run: Run) -> Mapping[str, Any]:
    try:
        return run.metrics
    except UserError:
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mean(part: object) -> float | None:
    return number(part["mean"] if isinstance(part, Mapping) and "mean" in part else part)


def _table(value: object) -> Float[np.ndarray, "rows columns"] | None:
    """Return a matrix of finite numbers, or None if `value` is none."""
    rows = value if isinstance(value, list) else []
    if not rows or not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
        return None
    if not all(number(cell) is not None for row in rows for cell in row):
        return None
    return np.array(rows, dtype=float)
