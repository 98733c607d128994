"""MIG and AAM on codes whose scores are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import CASES, grid
from disvae.metrics import (
    aam,
    axis_alignments,
    entropies,
    information_gaps,
    mig,
    mutual_information,
)

NARROW = -14.0  # log variance


def narrow(mean):
    return np.full(np.shape(mean), NARROW)


def test_ideal_codes_score_one():
    factors = grid(3, 6, 8)
    mean = np.concatenate([factors, np.zeros((len(factors), 4))], axis=1)
    logvar = np.concatenate([narrow(factors), np.zeros((len(factors), 4))], axis=1)
    assert mig(mean, logvar, factors) > 0.99
    assert aam(mean, logvar, factors) > 0.99


def test_codes_rotated_by_45_degrees_score_nothing():
    factors = grid(8, 8)
    turn = np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    mean = factors @ turn
    assert mig(mean, narrow(mean), factors) == pytest.approx(0, abs=1e-6)
    assert aam(mean, narrow(mean), factors) == pytest.approx(0, abs=1e-6)


def test_noise_has_no_information():
    factors = grid(3, 6, 10, copies=1000)
    rng = np.random.default_rng(0)
    mean = rng.normal(size=(len(factors), 4))
    information = mutual_information(mean, np.full_like(mean, -2.0), factors)
    assert information.max() < 1e-3
    assert mig(mean, np.full_like(mean, -2.0), factors) < 1e-3


def test_two_factors_in_one_code_keep_mig_and_one_factor_in_two_codes_loses_it():
    factors = grid(4, 6)
    merged = np.stack([10 * factors[:, 0] + factors[:, 1], 0 * factors[:, 0]], axis=1)
    expected = [[np.log(4), 0], [np.log(6), 0]]
    information = mutual_information(merged, narrow(merged), factors)
    np.testing.assert_allclose(information, expected, atol=1e-6)
    assert mig(merged, narrow(merged), factors) == pytest.approx(1, abs=1e-6)

    split = np.stack([factors[:, 1] // 2, factors[:, 1] % 2], axis=1)
    only = factors[:, [1]]
    gap = np.log(3) - np.log(2)
    assert mig(split, narrow(split), only) == pytest.approx(gap / np.log(6), abs=1e-6)
    assert aam(split, narrow(split), only) == pytest.approx(gap / np.log(3), abs=1e-6)


def test_unbalanced_factors_that_fill_no_grid():
    rng = np.random.default_rng(3)
    factors = np.stack(
        [rng.choice(4, 500, p=[0.7, 0.2, 0.09, 0.01]), rng.choice([-3, 8], 500)], axis=1
    )
    mean = factors * [1.0, 10.0]
    shares = [np.unique(f, return_counts=True)[1] / 500 for f in factors.T]
    entropy = [-(p * np.log(p)).sum() for p in shares]
    joint = np.unique(factors, axis=0, return_counts=True)[1] / 500
    between = sum(entropy) + (joint * np.log(joint)).sum()
    expected = [[entropy[0], between], [between, entropy[1]]]
    information = mutual_information(mean, narrow(mean), factors)
    np.testing.assert_allclose(information, expected, atol=1e-6)


@pytest.mark.parametrize("width", ["s0.1", "s0.3", "het"])
@pytest.mark.parametrize("case", CASES)
def test_reference_values(case, width, reference, arrays, factors):
    if width == "het" and f"{case}_logvar" not in arrays:
        width = "s0.1"
    mean = arrays[f"{case}_codes"]
    logvar = (
        arrays[f"{case}_logvar"]
        if width == "het"
        else np.full_like(mean, 2 * np.log(float(width[1:])))
    )
    exact = reference["exact"][f"{case}/{width}"]
    assert mig(mean, logvar, factors) == pytest.approx(exact["MIG"], abs=1e-6)
    assert aam(mean, logvar, factors) == pytest.approx(exact["AAM"], abs=1e-6)


def test_dead_codes_count_as_uninformative():
    factors = grid(3, 4)
    dead = np.zeros((12, 3))
    assert mig(dead, dead, factors) == 0
    assert aam(dead, dead, factors) == 0
    assert not mutual_information(dead, dead, factors).any()


def test_a_constant_factor_has_no_information_in_the_matrix():
    factors = np.stack([np.arange(6), np.full(6, 7)], axis=1)
    information = mutual_information(factors * 1.0, narrow(factors), factors)
    np.testing.assert_allclose(information, [[np.log(6), 0], [0, 0]], atol=1e-6)


def test_per_factor_values():
    information = np.array([[1.0, 0.25, 0.5], [0.0, 0.0, 0.0], [0.2, 0.3, 0.3]])
    gaps = information_gaps(information, np.array([2.0, 1.0, 0.5]))
    np.testing.assert_allclose(gaps, [0.25, 0, 0])
    np.testing.assert_allclose(axis_alignments(information), [0.25, 0, 0])


tables = st.integers(2, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.tuples(*[st.floats(-4, 4)] * 3), min_size=n, max_size=n),
        st.lists(st.tuples(*[st.floats(-9, 3)] * 3), min_size=n, max_size=n),
        st.lists(st.tuples(*[st.integers(0, 2)] * 2), min_size=n, max_size=n),
    )
)


@settings(max_examples=12, deadline=None)
@given(tables, st.permutations(range(3)), st.floats(-3, 3), st.booleans())
def test_information_survives_permuting_and_rescaling_codes(table, order, log_scale, flip):
    mean, logvar, factors = (np.array(part) for part in table)
    before = entropies(mean, logvar, factors)
    scale = np.exp(log_scale) * (-1 if flip else 1)
    after = entropies(scale * mean[:, order] + 1, logvar[:, order] + 2 * log_scale, factors)
    expected = before.mutual_information[:, order]
    np.testing.assert_allclose(after.mutual_information, expected, atol=3e-6)
    assert (after.mutual_information <= after.factor[:, None] + 1e-12).all()


@settings(max_examples=12, deadline=None)
@given(tables)
def test_scores_lie_between_nought_and_one(table):
    mean, logvar, factors = (np.array(part) for part in table)
    factors[0], factors[-1] = 0, 2
    for score in (mig, aam):
        assert 0 <= score(mean, logvar, factors) <= 1
        assert 0 <= score(mean[:, :1], logvar[:, :1], factors[:, :1]) <= 1
