"""Where prepared datasets lie; without NumPy, so that typos are told fast."""

import os
from pathlib import Path

OWN = "own"  # folder of the user's images among the prepared datasets


def data_root(root: str | Path | None = None) -> Path:
    """Return the folder of the prepared datasets: `root`, else $DISVAE_DATA, else ``data``."""
    return Path(root or os.environ.get("DISVAE_DATA") or "data")
