"""Reconstruction, KL and annealing against closed forms."""

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from disvae.objectives import BetaVAE
from disvae.objectives.terms import gaussian_log_density, kl_terms, reconstruction
from disvae.posterior import Posterior


def test_bernoulli_is_the_negative_log_likelihood_summed_over_pixels():
    torch.manual_seed(0)
    logits, images = torch.randn(4, 3, 8, 8), torch.rand(4, 3, 8, 8).round()
    exact = -Bernoulli(logits=logits).log_prob(images).sum((1, 2, 3)).mean()
    torch.testing.assert_close(reconstruction(logits, images, "bernoulli"), exact)


def test_gaussian_and_laplace_have_the_scales_of_the_original():
    probabilities = torch.tensor([0.2, 0.9]).view(2, 1, 1, 1)
    images = torch.tensor([0.5, 0.5]).view(2, 1, 1, 1)
    logits = probabilities.logit()
    # sum (255 x - 255 y)^2 / 255, and 3 sum |x - y|, mean over two images
    gaussian = ((255 * 0.3) ** 2 + (255 * 0.4) ** 2) / 255 / 2
    torch.testing.assert_close(reconstruction(logits, images, "gaussian"), torch.tensor(gaussian))
    torch.testing.assert_close(reconstruction(logits, images, "laplace"), torch.tensor(1.05))


def test_kl_terms_are_batch_means_by_dimension_and_their_sum():
    torch.manual_seed(0)
    posterior = Posterior(torch.randn(6, 3), torch.randn(6, 3))
    exact = kl_divergence(Normal(posterior.mean, posterior.std), Normal(0.0, 1.0)).mean(0)
    terms = kl_terms(posterior)
    assert list(terms) == ["kl_loss", "kl_loss_0", "kl_loss_1", "kl_loss_2"]
    torch.testing.assert_close(terms["kl_loss"], exact.sum())
    torch.testing.assert_close(torch.stack(list(terms.values())[1:]), exact)


@pytest.mark.parametrize(
    ("step", "steps", "value"), [(1, 4, 0.25), (2, 4, 0.5), (4, 4, 1), (9, 4, 1), (1, 0, 1)]
)
def test_annealing_is_linear_then_constant(step, steps, value):
    assert BetaVAE(reg_anneal=steps).at(step, 100).progress == value


def test_gaussian_log_density_is_that_of_torch():
    x, mean, logvar = torch.tensor(1.3), torch.tensor(-0.4), torch.tensor(0.7)
    exact = Normal(mean, (0.5 * logvar).exp()).log_prob(x)
    torch.testing.assert_close(gaussian_log_density(x, mean, logvar), exact)
