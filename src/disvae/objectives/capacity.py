"""beta-VAE_B (Burgess et al. 2018): a KL held at a capacity that grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from disvae.objectives.objective import Moment, Objective
from disvae.types import Weight

if TYPE_CHECKING:
    from disvae.objectives.objective import Images, Terms
    from disvae.posterior import VAEOutput


class Capacity(Objective):
    """``recon + G * |KL - C|`` (Burgess et al. 2018, equation 8).

    What is annealed is the capacity C, from `initC` to `finC`.
    """

    name: ClassVar = "betaB"
    title: ClassVar = "BetaB"
    paper: ClassVar = "Burgess et al. 2018, Understanding disentangling in beta-VAE"
    cost: ClassVar = 1.0

    initC: Annotated[Weight, "Starting annealed capacity, in nats."] = 0
    finC: Annotated[Weight, "Final annealed capacity, in nats."] = 25
    G: Annotated[Weight, "Weight of the KL divergence term (gamma in the paper)."] = 1000

    def terms(self, output: VAEOutput, images: Images, at: Moment) -> Terms:
        """Compute ``loss, recon_loss, kl_loss, kl_loss_j``."""
        recon, kl = self.reconstruction(output, images, at), self.kl(output.posterior)
        capacity = self.initC + (self.finC - self.initC) * at.progress
        loss = recon + self.G * (kl["kl_loss"] - capacity).abs()
        return {"loss": loss, "recon_loss": recon, **kl}
