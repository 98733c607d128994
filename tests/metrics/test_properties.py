"""What every score promises of any codes: bounds, no NaN, and what does not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disvae.metrics import (
    SCORES,
    binned_mig,
    dcimig,
    irs,
    jemmig,
    mig_sup,
    total_correlation,
    wasserstein_dependence,
)

WHOLE = {"num_points": None}
SMALL = {
    "num_points": 40,
    "num_train": 40,
    "num_test": 20,
    "num_variance": 40,
    "pairs": 4,
    "batch_size": 4,
    "neighbours": 3,
}


def small_settings(score):
    known = score.function.__kwdefaults__ or {}
    return {name: value for name, value in SMALL.items() if name in known}


def headline(result):
    while isinstance(result, tuple):
        result = result[0]
    return float(result)


def tables(max_images):
    """Small tables with dead and repeated codes; every factor has at least two values."""

    def of(shape):
        n, d, k = shape
        number = st.one_of(st.just(0.0), st.floats(-1e3, 1e3, allow_subnormal=False))
        return st.tuples(
            st.lists(st.lists(number, min_size=d, max_size=d), min_size=n, max_size=n),
            st.lists(st.lists(st.integers(0, 3), min_size=k, max_size=k), min_size=n, max_size=n),
        ).map(lambda t: (np.array(t[0]), _varied(np.array(t[1]))))

    shapes = st.tuples(st.integers(2, max_images), st.integers(1, 4), st.integers(1, 3))
    return shapes.flatmap(of)


def _varied(factors):
    factors[0], factors[1] = 0, 1
    return factors


UNBOUNDED = {"total_correlation", "code_information", "wasserstein_dependence", "fos"}
SLOW = {"dci", "pairwise_entanglement"}  # trees of many rounds
PLAIN = [s for s in SCORES.values() if s.needs <= {"factors"}]


@pytest.mark.parametrize("score", [s for s in PLAIN if s.name not in SLOW], ids=lambda s: s.name)
@settings(max_examples=12, deadline=None)
@given(table=tables(12))
def test_no_score_is_nan_and_all_keep_their_bounds(score, table):
    check_bounds(score, *table)


@pytest.mark.parametrize("name", sorted(SLOW))
@settings(max_examples=5, deadline=None)
@given(table=tables(8))
def test_no_slow_score_is_nan_and_all_keep_their_bounds(name, table):
    check_bounds(SCORES[name], *table)


def check_bounds(score, codes, factors):
    arrays = (codes, factors) if "factors" in score.needs else (codes,)
    value = headline(score.function(*arrays, **small_settings(score)))
    assert np.isfinite(value)
    assert value >= -1e-12
    if score.name not in UNBOUNDED:
        assert value <= 1 + 1e-9


PERMUTABLE = [binned_mig, mig_sup, jemmig, dcimig, irs]


@pytest.mark.parametrize("score", PERMUTABLE, ids=lambda s: s.__name__)
@settings(max_examples=25, deadline=None)
@given(table=tables(20), data=st.data())
def test_order_shift_and_size_of_codes_do_not_matter(score, table, data):
    codes, factors = table
    order = data.draw(st.permutations(range(codes.shape[1])))
    before = headline(score(codes, factors, **WHOLE))
    assert headline(score(codes[:, order], factors, **WHOLE)) == pytest.approx(before, abs=1e-9)
    # A power of two is exact, so that no value crosses the edge of a bin.
    scaled = headline(score(codes[:, order] * -4 if score is irs else codes * 4, factors, **WHOLE))
    if score is not irs:  # its codes weigh by their reach, all of which grow alike
        assert scaled == pytest.approx(before, abs=1e-9)
    else:
        assert scaled == pytest.approx(before, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(table=tables(20), data=st.data())
def test_dependence_does_not_know_the_order_of_codes(table, data):
    codes, _ = table
    order = data.draw(st.permutations(range(codes.shape[1])))
    before = total_correlation(codes)
    assert total_correlation(codes[:, order]) == pytest.approx(before, rel=1e-5, abs=1e-5)
    before, digits = wasserstein_dependence(codes).distance, 1e-12 * codes.var(axis=0).sum()
    found = wasserstein_dependence(codes[:, order]).distance
    assert found == pytest.approx(before, rel=1e-9, abs=digits)
