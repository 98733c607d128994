"""The minibatch stratified estimates against enumeration over all batches."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from disvae.objectives import TCVAE, Moment
from disvae.objectives.estimators import log_densities, stratified_log_weights
from disvae.posterior import Posterior, VAEOutput

N, D, B = 6, 2, 4


@pytest.fixture
def data():
    """Posteriors of all N images, and one code of each."""
    torch.manual_seed(1)
    posterior = Posterior(
        torch.randn(N, D, dtype=torch.float64), torch.randn(N, D, dtype=torch.float64) - 1
    )
    return posterior, posterior.sample()


def exact_aggregate(posterior, code):
    """q(code), by the definition: the mean of all N densities."""
    normals = torch.distributions.Normal(posterior.mean, posterior.std)
    return normals.log_prob(code).sum(1).exp().mean()


def batch_of(posterior, codes, indices):
    chosen = torch.tensor(indices)
    return codes[chosen], Posterior(posterior.mean[chosen], posterior.logvar[chosen])


@pytest.mark.parametrize("image", range(N))
def test_the_mean_over_all_batches_of_the_estimated_q_z_is_the_exact_q_z(data, image):
    posterior, codes = data
    others = [i for i in range(N) if i != image]
    for place in range(B):  # wherever in the batch the image stands
        estimates = []
        for rest in itertools.permutations(others, B - 1):
            indices = [*rest[:place], image, *rest[place:]]
            log = log_densities(*batch_of(posterior, codes, indices), N)
            estimates.append(log.aggregate[place].exp())
        exact = exact_aggregate(posterior, codes[image])
        torch.testing.assert_close(torch.stack(estimates).mean(), exact, rtol=1e-9, atol=0.0)


def test_the_marginals_are_estimated_dimension_by_dimension(data):
    posterior, codes = data
    batch_codes, batch = batch_of(posterior, codes, range(B))
    both = log_densities(batch_codes, batch, N).marginals
    each = [
        log_densities(
            batch_codes[:, [j]], Posterior(batch.mean[:, [j]], batch.logvar[:, [j]]), N
        ).aggregate
        for j in range(D)
    ]
    torch.testing.assert_close(both, sum(each))


def test_the_estimate_itself_against_a_plain_double_loop(data):
    posterior, codes = data
    batch_codes, batch = batch_of(posterior, codes, range(B))
    log = log_densities(batch_codes, batch, N)
    weights = [
        [1 / N if j == i else (N - B + 1) / (N * (B - 1)) if j == (i + 1) % B else 1 / (B - 1)
         for j in range(B)]
        for i in range(B)
    ]  # fmt: skip
    for i in range(B):
        density = [
            torch.distributions.Normal(batch.mean[j], batch.std[j]).log_prob(batch_codes[i]).exp()
            for j in range(B)
        ]
        joint = sum(w * d.prod() for w, d in zip(weights[i], density, strict=True))
        product = math.prod(
            sum(w * d[k] for w, d in zip(weights[i], density, strict=True)) for k in range(D)
        )
        torch.testing.assert_close(log.aggregate[i].exp(), joint)
        torch.testing.assert_close(log.marginals[i].exp(), product)


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(0, 1000), st.integers(1, 6), st.integers(0, 10**6))
def test_identities_that_hold_for_any_batch(batch_size, more, dims, seed):
    n_data = batch_size + more
    random = torch.Generator().manual_seed(seed)
    draw = lambda: torch.randn(batch_size, dims, generator=random, dtype=torch.float64)  # noqa: E731
    posterior = Posterior(3 * draw(), draw() - 2)
    codes = posterior.mean + posterior.std * draw()
    log = log_densities(codes, posterior, n_data)
    mi = log.given_image - log.aggregate
    # the own image alone gives q(z) at least a share of 1/N
    assert mi.max() <= math.log(n_data) + 1e-9
    total = mi + (log.aggregate - log.marginals) + (log.marginals - log.prior)
    normal = torch.distributions.Normal
    monte_carlo_kl = (
        normal(posterior.mean, posterior.std).log_prob(codes) - normal(0.0, 1.0).log_prob(codes)
    ).sum(1)
    torch.testing.assert_close(total, monte_carlo_kl)
    weights = stratified_log_weights(batch_size, n_data, torch.float64, torch.device("cpu"))
    rows = weights.exp().sum(1)
    torch.testing.assert_close(rows, torch.ones_like(rows))


def test_held_out_batches_may_be_larger_than_the_training_set():
    """They stand for themselves: as if the training set were as large."""
    torch.manual_seed(0)
    posterior = Posterior(torch.randn(12, 3), torch.randn(12, 3))
    output = VAEOutput(torch.zeros(12, 1, 4, 4), posterior, torch.randn(12, 3))
    images = torch.zeros(12, 1, 4, 4)
    few, as_many = (TCVAE().terms(output, images, Moment(n_images)) for n_images in (5, 12))
    assert all(value.isfinite() for value in few.values())
    assert few == as_many


def test_a_batch_of_one_is_finite():
    posterior = Posterior(torch.zeros(1, 2), torch.zeros(1, 2))
    log = log_densities(posterior.sample(), posterior, 1000)
    assert all(values.isfinite().all() for values in log)


def test_large_batches_are_taken_in_parts_that_make_the_whole():
    torch.manual_seed(0)
    posterior = Posterior(torch.randn(150, 3), torch.randn(150, 3) - 1)
    codes = posterior.sample()
    log = log_densities(codes, posterior, 1000)
    weights = stratified_log_weights(150, 1000, torch.float32, torch.device("cpu"))
    density = torch.distributions.Normal(posterior.mean, posterior.std)
    pairwise = density.log_prob(codes.unsqueeze(1))
    torch.testing.assert_close(
        log.aggregate, torch.logsumexp(pairwise.sum(2) + weights, 1), rtol=1e-4, atol=1e-4
    )
    one_by_one = torch.stack(
        [torch.logsumexp(pairwise[:, :, j] + weights, 1) for j in range(3)]
    )  # fmt: skip
    torch.testing.assert_close(log.marginals, one_by_one.sum(0), rtol=1e-4, atol=1e-4)
