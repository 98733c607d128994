"""FactorVAE: who may move what, and the density ratio."""

import math

import torch
from lightning_fabric import Fabric
from torch import nn

from disvae.models.vae import VAE
from disvae.objectives import FactorVAE, Moment
from disvae.objectives.discriminator import Discriminator, permute_dimensions
from disvae.posterior import Posterior, VAEOutput
from disvae.training.loop import accumulate_gradients


def test_each_loss_moves_its_own_module_only():
    torch.manual_seed(0)
    vae, discriminator = VAE((1, 32, 32), 4), Discriminator(4)
    at = Moment(100, critics={"discriminator": discriminator})
    losses, terms = FactorVAE(G=6).step(vae, torch.rand(12, 1, 32, 32), at)
    assert [module for _, module in losses] == [vae, discriminator]
    assert losses[0].loss is terms["loss"]
    assert losses[1].loss is terms["discrim_loss"]


def test_the_discriminators_gradient_does_not_reach_the_encoder():
    """The gradients are those of each loss alone, at equal random numbers."""
    fabric = Fabric(accelerator="cpu", devices=1)
    torch.manual_seed(0)
    vae, discriminator = fabric.setup(VAE((1, 32, 32), 4)), fabric.setup(Discriminator(4))
    vae.mark_forward_method("encode")
    objective, images = FactorVAE(G=6), torch.rand(12, 1, 32, 32)
    at = Moment(100, critics={"discriminator": discriminator})

    def losses():
        torch.manual_seed(1)
        return objective.step(vae, images, at)[0]

    def gradient(loss, module):
        return torch.autograd.grad(loss, list(module.parameters()), retain_graph=True)

    (vae_loss, _), (discrim_loss, _) = losses()
    wanted = [*gradient(vae_loss, vae), *gradient(discrim_loss, discriminator)]
    leak = torch.autograd.grad(discrim_loss, vae.encoder.mu_logvar_gen.weight)[0]
    assert leak.abs().max() > 0  # there is something to keep away

    accumulate_gradients(fabric, losses())
    for parameter, exact in zip(
        [*vae.parameters(), *discriminator.parameters()], wanted, strict=True
    ):
        torch.testing.assert_close(parameter.grad, exact)


def test_an_optimal_discriminator_gives_the_closed_form_total_correlation():
    rho, n = 0.8, 200_000

    class Optimal(nn.Module):
        """Logits whose difference is log q(z) - log q(z_1) q(z_2) of correlated normals."""

        def forward(self, z):
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
    blind = nn.Linear(4, 2)
    nn.init.zeros_(blind.weight)
    nn.init.zeros_(blind.bias)
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
