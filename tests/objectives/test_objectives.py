"""Each objective against its formula, and the VAE as the special case of each."""

import pytest
import torch

from disvae.models.vae import VAE
from disvae.objectives import TCVAE, BetaVAE, Capacity, FactorVAE, Moment, PlainVAE
from disvae.objectives.discriminator import Discriminator
from disvae.posterior import Posterior, VAEOutput


@pytest.fixture
def images():
    torch.manual_seed(3)
    return torch.rand(8, 1, 32, 32)


@pytest.fixture
def output(images):
    posterior = Posterior(torch.randn(8, 3), torch.randn(8, 3) - 1)
    return VAEOutput(torch.randn(8, 1, 32, 32), posterior, posterior.sample())


def with_discriminator(progress: float = 1.0) -> Moment:
    torch.manual_seed(5)
    return Moment(8, progress, critics={"discriminator": Discriminator(3)})


def test_beta_vae_weights_the_kl(output, images):
    terms = BetaVAE(B=4).terms(output, images, Moment(8, progress=0.25))
    torch.testing.assert_close(terms["loss"], terms["recon_loss"] + terms["kl_loss"])
    full = BetaVAE(B=4).terms(output, images, Moment(8))
    torch.testing.assert_close(full["loss"], full["recon_loss"] + 4 * full["kl_loss"])


def test_capacity_holds_the_kl_at_a_capacity_that_grows(output, images):
    objective = Capacity(G=100, initC=5, finC=25)
    for progress, capacity in ((0.0, 5), (0.5, 15), (1.0, 25)):
        terms = objective.terms(output, images, Moment(1000, progress))
        exact = terms["recon_loss"] + 100 * abs(terms["kl_loss"] - capacity)
        torch.testing.assert_close(terms["loss"], exact)


def test_tc_vae_weights_its_three_terms_and_anneals_only_the_tc(output, images):
    objective = TCVAE(A=-2, B=6, G=0.5)
    for progress in (0.0, 0.3, 1.0):
        terms = objective.terms(output, images, Moment(1000, progress))
        exact = (
            terms["recon_loss"]
            - 2 * terms["mi_loss"]
            + progress * 6 * terms["tc_loss"]
            + 0.5 * terms["dw_kl_loss"]
        )
        torch.testing.assert_close(terms["loss"], exact)


def test_factor_vae_anneals_the_tc(output, images):
    terms = FactorVAE(G=6).terms(output, images, with_discriminator(0.5))
    exact = terms["recon_loss"] + terms["kl_loss"] + 3 * terms["tc_loss"]
    torch.testing.assert_close(terms["loss"], exact)


@pytest.mark.parametrize("rec_dist", ["bernoulli", "gaussian", "laplace"])
def test_the_vae_is_a_special_case(output, images, rec_dist):
    at = with_discriminator()
    vae = PlainVAE(rec_dist=rec_dist).terms(output, images, at)["loss"]
    for special in (
        BetaVAE(B=1, rec_dist=rec_dist),
        FactorVAE(G=0, rec_dist=rec_dist),
        Capacity(G=1, initC=0, finC=0, rec_dist=rec_dist),  # |KL - 0| = KL
    ):
        torch.testing.assert_close(special.terms(output, images, at)["loss"], vae)


def test_btcvae_with_unit_weights_is_the_vae_in_expectation(output, images):
    torch.manual_seed(0)
    exact = PlainVAE().terms(output, images, Moment(50))["loss"]
    objective = TCVAE(A=1, B=1, G=1)
    losses = torch.stack([
        objective.terms(
            output._replace(sample=output.posterior.sample()), images, Moment(50)
        )["loss"]
        for _ in range(1000)
    ])  # fmt: skip
    standard_error = losses.std() / 1000**0.5
    assert abs(losses.mean() - exact) < 4 * standard_error
    assert standard_error < 0.1  # so that the line above says something


def test_evaluation_uses_full_weights_whatever_the_annealing():
    vae = VAE((1, 32, 32), 3).eval()
    images = torch.rand(4, 1, 32, 32)
    slow, fast = BetaVAE(B=4, reg_anneal=10**6), BetaVAE(B=4, reg_anneal=0)
    assert slow.evaluate(vae, images)["loss"] == fast.evaluate(vae, images)["loss"]
    (first,), _ = slow.step(vae, images, slow.at(1, 4))
    assert first.loss < fast.evaluate(vae, images)["loss"]
