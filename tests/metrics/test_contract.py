"""The contract of scores, for all of them and for some that break it."""

import numpy as np
import pytest

from disvae.metrics import SCORES
from disvae.testing.scores import check_score

BOUNDS = dict.fromkeys(
    ("total_correlation", "wasserstein_dependence", "code_information", "fos"), (0, np.inf)
)
# predictors break ties by the order of the codes
TOLERANCE = {
    "dci": 0.05,
    "pairwise_entanglement": 0.05,
    "sap": 0.01,
    "beta_vae": 0.01,
    "infomec": 0.01,
    "udr": 0.01,
}
FEW_DRAWS = {"num_train": 2000, "num_test": 1000}  # trees grow for seconds
SETTINGS = {"dci": FEW_DRAWS, "pairwise_entanglement": FEW_DRAWS, "fos": {"batches": 3}}


@pytest.mark.parametrize("name", SCORES)
def test_every_score_keeps_the_contract(name):
    bounds, tolerance = BOUNDS.get(name, (0, 1)), TOLERANCE.get(name, 1e-6)
    check_score(SCORES[name], bounds, tolerance, SETTINGS.get(name))


def first_code(mean, factors) -> float:
    """How well the first code knows the first factor."""
    spread = max(mean[:, 0].std() * factors[:, 0].std(), 1e-9)
    return float(abs(np.cov(mean[:, 0], factors[:, 0])[0, 1]) / spread)


def noise(mean) -> float:
    """Nothing but noise."""
    return float(np.random.default_rng().random())


def fragile(mean) -> float:
    """Divides by the least deviation."""
    with np.errstate(divide="ignore"):
        return float(1 / mean.std(0).min())


def too_large(mean) -> float:
    """Beyond its bounds."""
    return 3.0


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (first_code, "changes with the order"),
        (noise, "differs from call to call"),
        (fragile, "a score is a finite number"),
        (too_large, "beyond"),
        (lambda mean: 0.0, "is no word"),
    ],
)
def test_what_breaks_it_is_said(broken, said):
    with pytest.raises((AssertionError, ValueError), match=said):
        check_score(broken, (0, 1) if broken is too_large else (-np.inf, np.inf))
