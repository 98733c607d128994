"""Boosted trees against scikit-learn's, which are the definition."""

import logging
import sys

import numpy as np
import pytest

from disvae.metrics import disentanglement_and_completeness
from disvae.metrics.estimators import boosting
from disvae.metrics.estimators.boosting import boost, fit_scikit_learn, fit_trees

N_CASES = 25
N_REFERENCES = 4  # whose spread is the measure


def seeds(n_factors, start=0):
    return np.arange(start, start + n_factors)


def random_case(number, ties):
    """Few or many images; codes that tell, noise, a copy, a dead one; factors of 2 to 64 values."""
    rng = np.random.default_rng(number)
    n_images = int(rng.integers(10, 200))
    most = 64 if number == 0 else 2 if number % 4 == 1 else rng.integers(3, 7)
    factors = rng.integers([most, rng.integers(2, 4)], size=(2 * n_images, 2))
    told = factors[:, rng.integers(2, size=3)] + rng.normal(size=(2 * n_images, 3))
    noise = rng.normal(size=(2 * n_images, 2))
    codes = np.concatenate([told, told[:, 1:2], np.full((2 * n_images, 1), 0.1), noise], axis=1)
    if ties:
        few = rng.integers([2, 4], size=(2 * n_images, 2))
        codes = np.concatenate([np.round(told), few, codes[:, 2:]], axis=1)
    codes = codes[:, rng.permutation(codes.shape[1])[: rng.integers(2, 9)]]
    return codes[:n_images], factors[:n_images], codes[n_images:], factors[n_images:]


@pytest.fixture
def rounds(number, monkeypatch):
    """All rounds in one case; few where scikit-learn grows many trees, a millisecond each."""
    few = {0: 3, 1: 60}.get(number, 10 if number % 4 == 1 else 5)
    monkeypatch.setattr(boosting, "ROUNDS", few)


@pytest.mark.usefixtures("rounds")
@pytest.mark.parametrize("number", range(N_CASES))
def test_the_reference_to_the_last_bits_where_no_values_are_equal(number):
    split = random_case(number, ties=False)
    found, expected = boost(split, seeds(2)), fit_scikit_learn(split, seeds(2))
    np.testing.assert_allclose(found.importance, expected.importance, atol=1e-12)
    np.testing.assert_array_equal(found.on_train, expected.on_train)
    np.testing.assert_array_equal(found.on_test, expected.on_test)


@pytest.mark.usefixtures("rounds")
@pytest.mark.parametrize("number", range(N_CASES))
def test_within_the_spread_of_the_references_own_seeds_among_equal_values(number):
    """Sums of gradients over equal values go by the order of rows there: that too is chance."""
    train, train_factors, *test = split = random_case(number, ties=True)
    orders = [np.random.default_rng(seed).permutation(len(train)) for seed in range(N_REFERENCES)]
    expected = [
        fit_scikit_learn((train[order], train_factors[order], *test), seeds(2, 2 * seed))
        for seed, order in enumerate(orders)
    ]
    found = boost(split, seeds(2))
    for of, floor in (
        (lambda fitted: fitted.importance, 1e-9),
        (lambda fitted: np.array(disentanglement_and_completeness(fitted.importance)), 1e-9),
        (lambda fitted: np.array([fitted.on_train, fitted.on_test]), 2 / len(train)),
    ):
        values = np.stack([of(reference) for reference in expected])
        spread = np.abs(values - values.mean(axis=0)).max()
        assert np.abs(of(found) - values.mean(axis=0)).max() <= 2 * spread + floor


def test_exact_among_equal_values_too_where_no_splits_are_equally_good(monkeypatch):
    """On many images of few values no node is small, and no two splits are equally good."""
    monkeypatch.setattr(boosting, "ROUNDS", 30)
    rng = np.random.default_rng(4)
    factors = rng.integers([2, 3, 5], size=(4000, 3))
    codes = rng.integers(4, size=(4000, 4)) + factors[:, [0, 1, 2, 1]] * rng.integers(2, size=4)
    codes = codes.astype(np.float64)
    split = (codes[:3000], factors[:3000], codes[3000:], factors[3000:])
    found, expected = boost(split, seeds(3, 5)), fit_scikit_learn(split, seeds(3))
    np.testing.assert_allclose(found.importance, expected.importance, atol=1e-9)
    np.testing.assert_array_equal(found.on_test, expected.on_test)


def test_draws_of_one_value_and_dead_codes_have_no_importance():
    factors = np.stack([np.zeros(30, int), np.arange(30) % 3], axis=1)
    codes = np.stack([np.arange(30.0), np.zeros(30)], axis=1)
    halves = (codes, factors, codes, factors)
    found = boost(halves, seeds(2))
    assert not found.importance[:, 0].any()
    assert not found.importance[1].any()
    assert found.on_train[0] == found.on_test[0] == 1
    dead = boost((0 * codes, factors, 0 * codes, factors + 1), seeds(2))
    assert not dead.importance.any()
    assert dead.on_test[0] == 0


def test_without_numba_scikit_learn_computes_it_and_says_so_once(monkeypatch, caplog):
    monkeypatch.setattr(boosting, "ROUNDS", 20)
    split = random_case(2, ties=False)
    compiled = fit_trees(split, np.random.default_rng(0))
    monkeypatch.setitem(sys.modules, "numba", None)
    boosting._can_compile.cache_clear()
    with caplog.at_level(logging.WARNING, "disvae"):
        plain = fit_trees(split, np.random.default_rng(0))
        fit_trees(split, np.random.default_rng(0))
    boosting._can_compile.cache_clear()
    assert [record.message for record in caplog.records if "numba" in record.message] == [
        "Without numba the trees of dci take some 20 times as long; their result is the same."
    ]
    np.testing.assert_allclose(plain.importance, compiled.importance, atol=1e-9)
