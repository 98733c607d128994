"""Correlated factors and held-out combinations: densities, grammar, draws."""

import numpy as np
import pytest

from disvae.data.batches import epoch_order
from disvae.data.catalogue.registry import CATALOG
from disvae.data.prepare import load_dataset
from disvae.data.regime import Condition, Regime, read_conditions, read_correlations
from disvae.errors import UserError
from disvae.objectives.pairs import pair_order
from tests.conftest import store_images

DRAWS = 100_000
SIGMAS = (0.04, 0.1, 0.2, 0.4, 0.7)
# Pearson's r of a pair of factors of so many values, by sigma, computed from the density
TABLE = {
    (32, 32): (0.991, 0.942, 0.782, 0.416, 0.167),
    (10, 10): (0.998, 0.951, 0.810, 0.457, 0.189),
    (3, 6): (0.999, 0.978, 0.880, 0.567, 0.254),
    (4, 8): (0.997, 0.966, 0.845, 0.517, 0.223),
    (40, 40): (0.991, 0.941, 0.780, 0.412, 0.165),
    (6, 2): (1.0, 0.991, 0.948, 0.702, 0.319),
}


@pytest.fixture
def make(tmp_path):
    """Make a dataset of all combinations of factors a, b, ... of the sizes given."""

    def made(*sizes):
        factors = dict(zip("abcdefg", sizes, strict=False))
        images = np.zeros((int(np.prod(sizes)), 1, 1, 1), np.uint8)
        return load_dataset(
            store_images(tmp_path / "x".join(map(str, sizes)), images, factors, False)
        )

    return made


def regime(correlate="", hold_out=""):
    return Regime(
        read_correlations(correlate) if correlate else (),
        read_conditions(hold_out) if hold_out else (),
    )


@pytest.mark.parametrize("sizes", TABLE)
def test_draws_have_the_correlation_of_the_table(make, sizes):
    dataset = make(*sizes)
    for sigma, r in zip(SIGMAS, TABLE[sizes], strict=True):
        drawn = regime(f"a:b:{sigma}").drawn(dataset)
        order = np.random.default_rng(0).choice(len(drawn), DRAWS, p=drawn.weights)
        a, b = drawn.factors[order].T
        assert abs(np.corrcoef(a, b)[0, 1] - r) < 0.01


def test_ends_are_drawn_less_than_the_middle(make):
    for n, share in ((32, 0.56), (10, 0.72)):
        marginal = regime("a:b:0.1").drawn(make(n, n)).weights.reshape(n, n).sum(1)
        assert marginal[0] / marginal[n // 2] == pytest.approx(share, abs=0.01)


def test_an_infinite_sigma_is_uniform_and_a_tiny_one_the_diagonal(make):
    assert np.ptp(regime("a:b:inf").drawn(make(4, 8)).weights) == 0
    tiny = regime("a:b:1e-6").drawn(make(5, 5)).weights.reshape(5, 5)
    np.testing.assert_allclose(tiny, np.eye(5) / 5)


def test_several_pairs_multiply_and_all_means_every_other_factor(make):
    dataset = make(3, 4, 5)
    both = regime("a:b:0.4 & a:c:0.2").drawn(dataset).weights
    one, other = (regime(pair).drawn(dataset).weights for pair in ("a:b:0.4", "a:c:0.2"))
    np.testing.assert_allclose(both, one * other / (one * other).sum())
    confounded = regime("a:all:0.2").drawn(dataset).weights
    np.testing.assert_allclose(confounded, regime("a:b:0.2 & a:c:0.2").drawn(dataset).weights)


def test_an_epoch_is_drawn_by_the_weights_and_is_a_function_of_seed_and_epoch(make):
    weights = regime("a:b:0.1").drawn(make(4, 4)).weights
    many = np.concatenate([epoch_order(16, 3, epoch, weights) for epoch in range(3000)])
    share = np.bincount(many, minlength=16) / len(many)
    assert np.abs(share - weights).max() < 0.01
    again = epoch_order(16, 3, 5, weights)
    assert (again == epoch_order(16, 3, 5, weights)).all()
    assert (again != epoch_order(16, 3, 6, weights)).any()


@pytest.mark.parametrize("rule", ["uniform", "uniform_fixed"])
def test_the_second_of_a_pair_is_drawn_by_the_weights_among_those_that_share(make, rule):
    drawn = regime("a:b:0.3").drawn(make(4, 4, 3))
    values, weights = drawn.factors, drawn.weights
    copies = np.tile(values, (20, 1)), np.tile(weights, 20) / 20  # fewer calls for as many pairs
    orders = [pair_order(copies[0], rule, 0, epoch, copies[1]) for epoch in range(50)]
    first, second = np.concatenate(orders).reshape(-1, 2).T % len(values)
    assert np.abs(np.bincount(first, minlength=48) / len(first) - weights).max() < 0.005
    changed = values[first] != values[second]
    # of pairs whose first has a = 0, b = 0 and c = 0 and of which b alone changed
    start = (values[first] == 0).all(1) & (changed == (False, True, False)).all(1)
    share = np.bincount(values[second[start], 1], minlength=4)[1:] / start.sum()
    expected = np.exp(-((np.arange(1, 4) / 3 / 0.3) ** 2) / 2)
    assert np.abs(share - expected / expected.sum()).max() < 0.04
    if rule == "uniform_fixed":  # as many change one factor as change two, whatever the weights
        assert (changed.sum(1) == 1).mean() == pytest.approx(0.5, abs=0.02)


def test_pairs_on_the_diagonal_alone_are_found(make):
    drawn = regime("a:b:0.001").drawn(make(6, 6, 2))
    first, second = pair_order(drawn.factors, "uniform_fixed", 0, 0, drawn.weights).reshape(-1, 2).T
    for image in (first, second):
        assert (drawn.factors[image, 0] == drawn.factors[image, 1]).all()


def test_pairs_are_of_images_that_are_not_held_out(make):
    drawn = regime(hold_out="a=0 & b>1").drawn(make(3, 4, 2))
    pairs = pair_order(drawn.factors, "uniform_fixed", 0, 0)
    assert len(drawn) == 24 - 4
    assert set(pairs.tolist()) <= set(range(20))
    assert not ((drawn.factors[:, 0] == 0) & (drawn.factors[:, 1] > 1)).any()


def test_what_is_held_out_and_the_rest_are_the_whole(make):
    dataset = make(3, 4)
    parts = regime(hold_out="a!=1 & b<=0.4").parts(dataset)
    held = {(a, b) for a in (0, 2) for b in (0, 1)}  # b at 0 and 1/3
    assert set(map(tuple, parts["held_out"].factors.tolist())) == held
    assert len(parts[""]) == 12 - 4
    assert not set(map(tuple, parts[""].factors.tolist())) & held
    assert list(regime("a:b:1").parts(dataset)) == [""]


def test_correlated_draws_leave_out_what_is_held_out(make):
    dataset = make(3, 4)
    drawn = regime("a:b:0.3", "a=0").drawn(dataset)
    assert len(drawn) == 8
    full = regime("a:b:0.3").drawn(dataset).weights[4:]
    np.testing.assert_allclose(drawn.weights, full / full.sum())


def test_whole_numbers_count_values_and_others_are_places():
    assert Condition("a", ">", 1).values(4) == [False, False, True, True]
    assert Condition("a", ">=", 1.0).values(4) == [False, False, False, True]
    assert Condition("a", "<", 0.5).values(4) == [True, True, False, False]
    assert Condition("a", "=", 0.6).values(6) == [value == 3 for value in range(6)]
    assert Condition("a", ">", 0.5).values(1) == [False]


def n_held_out(dataset, name):
    sizes = CATALOG[dataset].factors
    held = Regime(conditions=read_conditions(CATALOG[dataset].hold_outs[name]))
    held.check(dataset, sizes)
    allowed = held._allowed(sizes)
    return int(np.prod([sum(allowed.get(factor, [True] * n)) for factor, n in sizes.items()]))


def test_named_parts_have_as_many_images_as_published():
    assert n_held_out("dsprites", "montero_element") == 5808
    assert n_held_out("dsprites", "montero_range") == 737_280 // 6
    assert n_held_out("dsprites", "montero_extrapolation") == 737_280 // 2
    for dataset in ("dsprites", "shapes3d", "mpi3d_toy", "mpi3d_real"):
        for name in CATALOG[dataset].hold_outs:
            assert 0 < n_held_out(dataset, name) < np.prod(list(CATALOG[dataset].factors.values()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "should be FACTOR, one of"), ("", "should be FACTOR"), ("a=0 &", "should be FACTOR"),
        ("a==0", "should be FACTOR"), ("a=-1", "should be FACTOR"), ("a=1e9", "should be FACTOR"),
        ("a=0 | b=1", "should be FACTOR"), ("a=__import__('os')", "should be FACTOR"),
        ("a=0 & " * 40 + "a=0", "at most"), ("a" * 2000 + "=1", "at most"),
        ("a=9999999999", "should be FACTOR"),
    ],
)  # fmt: skip
def test_conditions_that_are_none_are_refused(text, said):
    with pytest.raises(ValueError, match=said):
        read_conditions(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a:b", "should be FACTOR:FACTOR:SIGMA"), ("a:b:0", "above 0"), ("a:b:-1", "above 0"),
        ("a:b:nan", "above 0"), ("a:b:c", "should be"), ("a:b:1:2", "should be"), (":b:1", "be"),
        ("a:a:0.1", "with itself"), ("", "should be"),
    ],
)  # fmt: skip
def test_correlations_that_are_none_are_refused(text, said):
    with pytest.raises(ValueError, match=said):
        read_correlations(text)


@pytest.mark.parametrize(
    ("correlate", "hold_out", "said"),
    [
        ("a:z:1", "", "has no factor 'z'; it has a, b"), ("", "z>1", "has no factor 'z'"),
        ("", "a>=0", "nothing is left"), ("", "a<0.5 & a>0.5", "no image"), ("", "b=7", "no image"),
        ("", "a>=0 & b<9", "nothing is left"),
    ],
)  # fmt: skip
def test_what_a_dataset_cannot_give_is_refused(correlate, hold_out, said):
    with pytest.raises(UserError, match=said):
        regime(correlate, hold_out).check("squares", {"a": 3, "b": 4})


def test_a_dataset_without_factors_has_no_regime():
    with pytest.raises(UserError, match="need factors, which mnist comes without"):
        regime("a:b:1").check("mnist", {})
    Regime().check("mnist", {})


def test_a_summary_says_what_is_drawn(make):
    said = list(regime("a:b:0.1", "c=1").summary(make(6, 2, 3)))
    assert said[0] == "12 of 36 images are held out, 33.3%"
    assert said[1] == "a and b are drawn with r = 0.99 (sigma 0.1)"
    assert said[2] == "the values 2, 3 of a are hardly ever drawn"
    assert said[3].startswith("the values 1 of c")  # held out
