"""Reconstruction, KL and annealing against closed forms."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from disvae.models.vae import VAE
from disvae.objectives import BetaVAE, Capacity
from disvae.objectives.terms import (
    LearnedScale,
    gaussian_log_density,
    kl_terms,
    optimal_scale,
    reconstruction,
)
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


def test_cyclical_annealing_is_that_of_the_paper():
    """M = 4 cycles over T = 80 steps, R = 1/2 of each a ramp (Fu et al. 2019)."""
    objective = BetaVAE(reg_anneal=10, reg_schedule="cyclical")
    progress = [objective.at(step, 100).progress for step in range(1, 81)]
    assert progress[0] == 0
    assert progress[10] == 1
    assert progress[5] == 0.5
    assert progress[:20] * 4 == progress
    assert sum(progress) / 80 == pytest.approx(0.75, abs=0.03)  # 1 - R/2, of so few steps
    fine = BetaVAE(reg_anneal=10_000, reg_schedule="cyclical")
    mean = sum(fine.at(step, 100).progress for step in range(1, 20_001)) / 20_000
    assert mean == pytest.approx(0.75, abs=1e-4)


def test_every_annealed_weight_can_be_cyclical():
    assert BetaVAE(reg_anneal=0, reg_schedule="cyclical").at(7, 100).progress == 1
    capacity = Capacity(reg_anneal=4, reg_schedule="cyclical", finC=8)
    assert [8 * capacity.at(step, 100).progress for step in range(1, 10)] == [
        0, 2, 4, 6, 8, 8, 8, 8, 0
    ]  # fmt: skip


def test_gaussian_of_optimal_scale_is_the_best_of_all_scales():
    torch.manual_seed(0)
    logits, images = torch.randn(4, 3, 8, 8), torch.rand(4, 3, 8, 8)
    found = reconstruction(logits, images, "gaussian_optimal")
    scales = torch.linspace(0.1, 1, 901)
    each = torch.stack(
        [-Normal(logits.sigmoid(), s).log_prob(images).sum((1, 2, 3)).mean() for s in scales]
    )
    torch.testing.assert_close(found, each.min(), rtol=1e-4, atol=0)
    best = scales[each.argmin()]
    torch.testing.assert_close(optimal_scale(found, 3 * 8 * 8), best, rtol=2e-3, atol=0)
    root = (logits.sigmoid() - images).square().mean().sqrt()
    torch.testing.assert_close(optimal_scale(found, 3 * 8 * 8), root, rtol=1e-3, atol=0)


def test_a_perfect_reconstruction_has_a_finite_scale():
    logits = torch.zeros(2, 1, 4, 4, requires_grad=True)
    loss = reconstruction(logits, torch.full((2, 1, 4, 4), 0.5), "gaussian_optimal")
    loss.backward()
    assert logits.grad.isfinite().all()
    torch.testing.assert_close(optimal_scale(loss, 16), torch.tensor(-6.0).exp())


def test_the_optimal_scale_is_reported_in_evaluation():
    vae = VAE((1, 32, 32), 3).eval()
    terms = BetaVAE(rec_dist="gaussian_optimal").evaluate(vae, torch.rand(4, 1, 32, 32))
    assert 0.2 < terms["rec_scale"] < 0.4  # of uniform noise against 0.5: 0.289
    assert "rec_scale" not in BetaVAE().evaluate(vae, torch.rand(4, 1, 32, 32))


def test_gaussian_of_a_learned_scale_is_that_of_torch():
    torch.manual_seed(0)
    logits, images = torch.randn(4, 3, 8, 8), torch.rand(4, 3, 8, 8)
    scale = LearnedScale()
    assert scale().item() == pytest.approx(1, abs=1e-4)  # at first
    with torch.no_grad():
        scale.log_scale.fill_(-1.3)
    found = reconstruction(logits, images, "gaussian_learned", scale()).detach()
    normal = Normal(logits.sigmoid(), torch.tensor(-1.3).exp())
    exact = -normal.log_prob(images).sum((1, 2, 3)).mean()
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=0)


def test_a_learned_scale_comes_to_the_optimal_one():
    torch.manual_seed(0)
    logits, images, scale = torch.randn(4, 3, 8, 8), torch.rand(4, 3, 8, 8), LearnedScale()
    adam = torch.optim.Adam(scale.parameters(), lr=0.05)
    for _ in range(300):
        adam.zero_grad()
        loss = reconstruction(logits, images, "gaussian_learned", scale())
        loss.backward()
        adam.step()
    best = reconstruction(logits, images, "gaussian_optimal")
    torch.testing.assert_close(loss.detach(), best, rtol=1e-4, atol=0)
    root = (logits.sigmoid() - images).square().mean()
    torch.testing.assert_close(scale().detach(), root, rtol=1e-3, atol=0)


def test_a_fixed_scale_is_beta_vae_of_half_the_squares():
    torch.manual_seed(0)  # sigma-VAE: beta = sigma^2, up to a constant factor and term
    logits, images = torch.randn(4, 1, 8, 8, requires_grad=True), torch.rand(4, 1, 8, 8)
    variance = torch.tensor(0.09)
    loss = reconstruction(logits, images, "gaussian_learned", variance)
    (gradient,) = torch.autograd.grad(loss, logits)
    half = 0.5 * (logits.sigmoid() - images).square().sum() / 4
    (expected,) = torch.autograd.grad(half, logits)
    torch.testing.assert_close(variance * gradient, expected)


def test_the_likelihood_learns_its_scale_alone_beside_the_vae():
    objective = BetaVAE(rec_dist="gaussian_learned")
    likelihood = objective.all_critics(3)["likelihood"].module
    vae, images = VAE((1, 32, 32), 3), torch.rand(4, 1, 32, 32)
    at = objective.at(1, 4, {"likelihood": likelihood})
    losses, terms = objective.whole_step(vae, images, at)
    assert [module for _, module in losses] == [likelihood, vae]
    assert terms["rec_scale"].item() == pytest.approx(1, abs=1e-4)
    first = torch.autograd.grad(losses[0].loss, likelihood.log_scale, retain_graph=True)[0]
    # d/d log s of D log s + SSE / (2 s^2), at s = 1
    squares = 2 * (terms["recon_loss"].item() - 512 * math.log(2 * math.pi))
    assert first.item() == pytest.approx(1024 - squares, rel=1e-3)


def test_gaussian_log_density_is_that_of_torch():
    x, mean, logvar = torch.tensor(1.3), torch.tensor(-0.4), torch.tensor(0.7)
    exact = Normal(mean, (0.5 * logvar).exp()).log_prob(x)
    torch.testing.assert_close(gaussian_log_density(x, mean, logvar), exact)
