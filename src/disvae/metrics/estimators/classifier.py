"""How scores fit and question scikit-learn's predictors."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num

from disvae.metrics.estimators.sampling import draw_rows

Split = tuple[
    Float[np.ndarray, "train D"],
    Num[np.ndarray, "train K"],
    Float[np.ndarray, "test D"],
    Num[np.ndarray, "test K"],
]


def draw_split(
    rng: np.random.Generator,
    codes: Float[np.ndarray, "N D"],
    factors: Num[np.ndarray, "N K"],
    num_train: int,
    num_test: int,
) -> Split:
    """Draw images to fit and to test."""
    train = draw_rows(rng, len(codes), num_train)
    test = draw_rows(rng, len(codes), num_test)
    return codes[train], factors[train], codes[test], factors[test]


def fit_classifier(model: Any, x: Float[np.ndarray, "N D"], y: Int[np.ndarray, " N"]) -> Any:
    """Fit; where the draw shows one class only, fit the constant answer instead."""
    from sklearn.dummy import DummyClassifier

    if y.min() == y.max():
        model = DummyClassifier(strategy="most_frequent")
    return model.fit(x, y)


@contextmanager
def without_convergence_warnings() -> Iterator[None]:
    """Silence one warning: the reference settings stop after a fixed number of steps on purpose.

    Not to be entered inside threads, since warning filters belong to the whole process.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def accuracy(model: Any, x: Float[np.ndarray, "N D"], y: Int[np.ndarray, " N"]) -> float:
    """Share of right answers."""
    return float((model.predict(x) == y).mean())
