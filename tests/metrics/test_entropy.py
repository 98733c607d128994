"""Mixture entropies against quadrature, closed forms and limits."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from disvae.metrics import entropies
from disvae.metrics.estimators.entropy import grouped_entropies

NORMAL = 0.5 * np.log(2 * np.pi * np.e)


def entropy(mean, width):
    mean = np.asarray(mean, dtype=float)
    logvar = 2 * np.log(np.broadcast_to(width, mean.shape))
    whole = [(np.zeros(len(mean), dtype=np.int64), 1)]
    return grouped_entropies(mean, logvar, whole)[0][0]


def brute_force(mean, width, weight=None):
    """-int q log q by adaptive quadrature between points half a width apart."""
    mean, width = np.asarray(mean, float), np.broadcast_to(width, np.shape(mean)).astype(float)
    weight = np.full(len(mean), 1 / len(mean)) if weight is None else weight

    def integrand(x):
        q = (weight / width * np.exp(-(((x - mean) / width) ** 2) / 2)).sum() / np.sqrt(2 * np.pi)
        return -q * np.log(q) if q > 0 else 0.0

    points = np.unique((mean[:, None] + width[:, None] * np.arange(-9, 9.5, 1.5)).ravel())
    return sum(
        quad(integrand, a, b, epsabs=1e-10, epsrel=1e-8)[0] for a, b in itertools.pairwise(points)
    )


@pytest.mark.parametrize("width", [1e-8, 1e-4, 0.03, 0.5, 0.9999, 1.0, 10.0, 1e5])
def test_one_gaussian_has_the_closed_form(width):
    assert entropy([0.3, 0.3], width) == pytest.approx(NORMAL + np.log(width), abs=1e-6)


@pytest.mark.parametrize("count", [2, 7, 24])
@pytest.mark.parametrize("width", [1e-9, 1e-4, 1e-2])
def test_narrow_components_far_apart_add_the_entropy_of_choice(count, width):
    mean = np.arange(count) * 1.7
    exact = NORMAL + np.log(width) + np.log(count)
    assert entropy(mean, width) == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_widths_over_five_decades_in_one_dimension(seed):
    rng = np.random.default_rng(seed)
    mean, width = rng.normal(size=24), 10 ** rng.uniform(-4, 1, 24)
    assert entropy(mean, width) == pytest.approx(brute_force(mean, width), abs=1e-6)


@pytest.mark.parametrize(
    ("mean", "width"),
    [
        (np.linspace(-2, 2, 40), 0.05),
        (np.linspace(-2, 2, 40), 1e-4),
        (np.tile([0.0, 0.3, 0.9], 8), 0.1),
        (np.append(np.linspace(0, 1, 30), 1e4), 0.01),  # an outlier
        (np.array([0.0, 1e-3]), np.array([1e-4, 10.0])),  # a peak on a plain
        (np.array([0.0, 1.0]), np.array([1.0, 0.5])),
    ],
)
def test_against_quadrature(mean, width):
    assert entropy(mean, width) == pytest.approx(brute_force(mean, width), abs=1e-6)


def test_many_components_of_few_kinds():
    rng = np.random.default_rng(0)
    kinds = rng.choice(6, size=737_280, p=[0.4, 0.3, 0.1, 0.1, 0.06, 0.04])
    mean = np.array([-1.0, -0.9, 0.0, 0.5, 0.52, 3.0])
    width = np.array([1e-4, 0.3, 1.0, 1e-3, 0.02, 10.0])
    share = np.bincount(kinds) / len(kinds)
    exact = brute_force(mean, width, share)
    assert entropy(mean[kinds], width[kinds]) == pytest.approx(exact, abs=1e-6)


def test_more_isolated_peaks_than_a_table_holds():
    count = 20_000
    mean = np.random.default_rng(0).permutation(count) * 1.0
    exact = NORMAL + np.log(1e-6) + np.log(count)
    assert entropy(mean, 1e-6) == pytest.approx(exact, abs=1e-6)


def test_groups_are_kept_apart():
    rng = np.random.default_rng(1)
    mean, width = rng.normal(size=60), 10 ** rng.uniform(-3, 0, 60)
    group = rng.choice(3, size=60, p=[0.7, 0.2, 0.1])
    found = grouped_entropies(mean, 2 * np.log(width), [(group, 3)])[0]
    alone = [entropy(mean[group == g], width[group == g]) for g in range(3)]
    np.testing.assert_allclose(found, alone, atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-5, 5), st.floats(-4, 1)),
        min_size=2,
        max_size=6,
    ),
    st.floats(-3, 3),
    st.floats(-100, 100),
)
def test_scaling_adds_its_logarithm_and_shifting_nothing(parts, log_scale, shift):
    mean, width = np.array([m for m, _ in parts]), 10 ** np.array([w for _, w in parts])
    scale = np.exp(log_scale)
    moved = entropy(scale * mean + shift, scale * width)
    assert moved == pytest.approx(entropy(mean, width) + log_scale, abs=2e-6)


@pytest.mark.parametrize("case", ["axis/het", "merged/het", "dead/s0.1"])
def test_reference_entropies(case, reference, arrays, factors):
    exact = reference["exact_entropies"][case]
    name, width = case.split("/")
    mean = arrays[f"{name}_codes"]
    logvar = (
        arrays[f"{name}_logvar"]
        if width == "het"
        else np.full_like(mean, 2 * np.log(float(width[1:])))
    )
    found = entropies(mean, logvar, factors)
    np.testing.assert_allclose(found.code, exact["H_z"], atol=1e-6)
    np.testing.assert_allclose(found.conditional, exact["H_zCv"], atol=1e-6)
    np.testing.assert_allclose(found.mutual_information, exact["MI"], atol=1e-6)
    np.testing.assert_allclose(found.factor, np.log([4, 5, 6]), atol=1e-12)


@pytest.mark.parametrize("place", [0.0, 1e9, 1e17, -(2.0**63)])
def test_a_code_may_lie_anywhere(place):
    assert entropy(np.full(60, place), 1.0) == pytest.approx(NORMAL, abs=1e-6)


def test_two_values_as_far_apart_as_integers_reach():
    mean = np.where(np.arange(60) % 2, -(2.0**63), 2.0**63)
    apart = NORMAL + 40 + np.log(2)  # two mixtures that never meet: a bit more
    assert entropy(mean, np.exp(40)) == pytest.approx(apart, abs=1e-6)


@pytest.mark.parametrize("kind", ["a value an image", "isolated peaks"])
def test_memory_is_some_hundred_bytes_an_image(kind):
    def peak(count):
        groups = np.arange(count) if kind == "a value an image" else np.zeros(count, np.int64)
        mean = np.random.default_rng(0).permutation(count) * 1.0
        tracemalloc.start()
        grouped_entropies(mean, np.full(count, -28.0), [(groups, int(groups.max()) + 1)])
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)  # the kernels, which stay
    assert (peak(20_000) - peak(10_000)) / 10_000 < 1000
