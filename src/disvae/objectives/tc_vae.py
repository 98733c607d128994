"""beta-TCVAE (Chen et al. 2018): the KL taken apart, each part with its own weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from disvae.objectives.objective import Moment, Objective
from disvae.types import AnyWeight

if TYPE_CHECKING:
    from disvae.objectives.objective import Images, Terms
    from disvae.posterior import VAEOutput


class TCVAE(Objective):
    """``recon + A * MI + a * B * TC + G * DWKL`` (Chen et al. 2018, equation 4).

    MI is the index-code mutual information, TC the total correlation, DWKL the
    dimension-wise KL. What is annealed (a) is the weight of the TC.
    """

    name: ClassVar = "btcvae"
    title: ClassVar = "beta-tcvae"
    paper: ClassVar = (
        "Chen et al. 2018, Isolating Sources of Disentanglement in Variational Autoencoders"
    )
    cost: ClassVar = 1.0
    min_batch: ClassVar = 2

    A: Annotated[AnyWeight, "Weight of the MI term (alpha in the paper)."] = 1
    G: Annotated[AnyWeight, "Weight of the dim-wise KL term (gamma in the paper)."] = 1
    B: Annotated[AnyWeight, "Weight of the TC term (beta in the paper)."] = 6

    def terms(self, output: VAEOutput, images: Images, at: Moment) -> Terms:
        """Compute ``loss, recon_loss, mi_loss, tc_loss, dw_kl_loss, kl_loss, kl_loss_j``."""
        from disvae.objectives.estimators import log_densities

        recon = self.reconstruction(output, images, at)
        # held-out images may be tested in batches that are larger than the training set
        n_images = max(at.n_images, len(images))
        log = log_densities(output.sample, output.posterior, n_images)
        mi = (log.given_image - log.aggregate).mean()
        tc = (log.aggregate - log.marginals).mean()
        dw_kl = (log.marginals - log.prior).mean()
        loss = recon + self.A * mi + at.progress * self.B * tc + self.G * dw_kl
        return {
            "loss": loss,
            "recon_loss": recon,
            "mi_loss": mi,
            "tc_loss": tc,
            "dw_kl_loss": dw_kl,
            **self.kl(output.posterior),
        }
