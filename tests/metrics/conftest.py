import json
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
CASES = ("axis", "rotated", "split", "merged", "noise", "partial", "dead")


@pytest.fixture(scope="session")
def reference():
    """Values of independent implementations on the 4 x 5 x 6 grid of reference.npz."""
    return json.loads((HERE / "reference.json").read_text())


@pytest.fixture(scope="session")
def arrays():
    with np.load(HERE / "reference.npz") as file:
        return {name: file[name].astype(file[name].dtype.kind + "8") for name in file}


@pytest.fixture(scope="session")
def factors(arrays):
    return arrays["factors"]


def grid(*sizes, copies=1):
    """Every combination of factor values, each `copies` times."""
    rows = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)
    return np.repeat(rows, copies, axis=0)
