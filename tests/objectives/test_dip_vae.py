"""DIP-VAE against hand-made batches whose covariance is known."""

import pytest
import torch

from disvae.objectives import DIPVAEI, DIPVAEII, BetaVAE, Moment
from disvae.posterior import Posterior, VAEOutput

D = 10
AT = Moment(100)


def terms(objective, mean, logvar):
    posterior = Posterior(mean, logvar)
    images = torch.zeros(len(mean), 1, 4, 4)
    return objective.terms(VAEOutput(images, posterior, mean), images, AT)


def axes():
    """Means at +- sqrt(D) on every axis: their covariance is the identity."""
    return torch.cat([torch.eye(D), -torch.eye(D)]) * D**0.5


def test_codes_of_the_prior_cost_nothing_in_ii_and_d_per_latent_in_i():
    prior = torch.zeros(64, D), torch.zeros(64, D)
    second = terms(DIPVAEII(od=80, d=80), *prior)
    assert second["od_loss"] == second["d_loss"] == 0
    first = terms(DIPVAEI(od=10, d=100), *prior)
    assert first["loss"] - first["recon_loss"] - first["kl_loss"] == 100 * D


@pytest.mark.parametrize("batch", [4, 64])  # fewer images than latents, and more
def test_variances_stand_on_the_diagonal_of_ii(batch):
    torch.manual_seed(0)
    logvar = torch.randn(batch, D)
    found = DIPVAEII().covariance(Posterior(torch.zeros(batch, D), logvar))
    for i in range(D):
        for j in range(D):
            exact = sum(logvar[:, i].exp()) / batch if i == j else torch.tensor(0.0)
            torch.testing.assert_close(found[i, j], exact)


def test_means_of_unit_covariance_cost_nothing_in_i():
    found = terms(DIPVAEI(), axes(), torch.full((2 * D, D), -100.0))
    torch.testing.assert_close(found["od_loss"], torch.tensor(0.0), atol=1e-10, rtol=0)
    torch.testing.assert_close(found["d_loss"], torch.tensor(0.0), atol=1e-10, rtol=0)


@pytest.mark.parametrize("kind", [DIPVAEI, DIPVAEII])
def test_without_weights_it_is_the_vae(kind):
    torch.manual_seed(0)
    codes = torch.randn(16, D), torch.randn(16, D)
    assert terms(kind(od=0, d=0), *codes)["loss"] == terms(BetaVAE(B=1), *codes)["loss"]


@pytest.mark.parametrize("kind", [DIPVAEI, DIPVAEII])
def test_a_constant_added_to_the_means_changes_no_penalty(kind):
    torch.manual_seed(0)
    mean, logvar = torch.randn(16, D, dtype=torch.float64), torch.randn(16, D)
    here, there = (terms(kind(), mean + shift, logvar) for shift in (0, 7.0))
    torch.testing.assert_close(here["od_loss"], there["od_loss"])
    torch.testing.assert_close(here["d_loss"], there["d_loss"])


def test_two_equal_latents_of_unit_variance_cost_both_triangles():
    mean = torch.tensor([1.0, -1.0]).repeat(8).view(16, 1).expand(16, 2)
    found = terms(DIPVAEI(), mean, torch.zeros(16, 2))
    assert found["od_loss"] == 2
    assert found["d_loss"] == 0


def test_the_prior_is_where_the_gradient_of_ii_vanishes():
    logvar = torch.zeros(64, D, requires_grad=True)
    terms(DIPVAEII(), torch.zeros(64, D), logvar)["loss"].backward()
    assert logvar.grad.abs().max() == 0


def test_a_batch_of_isotropic_codes_has_the_known_noise_floor():
    torch.manual_seed(0)
    found = [terms(DIPVAEI(), torch.randn(64, D), torch.zeros(64, D)) for _ in range(2000)]
    od = torch.stack([each["od_loss"] for each in found]).mean()
    d = torch.stack([each["d_loss"] for each in found]).mean()
    torch.testing.assert_close(od, torch.tensor(1.38), atol=0.02, rtol=0)
    torch.testing.assert_close(d, torch.tensor(0.31), atol=0.02, rtol=0)
