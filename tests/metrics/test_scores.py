"""Formulas against values worked out by hand or enumerated, and what odd codes count as."""

import itertools

import numpy as np
import pytest
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif

from conftest import grid
from disvae.metrics import (
    beta_vae_score,
    binned_mig,
    dci,
    dcimig,
    disentanglement_and_completeness,
    factor_vae_score,
    infomec,
    irs,
    jemmig,
    mig_sup,
    modularity,
    modularity_explicitness,
    sap,
    total_correlation,
    udr,
    wasserstein_dependence,
)
from disvae.metrics.estimators.binned import count_information
from disvae.metrics.estimators.neighbours import neighbour_information
from disvae.metrics.estimators.sampling import SharedFactor
from disvae.metrics.scores.dci import round_to_quantiles
from disvae.metrics.scores.infomec import concentration
from disvae.metrics.scores.udr import agreement

WHOLE = {"num_points": None}


def test_information_of_counts_by_enumeration():
    first, second = np.array([0, 0, 0, 1, 1, 2]), np.array([1, 1, 0, 0, 0, 1])
    expected = 0.0
    for a, b in itertools.product(range(3), range(2)):
        joint = np.mean((first == a) & (second == b))
        if joint:
            expected += joint * np.log(joint / np.mean(first == a) / np.mean(second == b))
    assert count_information(first, second) == pytest.approx(expected, abs=1e-12)


def test_gaps_of_two_factors_in_one_code():
    factors = grid(3, 5)
    merged = np.stack([factors @ [5, 1], np.zeros(15)], axis=1)
    full = {"bins": 15, **WHOLE}
    assert binned_mig(merged, factors, **full).mean == pytest.approx(1)
    # Per code: both shares are 1, so no gap; the dead code has none either.
    assert mig_sup(merged, factors, **full).mean == pytest.approx(0)
    # The code stands for the larger factor, by log 5 - log 3.
    expected = np.log(5 / 3) / np.log(15)
    assert dcimig(merged, factors, **full).mean == pytest.approx(expected)
    # H(z, v) = log 15, gap = H(v).
    found = jemmig(merged, factors, **full)
    nats = [np.log(15) - np.log(v) for v in (3, 5)]
    bound = [np.log(15) + np.log(v) for v in (3, 5)]
    assert found.nats.mean == pytest.approx(np.mean(nats))
    assert found.normalised.mean == pytest.approx(1 - np.mean(np.divide(nats, bound)))


def test_gaps_of_ideal_codes():
    factors = grid(4, 5)
    for score in (binned_mig, mig_sup, dcimig):
        assert score(factors, factors, **WHOLE).mean == pytest.approx(1)
    assert jemmig(factors, factors, **WHOLE).nats.mean == pytest.approx(0, abs=1e-12)


def test_modularity_by_hand():
    information = np.array([[2.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    codes = [1 - 1 / (4 * 2), 1 - 2 / 2, 0]
    assert modularity(information) == pytest.approx(np.mean(codes))
    assert modularity(information, active_only=True) == pytest.approx(np.mean(codes[:2]))
    assert modularity(np.zeros((3, 2)), active_only=True) == 0


def test_concentration_by_hand():
    table = np.array([[0.6, 0.0, 0.5], [0.2, 0.0, 0.0]])
    shares = [0.75, 0.5, 1.0]
    assert concentration(table) == pytest.approx((np.mean(shares) - 0.5) / 0.5)
    assert concentration(table[:1]) == pytest.approx(2 / 3)
    assert concentration(table[:0]) == 0


def test_disentanglement_and_completeness_by_hand():
    importance = np.array([[0.5, 0.0], [0.25, 0.25], [0.0, 0.0]])
    even = -2 * 0.5 * np.log(0.5)
    first = -(np.log(2 / 3) * 2 / 3 + np.log(1 / 3) / 3)
    disentanglement = 0.5 * 1 + 0.5 * (1 - even / np.log(2))
    completeness = 0.75 * (1 - first / np.log(3)) + 0.25 * 1
    found = disentanglement_and_completeness(importance)
    assert found == pytest.approx((disentanglement, completeness), abs=1e-8)
    assert disentanglement_and_completeness(np.zeros((3, 2))) == (0, 0)
    assert disentanglement_and_completeness(np.ones((1, 1))) == (1, 1)


def test_irs_by_enumeration():
    factors = grid(2, 3)
    code = np.array([0.0, 1.0, 5.0, 2.0, 2.0, 8.0])
    found = irs(code[:, None], factors, quantile=1, **WHOLE)
    reach = np.abs(code - code.mean()).max()
    expected = []
    for k in range(2):
        groups = [code[factors[:, k] == v] for v in np.unique(factors[:, k])]
        expected.append(1 - np.mean([np.abs(g - g.mean()).max() for g in groups]) / reach)
    np.testing.assert_allclose(found.matrix[0], np.maximum(expected, 0))
    assert found.score.mean == pytest.approx(max(expected))


def test_gaussian_dependence_has_closed_forms():
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(500, 2))
    basis = np.linalg.qr(raw - raw.mean(axis=0))[0] * np.sqrt(499)
    rho = 0.8
    codes = np.stack([basis[:, 0], rho * basis[:, 0] + np.sqrt(1 - rho**2) * basis[:, 1]], axis=1)
    assert total_correlation(codes) == pytest.approx(-np.log(1 - rho**2) / 2)
    distance = 4 - 2 * (np.sqrt(1 + rho) + np.sqrt(1 - rho))
    assert wasserstein_dependence(codes).distance == pytest.approx(distance)
    copies = np.repeat(codes[:, :1], 3, axis=1)
    assert wasserstein_dependence(copies).normalised == pytest.approx(2 - 2 / np.sqrt(3))
    assert 30 < total_correlation(copies) < 40
    with_dead = np.concatenate([codes, np.full((500, 2), 0.1)], axis=1)
    assert total_correlation(with_dead) == pytest.approx(total_correlation(codes))


def test_pairs_share_the_factor_and_nothing_else():
    factors = np.random.default_rng(0).choice(3, (200, 2), p=[0.6, 0.3, 0.1])
    shared = SharedFactor(factors)
    rng = np.random.default_rng(1)
    anchors = rng.integers(200, size=50)
    rows = shared.draw(rng, 0, anchors, 100)
    assert (factors[rows, 0] == factors[anchors, 0][:, None]).all()
    # Uniform over all images with the value.
    ones = np.flatnonzero(factors[:, 0] == 2)
    drawn = shared.draw(rng, 0, ones[:1], 20_000)[0]
    counts = np.bincount(drawn, minlength=200)[ones]
    assert counts.sum() == 20_000
    assert np.abs(counts / 20_000 - 1 / len(ones)).max() < 0.02
    votes = list(shared.votes(rng, 10_000, 4))
    assert sum(len(rows) for _, rows in votes) == 10_000
    assert {factor for factor, _ in votes} == {0, 1}


def test_classifier_scores_of_ideal_and_dead_codes():
    factors = grid(4, 5)
    few = {"num_train": 600, "num_test": 300}
    assert beta_vae_score(factors, factors, **few).test.mean == 1
    assert factor_vae_score(factors, factors, **few).test.mean == 1
    found = factor_vae_score(np.zeros((20, 3)), factors, **few)
    assert found.test.mean == 0
    assert found.active_codes.mean == 0
    # Chance: dead codes cannot tell two factors apart.
    assert beta_vae_score(np.zeros((20, 3)), factors, **few).test.mean < 0.6
    assert beta_vae_score(factors, factors[:, :1], **few).test.mean == 1


def test_sap_of_ideal_codes_reads_factors_as_numbers_when_continuous():
    factors = grid(4, 5)
    values = np.array([0.5, 0.6, 0.7, 0.8])[factors[:, :1]]
    found = sap(np.concatenate([3 * values, np.zeros((20, 1))], axis=1), values, continuous=True)
    assert found.score.mean == pytest.approx(1)
    np.testing.assert_allclose(found.matrix, [[1], [0]], atol=1e-12)
    binary = grid(2, 2)
    assert sap(binary, binary, num_train=200, num_test=200).score.mean > 0.3


def test_dci_sees_only_the_order_of_values():
    factors = grid(2, 2, copies=30)
    codes = factors + 0.6 * np.random.default_rng(0).normal(size=factors.shape)
    few = {"num_train": 150, "num_test": 50}
    before, after = dci(codes, factors, **few), dci(np.exp(codes) - 5, factors, **few)
    np.testing.assert_allclose(before.importance, after.importance, atol=1e-6)


def test_rounding_to_quantiles_leaves_few_values_alone_and_keeps_order():
    rng = np.random.default_rng(0)
    train = np.stack([rng.normal(size=500), rng.integers(5, size=500)], axis=1)
    test = np.stack([rng.normal(size=100) * 3, rng.integers(5, size=100)], axis=1)
    rounded, held_out = round_to_quantiles(train, test, 16)
    assert len(np.unique(rounded[:, 0])) == 16
    assert set(held_out[:, 0]) <= set(rounded[:, 0])
    order = np.argsort(train[:, 0])
    assert (np.diff(rounded[order, 0]) >= 0).all()
    np.testing.assert_array_equal(rounded[:, 1], train[:, 1])


def test_infomec_leaves_dead_codes_out():
    factors = grid(3, 4, copies=10)
    rng = np.random.default_rng(0)
    codes = factors + 0.01 * rng.normal(size=factors.shape)
    dead = np.concatenate([codes, np.zeros((120, 1)), 1e-3 * rng.normal(size=(120, 1))], axis=1)
    found, alone = infomec(dead, factors), infomec(codes, factors)
    assert found.active.tolist() == [True, True, False, False]
    assert found.infom.mean == pytest.approx(alone.infom.mean, abs=0.02)
    assert found.infoe.mean > 0.99
    nothing = infomec(np.zeros((120, 2)), factors)
    assert nothing.infom.mean == nothing.infoc.mean == nothing.infoe.mean == 0


def test_explicitness_of_dead_codes_is_chance():
    found = modularity_explicitness(np.zeros((20, 2)), grid(4, 5), num_train=300, num_test=200)
    assert found.explicitness.mean == pytest.approx(0.5)
    assert found.modularity.mean == 0


@pytest.mark.parametrize("method", ["lasso", "spearman"])
def test_udr_of_runs_that_agree_up_to_order_and_sign(method):
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(2000, 3))
    dead = np.zeros((2000, 1))
    runs = [
        codes,
        np.concatenate([-codes[:, [2, 0, 1]], dead], axis=1),
        rng.normal(size=(2000, 2)),
    ]
    found = udr(runs, method=method)
    assert found.pairs[0, 1] > 0.85
    assert found.pairs[1, 0] > 0.85
    assert found.pairs[0, 2] < 0.1
    np.testing.assert_allclose(found.runs[2], np.median(found.pairs[2, :2]))


def test_udr_leaves_codes_at_the_prior_out():
    rng = np.random.default_rng(0)
    mean = np.stack([rng.normal(size=1000), 1e-3 * rng.normal(size=1000)], axis=1)
    logvar = np.stack([np.full(1000, -4.0), np.zeros(1000)], axis=1)
    with_prior, without = udr([mean, mean], [logvar, logvar]), udr([mean[:, :1]] * 2)
    np.testing.assert_allclose(with_prior.pairs, without.pairs)


def test_agreement_by_hand():
    strength = np.array([[0.8, 0.0], [0.2, 0.0]])
    assert agreement(strength) == pytest.approx(np.mean([0.64 / 1.0, 0, 0.8, 0.2]))


def test_repeats_give_mean_and_deviation_and_seeds_repeat():
    factors = grid(3, 4)
    codes = factors + np.random.default_rng(0).normal(size=factors.shape)
    found = binned_mig(codes, factors, num_points=50, seed=1, repeats=4)
    assert found.mean == pytest.approx(np.mean(found.values))
    assert found.std == pytest.approx(np.std(found.values, ddof=1))
    assert found.std > 0
    assert found == binned_mig(codes, factors, num_points=50, seed=1, repeats=4)
    assert found != binned_mig(codes, factors, num_points=50, seed=2, repeats=4)
    assert binned_mig(codes, factors, num_points=50, seed=1).std is None


@pytest.mark.parametrize(("n_images", "n_values", "step"), [(60, 3, 0), (90, 5, 0), (120, 4, 0.5)])
def test_information_from_neighbours_by_enumeration(n_images, n_values, step):
    rng = np.random.default_rng(n_images)
    values = np.unique(rng.integers(n_values, size=n_images), return_inverse=True)[1]
    code = values + rng.normal(size=n_images)
    code = np.round(code / step) * step if step else code
    found = neighbour_information(code, values, 5, seed=3)
    noise = 1e-10 * np.random.RandomState(3).standard_normal(n_images)
    x = code / code.std() + noise * max(1, np.abs(code / code.std()).mean())
    counts = np.bincount(values)[values]
    x, values, counts = x[counts > 1], values[counts > 1], counts[counts > 1]
    gap = np.abs(x[:, None] - x)
    terms = []
    for i in range(len(x)):
        k = min(5, counts[i] - 1)
        radius = np.sort(gap[i, values == values[i]])[k]  # the first is itself
        terms.append(digamma(k) - digamma(counts[i]) - digamma((gap[i] < radius).sum()))
    assert found == pytest.approx(max(0, digamma(len(x)) + np.mean(terms)), abs=1e-12)


def test_information_from_neighbours_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    values = np.unique(
        rng.choice(99, p=0.95 ** np.arange(99) / (0.95 ** np.arange(99)).sum(), size=1000),
        return_inverse=True,
    )[1]
    for code in (values + 3 * rng.normal(size=1000), rng.integers(9, size=1000) - 0.1 * values):
        expected = mutual_info_classif(
            code[:, None], values, discrete_features=False, n_neighbors=10, random_state=7
        )
        assert neighbour_information(code, values, 10, 7) == pytest.approx(expected[0], abs=1e-12)
