"""The posterior against torch.distributions."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from disvae.posterior import Posterior

numbers = st.floats(-4, 4, width=32)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8))
def test_kl_is_that_of_torch_distributions(pairs):
    mean, logvar = torch.tensor(pairs, dtype=torch.float64).unbind(1)
    ours = Posterior(mean[None], logvar[None]).kl()[0]
    exact = kl_divergence(Normal(mean, (0.5 * logvar).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(ours, exact, rtol=1e-9, atol=1e-12)


def test_samples_have_the_mean_and_width_of_the_posterior():
    torch.manual_seed(0)
    posterior = Posterior(torch.full((200_000, 1), 2.0), torch.full((200_000, 1), -2.0))
    sample = posterior.sample()
    error = 5 / 200_000**0.5  # five standard errors of the standardised moments
    standard = (sample - 2.0) / torch.exp(torch.tensor(-1.0))
    assert abs(standard.mean()) < error
    assert abs(standard.square().mean() - 1) < error * 2**0.5


def test_samples_carry_the_gradient_to_mean_and_width():
    mean = torch.zeros(1, 1, requires_grad=True)
    logvar = torch.zeros(1, 1, requires_grad=True)
    sample = Posterior(mean, logvar).sample()
    sample.sum().backward()
    assert mean.grad == 1
    torch.testing.assert_close(logvar.grad, 0.5 * sample.detach())  # d exp(l/2) e / dl = e/2
