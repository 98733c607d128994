"""The VAE (Kingma and Welling 2014) and beta-VAE_H (Higgins et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from disvae.objectives.objective import Moment, Objective
from disvae.types import Weight

if TYPE_CHECKING:
    from disvae.objectives.objective import Images, Terms
    from disvae.posterior import VAEOutput


class PlainVAE(Objective):
    """``recon + a * KL`` (Kingma and Welling 2014, equation 10): the evidence bound at a = 1.

    What is annealed (a) is the weight of the KL.
    """

    name: ClassVar = "VAE"
    paper: ClassVar = "Kingma and Welling 2014, Auto-Encoding Variational Bayes"
    cost: ClassVar = 1.0

    def terms(self, output: VAEOutput, images: Images, at: Moment) -> Terms:
        """Compute ``loss, recon_loss, kl_loss, kl_loss_j``."""
        recon, kl = self.reconstruction(output, images, at), self.kl(output.posterior)
        return {"loss": recon + at.progress * kl["kl_loss"], "recon_loss": recon, **kl}


class BetaVAE(Objective):
    """``recon + a * B * KL`` (Higgins et al. 2017, equation 4); the VAE is ``B = 1``.

    What is annealed (a) is the weight of the KL.
    """

    name: ClassVar = "betaH"
    title: ClassVar = "BetaH"
    paper: ClassVar = (
        "Higgins et al. 2017, beta-VAE: Learning Basic Visual "
        "Concepts with a Constrained Variational Framework"
    )
    cost: ClassVar = 1.0

    B: Annotated[Weight, "Weight of the KL (beta in the paper)."] = 4

    def terms(self, output: VAEOutput, images: Images, at: Moment) -> Terms:
        """Compute ``loss, recon_loss, kl_loss, kl_loss_j``."""
        recon, kl = self.reconstruction(output, images, at), self.kl(output.posterior)
        loss = recon + at.progress * self.B * kl["kl_loss"]
        return {"loss": loss, "recon_loss": recon, **kl}
