"""Matrices of factors and codes, as labelled heat maps."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Num

from disvae.errors import UserError
from disvae.metrics import SCORES, Score
from disvae.metrics.arrays import ArrayLike, to_numpy
from disvae.plots.figures import new_figure, plain, shown, write_image
from disvae.plots.grids import DPI

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_NUMBERS = 20  # codes from which the numbers in the cells are left out


def write_matrices(
    place: Callable[[str], Path],
    results: Mapping[str, Any],
    kl: Float[np.ndarray, "D"],
    scores: Iterable[Score] = SCORES.values(),
) -> None:
    """Draw the matrices behind the results of `disvae.metrics.evaluate` to where `place` says."""
    drawn = {score.matrix: results[score.name] for score in scores if score.name in results}
    for each, result in drawn.items():
        if each is not None:
            values = np.array(result["parts"][each.part])
            names = result["settings"]["factors"]
            picture = matrix(values.T if each.codes_first else values, names, kl, each.title)
            write_image(place(each.file), picture)


@shown
def matrix(
    values: Num[ArrayLike, "K D"],
    factor_names: Sequence[str],
    kl: Num[ArrayLike, "D"] | None = None,
    title: str = "",
    dpi: int = DPI,
) -> "Figure":
    """Draw a heat map of factors (rows) by codes (columns), with the value in each cell.

    The values are for example mutual information in nats, or the importance of codes. With the KL
    of each code the columns are ordered by it, largest first. The title says what the values are,
    and their unit; `dpi` are pixels per inch. Shapes that do not agree are a `UserError`.

    Examples
    --------
    >>> matrix(np.eye(2), ["scale", "posX"], kl=np.array([0.1, 3.0])).mode
    'RGB'
    """
    values = to_numpy(values).astype(float)
    if values.ndim != 2 or 0 in values.shape or len(values) != len(factor_names):
        raise UserError(
            f"A matrix should be [K, D] with K factor names, but its shape is {values.shape} "
            f"and there are {len(factor_names)} names."
        )
    n_codes = values.shape[1]
    if kl is not None and np.shape(kl) != (n_codes,):
        raise UserError(f"A matrix of {n_codes} codes needs {n_codes} KLs, not {np.shape(kl)}.")
    order = np.arange(n_codes) if kl is None else np.argsort(-to_numpy(kl), kind="stable")
    values = values[:, order]
    figure, panels = new_figure([["matrix"]], 2 + 0.5 * n_codes, 1 + 0.4 * len(values), dpi)
    panel = panels["matrix"]
    top = max(float(np.nanmax(values, initial=0)), 1e-12)
    heat = panel.imshow(values, cmap="Blues", vmin=0, vmax=top, aspect="auto")
    panel.set_xticks(range(n_codes), [f"z{code}" for code in order])
    panel.set_yticks(range(len(values)), [plain(name) for name in factor_names])
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    panel.set_title(plain(title))
    figure.colorbar(heat, ax=panel, pad=0.02).outline.set_visible(False)
    if n_codes <= _MOST_NUMBERS:
        for (factor, code), value in np.ndenumerate(values):
            ink = "white" if value > 0.6 * top else "black"
            panel.text(code, factor, f"{value:.2f}", ha="center", va="center", color=ink)
    return figure
