"""FactorVAE: who may move what, and the density ratio."""

import math

import pytest
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import nn

from disvae.models.vae import VAE
from disvae.objectives import FactorVAE, Moment
from disvae.objectives.discriminator import Discriminator, permute_dimensions, permuted_codes
from disvae.posterior import Posterior, VAEOutput
from disvae.training.loop import accumulate_gradients


@pytest.fixture
def learners():
    """A VAE, a discriminator and the moment at which they train."""
    torch.manual_seed(0)
    fabric = Fabric(accelerator="cpu", devices=1)
    vae, discriminator = fabric.setup(VAE((1, 32, 32), 4)), fabric.setup(Discriminator(4))
    vae.mark_forward_method("encode")
    return fabric, vae, discriminator, Moment(100, critics={"discriminator": discriminator})


def test_one_loss_moves_both_modules(learners):
    _, vae, discriminator, at = learners
    losses, terms = FactorVAE(G=6).step(vae, torch.rand(12, 1, 32, 32), at)
    ((loss, module),) = losses
    assert list(module) == [vae, discriminator]
    torch.testing.assert_close(loss, terms["loss"] + terms["discrim_loss"])


@pytest.mark.parametrize("n_images", [12, 13])
@pytest.mark.parametrize("confident", [1, 30])
def test_terms_and_gradients_are_those_of_each_loss_alone(learners, n_images, confident):
    """Two backward passes through the layers as PyTorch has them, at equal random numbers."""
    fabric, vae, discriminator, at = learners
    with torch.no_grad():
        for weights in discriminator.parameters():
            weights *= confident ** (1 / 6)  # in six layers
    vae, discriminator = vae.double(), discriminator.double()  # in which no unit's sign is in doubt
    images = torch.rand(n_images, 1, 32, 32, dtype=torch.float64)
    first, second = images.tensor_split(2)

    torch.manual_seed(1)
    permuted = permuted_codes(vae, second)
    output = vae(first)
    layers = discriminator.module.layers
    real, fake = layers(output.sample), layers(permuted)
    tc = (real[:, 0] - real[:, 1]).mean()
    recon = F.binary_cross_entropy_with_logits(output.logits, first, reduction="sum") / len(first)
    mean, logvar = output.posterior
    kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum(1).mean()
    zeros, ones = torch.zeros(len(real)).long(), torch.ones(len(fake)).long()
    discrim_loss = 0.5 * (F.cross_entropy(real, zeros) + F.cross_entropy(fake, ones))
    of_vae, of_discriminator = list(vae.parameters()), list(discriminator.parameters())
    wanted = [
        *torch.autograd.grad(recon + kl + 6 * tc, of_vae, retain_graph=True),
        *torch.autograd.grad(discrim_loss, of_discriminator),
    ]

    torch.manual_seed(1)
    losses, terms = FactorVAE(G=6).step(vae, images, at)
    torch.testing.assert_close(terms["tc_loss"], tc)
    torch.testing.assert_close(terms["loss"], recon + kl + 6 * tc)
    torch.testing.assert_close(terms["discrim_loss"], discrim_loss)
    accumulate_gradients(fabric, losses)
    for parameter, exact in zip([*of_vae, *of_discriminator], wanted, strict=True):
        torch.testing.assert_close(parameter.grad, exact)


def test_reduced_precision_learns_too():
    torch.manual_seed(0)
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    discriminator = fabric.setup(Discriminator(4))
    real = torch.randn(8, 4, requires_grad=True)
    tc, cross_entropy = discriminator(real, torch.randn(8, 4))
    fabric.backward(tc + cross_entropy)
    exact = Discriminator(4)
    exact.load_state_dict(discriminator.module.state_dict())
    ratio = exact.logits(real.detach().requires_grad_())
    assert (tc - (ratio[:, 0] - ratio[:, 1]).mean()).abs() < 0.1
    assert real.grad.isfinite().all()
    assert all(p.grad.isfinite().all() and p.grad.dtype == p.dtype
               for p in discriminator.parameters())  # fmt: skip


def test_an_optimal_discriminator_gives_the_closed_form_total_correlation():
    rho, n = 0.8, 200_000

    class Optimal(nn.Module):
        """Logits whose difference is log q(z) - log q(z_1) q(z_2) of correlated normals."""

        def logits(self, z):
            joint = torch.distributions.MultivariateNormal(
                torch.zeros(2), torch.tensor([[1, rho], [rho, 1]])
            )
            ratio = joint.log_prob(z) - torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
            return torch.stack([ratio, torch.zeros_like(ratio)], 1)

    torch.manual_seed(0)
    first = torch.randn(n)
    codes = torch.stack([first, rho * first + (1 - rho**2) ** 0.5 * torch.randn(n)], 1)
    output = VAEOutput(torch.zeros(n, 1, 1, 1), Posterior(codes, torch.zeros_like(codes)), codes)
    at = Moment(n, critics={"discriminator": Optimal()})
    terms = FactorVAE(G=1).terms(output, torch.zeros(n, 1, 1, 1), at)
    assert abs(terms["tc_loss"].item() - -0.5 * math.log(1 - rho**2)) < 0.01


def test_a_discriminator_that_knows_nothing_pays_log_two():
    vae = VAE((1, 32, 32), 4)
    blind = Discriminator(4)
    for weights in blind.layers[-1].parameters():
        nn.init.zeros_(weights)
    at = Moment(100, critics={"discriminator": blind})
    _, terms = FactorVAE().step(vae, torch.rand(6, 1, 32, 32), at)
    torch.testing.assert_close(terms["discrim_loss"], torch.tensor(math.log(2)))
    assert terms["tc_loss"] == 0


def test_permutation_is_of_each_dimension_on_its_own():
    torch.manual_seed(0)
    codes = torch.arange(300.0).view(100, 3)
    permuted = permute_dimensions(codes)
    torch.testing.assert_close(permuted.sort(0).values, codes)
    rows = permuted // 3  # which row each entry came from
    assert (rows[:, 0] != rows[:, 1]).float().mean() > 0.9
    assert (rows[:, 0] != torch.arange(100)).float().mean() > 0.9
