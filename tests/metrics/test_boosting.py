"""Boosted trees against scikit-learn's, which are the definition."""

import logging
import sys

import numpy as np
import pytest

from disvae.metrics import disentanglement_and_completeness
from disvae.metrics.estimators import boosting
from disvae.metrics.estimators.boosting import boost, fit_scikit_learn, fit_trees

N_CASES = 50
N_REFERENCES = 4  # whose spread is the measure


def seeds(n_factors, start=0):
    return np.arange(start, start + n_factors)


def random_case(number):
    """Few or many images; codes that are continuous, of few values, copies, dead; any factors."""
    rng = np.random.default_rng(number)
    n_images = int(rng.integers(10, 200))
    most = 64 if number == 0 else 2 if number % 4 == 1 else rng.integers(3, 7)
    sizes = np.array([most, rng.integers(2, 4)])
    factors = rng.integers(sizes, size=(2 * n_images, 2))
    told = factors[:, rng.integers(2, size=3)] + rng.normal(size=(2 * n_images, 3))
    codes = np.concatenate(
        [
            told,
            np.round(told[:, :1]),  # ties
            told[:, 1:2],  # a copy
            np.full((2 * n_images, 1), 0.1),  # dead
            rng.integers(2, size=(2 * n_images, 1)),
            rng.normal(size=(2 * n_images, 1)),
        ],
        axis=1,
    )[:, rng.permutation(8)[: rng.integers(2, 9)]]
    return codes[:n_images], factors[:n_images], codes[n_images:], factors[n_images:]


def references(split, count):
    """scikit-learn's trees by several seeds, each with the images in another order.

    Equally good splits are told apart there by the draw of codes, and by how rounded sums of
    gradients happen to be, which depends on the order of images.
    """
    train, train_factors, *test = split
    for seed in range(count):
        order = np.random.default_rng(seed).permutation(len(train))
        yield fit_scikit_learn((train[order], train_factors[order], *test), seeds(train_factors.shape[1], 2*seed))


def without_ties(number, n_values):
    """Codes of few values on many images: no node is small, so no two splits are equally good."""
    rng = np.random.default_rng(number)
    factors = rng.integers(n_values, size=(4000, 1))
    codes = rng.integers(4, size=(4000, 4)) + factors * (rng.random((4000, 4)) < 0.5)
    codes = np.concatenate([codes, np.ones((4000, 1))], axis=1).astype(float)
    return codes[:3000], factors[:3000], codes[3000:], factors[3000:]


@pytest.mark.parametrize("number", range(N_CASES))
def test_within_the_spread_of_the_references_own_seeds(number, monkeypatch):
    if number == 0:
        monkeypatch.setattr(boosting, "ROUNDS", 20)  # 64 values take long there
    split = random_case(number)
    found, expected = boost(split, seeds(2)), list(references(split, N_REFERENCES))
    for of, floor in (
        (lambda fitted: fitted.importance, 1e-9),
        (lambda fitted: np.array(disentanglement_and_completeness(fitted.importance)), 1e-9),
        (lambda fitted: np.array([fitted.on_train, fitted.on_test]), 2 / len(split[0])),
    ):
        values = np.stack([of(reference) for reference in expected])
        spread = np.abs(values - values.mean(axis=0)).max()
        assert np.abs(of(found) - values.mean(axis=0)).max() <= 2 * spread + floor


@pytest.mark.parametrize(("number", "n_values"), [(1, 2), (2, 2), (3, 3), (4, 3), (6, 3), (4, 5)])
def test_exact_where_no_splits_are_equally_good(number, n_values):
    split = without_ties(number, n_values)
    one, other = references(split, 2)
    np.testing.assert_allclose(one.importance, other.importance, atol=1e-9)
    found = boost(split, seeds(1, 5))
    np.testing.assert_allclose(found.importance, one.importance, atol=1e-9)
    np.testing.assert_array_equal([found.on_train, found.on_test], [one.on_train, one.on_test])


def test_the_seed_decides_between_copies_as_in_the_reference(monkeypatch):
    monkeypatch.setattr(boosting, "ROUNDS", 3)
    rng = np.random.default_rng(0)
    factors = rng.integers(2, size=(2000, 1))
    code = factors + rng.normal(size=(2000, 1))
    split = (np.repeat(code, 3, axis=1), factors, np.repeat(code, 3, axis=1), factors)
    shares = []
    for seed in range(5):
        found, reference = boost(split, seeds(1, seed)), fit_scikit_learn(split, seeds(1, seed))
        np.testing.assert_allclose(found.importance, reference.importance, atol=1e-9)
        shares.append(found.importance)
    assert np.ptp(shares, axis=0).max() > 0.1


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
    split = without_ties(2, 3)
    compiled = fit_trees(split, np.random.default_rng(0))
    monkeypatch.setitem(sys.modules, "numba", None)
    boosting._can_compile.cache_clear()
    with caplog.at_level(logging.WARNING, "disvae"):
        plain = [fit_trees(split, np.random.default_rng(0)) for _ in range(2)][0]
    boosting._can_compile.cache_clear()
    assert [record.message for record in caplog.records if "numba" in record.message] == [
        "Without numba the trees of dci take some 20 times as long; their result is the same."
    ]
    np.testing.assert_allclose(plain.importance, compiled.importance, atol=1e-9)
