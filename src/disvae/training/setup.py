"""From options to what the loop works with: devices, modules, optimisers, objective."""

from typing import Literal, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.optim import Adam, Optimizer

from disvae.errors import UserError
from disvae.models import VAE, Discriminator
from disvae.objectives import TCVAE, BetaVAE, Capacity, FactorVAE, Objective
from disvae.options import Computing, Options
from disvae.training.allocator import keep_freed_memory

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


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


def make_fabric(options: Computing, precision: Precision = "32-true") -> Fabric:
    """Choose devices and precision, and prepare the process for them.

    Raises
    ------
    UserError
        If the machine has no such device, or it has no such precision.
    """
    kind, _, numbers = options.device.partition(":")
    if options.no_cuda and kind in ("auto", "cuda"):
        kind, numbers = "cpu", ""
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError("PyTorch finds no CUDA device here; use --device auto or --device cpu.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UserError("PyTorch finds no mps device here; use --device auto or --device cpu.")
    devices = [int(number) for number in numbers.split(",") if number]
    if devices and max(devices) >= torch.cuda.device_count():
        raise UserError(
            f"--device {options.device}: this machine has the CUDA devices "
            f"0 to {torch.cuda.device_count() - 1}."
        )
    keep_freed_memory()
    try:
        return Fabric(accelerator=kind, devices=devices or 1, precision=precision)
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"--precision {precision} does not work on this device ({error}); "
            "use --precision 32-true."
        ) from None


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
