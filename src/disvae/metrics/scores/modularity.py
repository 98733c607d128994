"""Modularity and explicitness (Ridgeway and Mozer)."""

from typing import Annotated, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from disvae.metrics.arrays import CodeArray, FactorArray, checked, varies
from disvae.metrics.estimators import classifier
from disvae.metrics.estimators.binned import bin_codes, binned_information
from disvae.metrics.estimators.sampling import Estimate, averaged
from disvae.metrics.estimators.threads import of_factors
from disvae.metrics.score import declare
from disvae.metrics.settings import Bins, NumTest, NumTrain, Repeats, Seed


class ModularityExplicitness(NamedTuple):
    """How far each code informs of one factor only, and how explicitly codes tell the factors.

    Explicitness is the area under the ROC curve of a linear probe of each value, chance 0.5: held
    out, and on the draws that the probe was fitted to. All lie in [0, 1].
    """

    modularity: Estimate
    explicitness: Estimate
    explicitness_train: Estimate


@declare(
    "modularity_explicitness",
    "Ridgeway and Mozer 2018",
    formula="mean_j 1 - sum_{k != best} I_jk^2 / (I_(1)^2 (K - 1)), over the factors of each code",
)
def modularity_explicitness(
    codes: CodeArray,
    factors: FactorArray,
    *,
    bins: Bins = 20,
    active_only: Annotated[
        bool, "Leave codes without any information out of modularity, where they count as 0."
    ] = False,
    num_train: NumTrain = 10_000,
    num_test: NumTest = 5_000,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> ModularityExplicitness:
    """Whether a code informs of one factor only; area under a linear probe's ROC curve.

    Modularity is `modularity` of the mutual information of binned codes, in the draws to fit.
    Explicitness fits a logistic regression per factor to standardised codes and averages the area
    under the ROC curve over the factor's values (each against the rest), then over factors.

    Source: Ridgeway and Mozer, "Learning Deep Disentangled Embeddings with the F-Statistic Loss",
    2018, section 2.2; estimator and settings of Locatello et al. 2019, appendix B.

    Returns
    -------
    ModularityExplicitness
        All in [0, 1]. A dead code counts 0 in modularity (see `active_only`) and is a feature
        of zeros for explicitness.
    """
    table, labels = checked(codes, factors)

    def once(rng: np.random.Generator) -> tuple[float, float, float]:
        split = classifier.draw_split(rng, table, labels, num_train, num_test)
        binned = binned_information(bin_codes(split[0], bins), split[1])
        on_train, on_test = explicitness(split)
        return modularity(binned.information, active_only=active_only), on_test, on_train

    return ModularityExplicitness(*averaged(once, seed, repeats))


def modularity(information: Float[np.ndarray, "K D"], *, active_only: bool = False) -> float:
    """Modularity of a matrix of mutual information, factors by codes.

    The mean over codes of 1 - sum_{k != k*} I_k^2 / (I_k*^2 (K - 1)), with k* the code's best
    factor. A code without information counts 0, or is left out with `active_only`; without any
    informative code the score is 0. With one factor every informative code counts 1.
    """
    squared = information**2
    best = squared.max(axis=0)
    active = best > 0
    rest = (squared.sum(axis=0) - best)[active] / best[active]
    per_code = 1 - rest / max(len(squared) - 1, 1)
    n_codes = int(active.sum()) if active_only else len(best)
    return float(per_code.sum() / max(n_codes, 1))


def explicitness(split: classifier.Split) -> tuple[float, float]:
    """Mean area under the ROC curve of linear probes, on the train and on the test half."""
    train, train_factors, test, test_factors = split
    centre, scale = train.mean(axis=0), train.std(axis=0)
    constant = ~varies(train)
    scale[constant] = 1
    halves = [np.where(constant, 0.0, (half - centre) / scale) for half in (train, test)]

    def one(k: int) -> tuple[float, ...]:
        from sklearn.linear_model import LogisticRegression

        model = classifier.fit_classifier(LogisticRegression(), halves[0], train_factors[:, k])
        return tuple(
            _area(model.predict_proba(half), known[:, [k]] == model.classes_)
            for half, known in zip(halves, (train_factors, test_factors), strict=True)
        )

    with classifier.without_convergence_warnings():
        areas = of_factors(one, train_factors)
    on_train, on_test = np.mean(areas, axis=0)
    return float(on_train), float(on_test)


def _area(scores: Float[np.ndarray, "N values"], is_value: Bool[np.ndarray, "N values"]) -> float:
    """Mean over the values that occur, but not always, of the area under the ROC curve.

    The area is how often a row with the value has a higher score than one without; equal scores
    count half.
    """
    areas = []
    for score, has in zip(scores.T, is_value.T, strict=True):
        own, line = score[has], np.sort(score)
        n_pairs = len(own) * (len(line) - len(own))
        if n_pairs:
            lower, upper = np.searchsorted(line, own, "left"), np.searchsorted(line, own, "right")
            # among themselves, each pair of them is counted as one half twice
            areas.append(((lower + upper).sum() - len(own) ** 2) / 2 / n_pairs)
    # else the draw shows one value only: nothing was told apart
    return float(np.mean(areas)) if areas else 0.5
