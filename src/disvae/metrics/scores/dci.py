"""DCI: disentanglement, completeness, informativeness."""

from typing import Annotated, NamedTuple

import numpy as np
from jaxtyping import Float

from disvae.errors import UserError
from disvae.metrics.arrays import CodeArray, FactorArray, checked, shared
from disvae.metrics.estimators.boosting import fit_trees
from disvae.metrics.estimators.classifier import draw_split
from disvae.metrics.estimators.sampling import Estimate, averaged
from disvae.metrics.score import Matrix, declare
from disvae.metrics.settings import Bins, NumTest, NumTrain, Repeats, Seed


class DCI(NamedTuple):
    """Disentanglement, completeness, informativeness, each in [0, 1].

    How far each code matters for one factor only, how far each factor rests on one code only, the
    predictors' accuracy on held-out draws and on those they were fitted to, mean over factors; and
    how important every code is for every factor, mean over repeats.
    """

    disentanglement: Estimate
    completeness: Estimate
    informativeness: Estimate
    informativeness_train: Estimate
    importance: Float[np.ndarray, "D K"]


@declare(
    "dci",
    "Eastwood and Williams 2018",
    formula="sum_j w_j (1 - H(R_j) / log K), R_j: the importances of code j, w_j: its share of all",
    matrix=Matrix("importance", "dci_importance.png", "DCI importance", codes_first=True),
)
@shared
def dci(
    codes: CodeArray,
    factors: FactorArray,
    *,
    num_train: NumTrain = 10_000,
    num_test: NumTest = 5_000,
    levels: Annotated[
        Bins | None,
        "None fits the codes as they are, like the reference. A number rounds codes with more "
        "distinct values down to so many quantiles of the fitting draw first; 256 moved "
        "disentanglement and completeness by up to 0.016.",
    ] = None,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> DCI:
    """Disentanglement, completeness, informativeness from importances of boosted trees.

    One classifier a factor is fitted to all codes; its impurity-based importances give, per
    code, 1 - entropy over factors (disentanglement) and, per factor, 1 - entropy over codes
    (completeness), each weighted by its share of all importance. The classifier is that of
    scikit-learn's GradientBoostingClassifier with its defaults, 100 rounds of one tree of depth 3
    a value, in compiled code; scikit-learn itself computes the same, slower, without numba.

    Source: Eastwood and Williams, "A Framework for the Quantitative Evaluation of Disentangled
    Representations", 2018, section 2; predictor and settings of Locatello et al. 2019, appendix B.

    Returns
    -------
    DCI
        All scores in [0, 1]. A dead code has importance 0, hence weight 0. If no code has
        importance for anything, disentanglement and completeness are 0.
    """
    table, labels = checked(codes, factors)

    def once(rng: np.random.Generator) -> tuple[float | Float[np.ndarray, "D K"], ...]:
        train, known, test, known_test = draw_split(rng, table, labels, num_train, num_test)
        if levels is not None:
            train, test = round_to_quantiles(train, test, levels)
        fitted = fit_trees((train, known, test, known_test), rng)
        scores = disentanglement_and_completeness(fitted.importance)
        return *scores, fitted.on_test.mean(), fitted.on_train.mean(), fitted.importance

    return DCI(*averaged(once, seed, repeats))


def disentanglement_and_completeness(importance: Float[np.ndarray, "D K"]) -> tuple[float, float]:
    """DCI's disentanglement and completeness of any importance matrix, codes by factors.

    Both in [0, 1]. Rows and columns without importance have weight 0; a matrix of zeros gives
    (0, 0). With one factor every code that matters is disentangled, with one code every factor
    is complete. Negative or non-finite entries are a `UserError`.
    """
    if not (np.isfinite(importance).all() and (importance >= 0).all()):
        raise UserError("Importances must be finite and not negative: give their absolute values.")
    return _mean_concentration(importance), _mean_concentration(importance.T)


def round_to_quantiles(
    train: Float[np.ndarray, "train D"], test: Float[np.ndarray, "test D"], levels: int
) -> tuple[Float[np.ndarray, "train D"], Float[np.ndarray, "test D"]]:
    """Round codes with more distinct values down to quantiles of the fitting draw."""
    train, test = train.copy(), test.copy()
    for j, column in enumerate(train.T):
        if len(np.unique(column)) > levels:
            steps = np.unique(np.quantile(column, np.arange(levels) / levels))
            for half in (train, test):
                half[:, j] = steps[np.maximum(np.searchsorted(steps, half[:, j], "right") - 1, 0)]
    return train, test


def _mean_concentration(importance: Float[np.ndarray, "rows columns"]) -> float:
    """1 - entropy of each row in units of its largest possible one, weighted by importance."""
    from scipy.special import entr

    total = importance.sum()
    if total == 0:
        return 0.0
    n_columns = importance.shape[1]
    # The small constant is the reference implementation's; it is part of the published values.
    row = importance + 1e-11
    entropy = entr(row / row.sum(axis=1, keepdims=True)).sum(axis=1)
    concentration = 1 - entropy / np.log(n_columns) if n_columns > 1 else np.ones(len(row))
    return float(concentration @ (importance.sum(axis=1) / total))
