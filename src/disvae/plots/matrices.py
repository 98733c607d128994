"""Heat maps of what each code has to do with each factor."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from PIL import Image

from disvae.files import replacing

_MATRICES = {  # score: its matrix, whether codes are the rows, the file, the title
    "mig": ("mutual_information", False, "mutual_information.png", "I(z; v) in nats"),
    "aam": ("mutual_information", False, "mutual_information.png", "I(z; v) in nats"),
    "dci": ("importance", True, "dci_importance.png", "DCI importance"),
}
_CELL = 0.55  # inches


def write_matrices(folder: Path, results: Mapping[str, Any], kl: Float[np.ndarray, "D"]) -> None:
    """Draw the matrices behind the scores of `results` into `folder`.

    Parameters
    ----------
    folder
        Of the run.
    results
        What `disvae.metrics.evaluate` gave.
    kl
        KL of each code, which orders the columns: largest first.
    """
    order = np.argsort(-kl, kind="stable").tolist()
    for score, (part, codes_first, file, title) in _MATRICES.items():
        if score in results:
            values = np.array(results[score]["parts"][part])
            names = results[score]["settings"]["factors"]
            picture = factor_matrix(values.T if codes_first else values, names, order, title)
            with replacing(folder / file) as temporary:
                picture.save(temporary, format="PNG")


def factor_matrix(
    values: Float[np.ndarray, "K D"],
    factor_names: Sequence[str],
    code_order: Sequence[int],
    title: str,
) -> Image.Image:
    """Draw a matrix of factors (rows) by codes (columns), with its values written in.

    Parameters
    ----------
    values
        One value a factor and code, not negative.
    factor_names
        Names of the rows.
    code_order
        The codes, in the order of the columns: usually largest KL first.
    title
        What the values are, with their unit.
    """
    shown = values[:, list(code_order)]
    rows, columns = shown.shape
    figure = Figure(figsize=(_CELL * columns + 2.2, _CELL * rows + 1.4), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(shown, cmap="Blues", vmin=0, vmax=max(float(shown.max()), 1e-12))
    axes.set_xticks(range(columns), [f"z{j}" for j in code_order])
    axes.set_yticks(range(rows), list(factor_names))
    axes.set_title(title)
    dark = 0.6 * shown.max()
    for row, column in np.ndindex(shown.shape):
        value = shown[row, column]
        ink = "white" if value > dark else "black"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=8)
    figure.colorbar(picture, ax=axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return Image.open(buffer)
