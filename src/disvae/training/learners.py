"""What learns: modules and their optimisers, on their devices."""

from typing import NamedTuple

from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from disvae.models.vae import VAE
from disvae.objectives import Objective


class Learners(NamedTuple):
    """What learns: the VAE, the objective's critics, and an optimiser for each."""

    vae: nn.Module  # set up on its device
    critics: dict[str, nn.Module]  # that learn beside it, by name
    state: dict[str, Tensor]  # that the objective changes as it goes
    optimisers: list[Optimizer]  # one a module, in the same order
    rates: list[float]  # their learning rates

    @property
    def modules(self) -> list[nn.Module]:
        """All modules, in the order of their optimisers."""
        return [self.vae, *self.critics.values()]

    def set_rates(self, share: float) -> None:
        """Let all learn with a `share` of their rates."""
        for optimiser, rate in zip(self.optimisers, self.rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = share * rate

    @property
    def bare_vae(self) -> VAE:
        """The VAE without the wrapping for devices and precision."""
        model = self.vae.module
        while hasattr(model, "module"):
            model = model.module
        assert isinstance(model, VAE)  # noqa: S101
        return model


def make_learners(fabric: Fabric, vae: VAE, objective: Objective, lr: float) -> Learners:
    """Make the optimisers and the objective's critics, and place all on the devices of `fabric`."""
    placed, optimiser = fabric.setup(vae, Adam(vae.parameters(), lr=lr, fused=True))
    placed.mark_forward_method("encode")
    critics, optimisers, rates = {}, [optimiser], [lr]
    for name, (module, rate, betas) in objective.all_critics(vae.latent_dim).items():
        adam = Adam(module.parameters(), lr=rate or lr, betas=betas, fused=True)
        critics[name], its_optimiser = fabric.setup(module, adam)
        optimisers.append(its_optimiser)
        rates.append(rate or lr)
    state = {name: value.to(fabric.device) for name, value in objective.start_state().items()}
    return Learners(placed, critics, state, optimisers, rates)
