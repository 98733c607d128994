"""From options to what the loop works with: devices, modules, optimisers, objective."""

from typing import NamedTuple

from lightning_fabric import Fabric
from torch import nn
from torch.optim import Adam, Optimizer

from disvae.models.discriminator import Discriminator
from disvae.models.vae import VAE
from disvae.objectives import TCVAE, BetaVAE, Capacity, FactorVAE, Objective
from disvae.options import Options


class Learners(NamedTuple):
    """What learns: the VAE, FactorVAE's discriminator, and an optimiser for each.

    Attributes
    ----------
    vae
        The VAE, set up on its device.
    discriminator
        The discriminator, for FactorVAE only.
    optimisers
        One a module, in the same order.
    """

    vae: nn.Module
    discriminator: nn.Module | None
    optimisers: list[Optimizer]

    @property
    def modules(self) -> list[nn.Module]:
        """All modules, in the order of their optimisers."""
        return [module for module in (self.vae, self.discriminator) if module is not None]

    @property
    def bare_vae(self) -> VAE:
        """The VAE without the wrapping for devices and precision."""
        model = self.vae.module
        while hasattr(model, "module"):
            model = model.module
        assert isinstance(model, VAE)  # noqa: S101
        return model


def make_learners(fabric: Fabric, options: Options, image_shape: tuple[int, int, int]) -> Learners:
    """Build modules and optimisers, and place them on the devices of `fabric`."""
    vae = VAE(image_shape, options.latent_dim, options.model_type)
    placed, optimiser = fabric.setup(vae, Adam(vae.parameters(), lr=options.lr, fused=True))
    placed.mark_forward_method("encode")
    if options.loss != "factor":
        return Learners(placed, None, [optimiser])
    critic = Discriminator(options.latent_dim)
    # betas of Kim and Mnih 2018, appendix B
    critic_adam = Adam(critic.parameters(), lr=options.lr_disc, betas=(0.5, 0.9), fused=True)
    placed_critic, critic_optimiser = fabric.setup(critic, critic_adam)
    return Learners(placed, placed_critic, [optimiser, critic_optimiser])


def make_objective(
    options: Options, n_data: int, discriminator: nn.Module | None = None
) -> Objective:
    """Build the objective that `options` describe, for a dataset of `n_data` images.

    Without its `discriminator`, FactorVAE's can only evaluate.
    """
    common = {"rec_dist": options.rec_dist, "reg_anneal": options.reg_anneal}
    match options.loss:
        case "VAE":
            return BetaVAE(1, **common)  # type: ignore[arg-type]
        case "betaH":
            return BetaVAE(options.betaH_B, **common)  # type: ignore[arg-type]
        case "betaB":
            start, end = options.betaB_initC, options.betaB_finC
            return Capacity(options.betaB_G, start, end, **common)  # type: ignore[arg-type]
        case "factor":
            return FactorVAE(discriminator, options.factor_G, **common)  # type: ignore[arg-type]
        case _:
            weights = options.btcvae_A, options.btcvae_B, options.btcvae_G
            return TCVAE(n_data, *weights, **common)  # type: ignore[arg-type]
