"""SAP: separated attribute predictability."""

from typing import Annotated, NamedTuple

import numpy as np
from jaxtyping import Float
from pydantic import Field

from disvae.metrics.arrays import CodeArray, FactorArray, checked, factor_values, standardised
from disvae.metrics.estimators import classifier
from disvae.metrics.estimators.information import mean_gap
from disvae.metrics.estimators.sampling import Estimate, averaged
from disvae.metrics.estimators.threads import in_threads
from disvae.metrics.score import declare
from disvae.metrics.settings import NumTest, NumTrain, Repeats, Seed


class SAP(NamedTuple):
    """Gap between the two best codes, mean over factors; and how well each code alone predicts."""

    score: Estimate
    matrix: Float[np.ndarray, "D K"]


@declare(
    "sap",
    "Kumar et al. 2018",
    formula="mean_k (S_(1) - S_(2)), S_jk: how well code j alone predicts factor k",
)
def sap(
    codes: CodeArray,
    factors: FactorArray,
    *,
    continuous: Annotated[
        bool,
        "False: accuracy of a linear support vector machine on one code, with balanced classes. "
        "True: squared correlation of code and factor in the draws to fit, the factor read as a "
        "number.",
    ] = False,
    regularisation: Annotated[
        float,
        Field(ge=1e-12, le=1e6),
        "C of the support vector machine, whose solver does not end if it is too large.",
    ] = 0.01,
    num_train: NumTrain = 10_000,
    num_test: NumTest = 5_000,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> SAP:
    """Gap between the two codes that alone predict a factor best.

    Source: Kumar et al., "Variational Inference of Disentangled Latent Concepts from Unlabeled
    Observations", 2018, section 3; settings of Locatello et al. 2019, appendix B.

    Returns
    -------
    SAP
        `score` in [0, 1]. A dead code has squared correlation 0; in a support vector machine
        it predicts one value always, so it counts as that value's frequency. With one code the
        gap is its own score.
    """
    table, labels = checked(codes, factors)
    known = factor_values(factors, len(table)).astype(np.float64) if continuous else labels

    def once(rng: np.random.Generator) -> tuple[float, Float[np.ndarray, "D K"]]:
        split = classifier.draw_split(rng, table, known, num_train, num_test)
        if continuous:
            matrix = squared_correlation(*split[:2])
        else:
            matrix = support_vector_accuracy(split, regularisation, rng)
        return mean_gap(matrix.T), matrix

    return SAP(*averaged(once, seed, repeats))


def squared_correlation(
    codes: Float[np.ndarray, "N D"], factors: Float[np.ndarray, "N K"]
) -> Float[np.ndarray, "D K"]:
    """Squared Pearson correlation of every code with every factor; 0 for constant columns."""
    correlation = standardised(codes).T @ standardised(factors) / len(codes)
    return np.minimum(correlation**2, 1)


def support_vector_accuracy(
    split: classifier.Split, regularisation: float, rng: np.random.Generator
) -> Float[np.ndarray, "D K"]:
    """Held-out accuracy of a linear support vector machine on each code alone."""
    from sklearn.svm import LinearSVC

    train, train_factors, test, test_factors = split
    n_codes, n_factors = train.shape[1], train_factors.shape[1]
    seeds = rng.integers(2**31, size=(n_codes, n_factors))

    def cell(j: int, k: int) -> float:
        seed = int(seeds[j, k])
        machine = LinearSVC(C=regularisation, class_weight="balanced", random_state=seed)
        model = classifier.fit_classifier(machine, train[:, [j]], train_factors[:, k])
        return classifier.accuracy(model, test[:, [j]], test_factors[:, k])

    cells = [(j, k) for j in range(n_codes) for k in range(n_factors)]
    with classifier.without_convergence_warnings():
        return np.array(in_threads(cell, cells)).reshape(n_codes, n_factors)
