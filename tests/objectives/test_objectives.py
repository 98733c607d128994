"""Each objective against its formula, and the VAE as the special case of each."""

import pytest
import torch

from disvae.models.discriminator import Discriminator
from disvae.models.vae import VAE
from disvae.objectives import TCVAE, BetaVAE, Capacity, FactorVAE
from disvae.posterior import Posterior, VAEOutput


@pytest.fixture
def images():
    torch.manual_seed(3)
    return torch.rand(8, 1, 32, 32)


@pytest.fixture
def output(images):
    posterior = Posterior(torch.randn(8, 3), torch.randn(8, 3) - 1)
    return VAEOutput(torch.randn(8, 1, 32, 32), posterior, posterior.sample())


def test_beta_vae_weights_the_kl(output, images):
    terms = BetaVAE(beta=4).terms(output, images, progress=0.25)
    torch.testing.assert_close(terms["loss"], terms["recon_loss"] + terms["kl_loss"])
    full = BetaVAE(beta=4).terms(output, images, progress=1.0)
    torch.testing.assert_close(full["loss"], full["recon_loss"] + 4 * full["kl_loss"])


def test_capacity_holds_the_kl_at_a_capacity_that_grows(output, images):
    objective = Capacity(gamma=100, start=5, end=25)
    for progress, capacity in ((0.0, 5), (0.5, 15), (1.0, 25)):
        terms = objective.terms(output, images, progress)
        exact = terms["recon_loss"] + 100 * abs(terms["kl_loss"] - capacity)
        torch.testing.assert_close(terms["loss"], exact)


def test_tc_vae_weights_its_three_terms_and_anneals_only_the_tc(output, images):
    objective = TCVAE(n_data=1000, alpha=-2, beta=6, gamma=0.5)
    for progress in (0.0, 0.3, 1.0):
        terms = objective.terms(output, images, progress)
        exact = (
            terms["recon_loss"]
            - 2 * terms["mi_loss"]
            + progress * 6 * terms["tc_loss"]
            + 0.5 * terms["dw_kl_loss"]
        )
        torch.testing.assert_close(terms["loss"], exact)


def test_factor_vae_anneals_the_tc(output, images):
    objective = FactorVAE(Discriminator(3), gamma=6)
    terms = objective.terms(output, images, progress=0.5)
    exact = terms["recon_loss"] + terms["kl_loss"] + 3 * terms["tc_loss"]
    torch.testing.assert_close(terms["loss"], exact)


@pytest.mark.parametrize("rec_dist", ["bernoulli", "gaussian", "laplace"])
def test_the_vae_is_a_special_case(output, images, rec_dist):
    vae = BetaVAE(beta=1, rec_dist=rec_dist).terms(output, images, 1.0)["loss"]
    no_tc = FactorVAE(Discriminator(3), gamma=0, rec_dist=rec_dist)
    torch.testing.assert_close(no_tc.terms(output, images, 1.0)["loss"], vae)
    # |KL - 0| = KL
    no_capacity = Capacity(gamma=1, start=0, end=0, rec_dist=rec_dist)
    torch.testing.assert_close(no_capacity.terms(output, images, 1.0)["loss"], vae)


def test_btcvae_with_unit_weights_is_the_vae_in_expectation(output, images):
    torch.manual_seed(0)
    exact = BetaVAE(beta=1).terms(output, images, 1.0)["loss"]
    objective = TCVAE(n_data=50, alpha=1, beta=1, gamma=1)
    losses = torch.stack([
        objective.terms(output._replace(sample=output.posterior.sample()), images, 1.0)["loss"]
        for _ in range(2000)
    ])  # fmt: skip
    standard_error = losses.std() / 2000**0.5
    assert abs(losses.mean() - exact) < 4 * standard_error
    assert standard_error < 0.1  # so that the line above says something


def test_evaluation_uses_full_weights_whatever_the_annealing():
    vae = VAE((1, 32, 32), 3).eval()
    images = torch.rand(4, 1, 32, 32)
    slow, fast = BetaVAE(4, reg_anneal=10**6), BetaVAE(4, reg_anneal=0)
    assert slow.evaluate(vae, images)["loss"] == fast.evaluate(vae, images)["loss"]
    (first,), _ = slow.step(vae, images, 1)
    assert first.loss < fast.evaluate(vae, images)["loss"]
