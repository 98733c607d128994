"""Pairs of images: what they share, how often, and that they are a function of seed and epoch."""

import numpy as np
import pytest

from disvae.errors import UserError
from disvae.objectives.pairs import choose, pair_order, redraw

DSPRITES = (3, 6, 40, 32, 32)
SHAPES3D = (10, 10, 10, 8, 4, 15)
MPI3D = (6, 6, 2, 3, 3, 40, 40)
CARS3D = (183, 24, 4)
SMALLNORB = (5, 10, 9, 18, 6)  # that varies: 5
RULES = ("uniform_fixed", "uniform", "locatello")
MANY = 200_000


def grid(*sizes):
    return np.indices(sizes).reshape(len(sizes), -1).T


def differing(factors, order):
    first, second = order.reshape(-1, 2).T
    return (factors[first] != factors[second]).sum(1)


def test_pairs_of_the_paper_differ_in_k_factors_k_uniform():
    factors = grid(3, 4, 5, 6)
    orders = [pair_order(factors, "uniform_fixed", 0, epoch) for epoch in range(60)]
    counts = np.bincount(np.concatenate([differing(factors, order) for order in orders]))
    assert counts[0] == 0
    assert len(counts) == 4  # never all
    share = counts[1:] / counts.sum()
    assert np.abs(share - 1 / 3).max() < 0.02


@pytest.mark.parametrize(
    ("sizes", "one", "mean"),
    [(DSPRITES, 0.625, 1.75), (SHAPES3D, 0.600, 2.0), (MPI3D, 0.583, 2.25), (CARS3D, 0.75, 1.25),
     (SMALLNORB[1:], 0.667, 1.5)],
)  # fmt: skip
def test_the_authors_code_redraws_one_factor_so_often(sizes, one, mean):
    k = choose(MANY, len(sizes), "locatello", np.random.default_rng(0)).sum(1)
    assert abs((k == 1).mean() - one) < 0.005
    assert abs(k.mean() - mean) < 0.01


@pytest.mark.parametrize(
    ("sizes", "nothing"), [(DSPRITES, 0.1175), (SHAPES3D, 0.1236), (MPI3D, 0.2214)]
)
@pytest.mark.parametrize("rule", ["uniform", "locatello"])
def test_a_single_redraw_changes_nothing_so_often(sizes, nothing, rule):
    random = np.random.default_rng(0)
    values = random.integers(0, sizes, (MANY, len(sizes)))
    chosen = choose(MANY, len(sizes), rule, np.random.default_rng(7))
    others = redraw(values, sizes, chosen, rule, random)
    same = (others == values).all(1)[chosen.sum(1) == 1]
    assert abs(same.mean() - nothing) < 0.01


@pytest.mark.parametrize("rule", RULES)
def test_factors_that_are_not_chosen_stay_and_values_are_in_range(rule):
    random = np.random.default_rng(0)
    values = random.integers(0, DSPRITES, (1000, 5))
    chosen = choose(1000, 5, rule, np.random.default_rng(7))
    others = redraw(values, DSPRITES, chosen, rule, random)
    assert (others == values)[~chosen].all()
    assert (others >= 0).all()
    assert (others < np.array(DSPRITES)).all()
    if rule == "uniform_fixed":
        assert (others != values)[chosen].all()


@pytest.mark.parametrize("rule", RULES)
def test_an_epoch_is_a_function_of_seed_and_epoch(rule):
    factors = grid(3, 4, 5)
    order = pair_order(factors, rule, 3, 2)
    assert np.array_equal(order, pair_order(factors, rule, 3, 2))
    assert not np.array_equal(order, pair_order(factors, rule, 3, 1))
    assert not np.array_equal(order, pair_order(factors, rule, 4, 2))
    assert sorted(order[::2]) == list(range(60))  # every image is the first of one pair


def test_images_that_are_missing_are_in_no_pair_and_the_rest_keeps_the_rule():
    whole = grid(4, 5, 6)
    factors = whole[np.random.default_rng(0).permutation(120)[:70]]
    order = pair_order(factors, "uniform_fixed", 0, 0)
    assert order.max() < 70
    assert set(differing(factors, order)) == {1, 2}


def test_several_images_of_the_same_factors_are_all_drawn():
    factors = np.repeat(grid(3, 3), 4, axis=0)
    seen = {each for epoch in range(40) for each in pair_order(factors, "uniform", 0, epoch)[1::2]}
    assert seen == set(range(36))


def test_a_factor_that_does_not_vary_is_left_out():
    factors = np.insert(grid(3, 4), 1, 7, axis=1)
    assert set(differing(factors, pair_order(factors, "uniform_fixed", 0, 0))) == {1}


@pytest.mark.parametrize(
    ("factors", "said"),
    [
        (grid(5, 1), "1 of this dataset's vary"),
        (np.arange(300)[:, None].repeat(2, 1), "need most combinations"),
        (np.arange(20)[:, None].repeat(2, 1), "need most combinations"),
    ],
)
def test_what_has_no_pairs_is_refused(factors, said):
    with pytest.raises(UserError, match=said):
        pair_order(factors, "uniform_fixed", 0, 0)
