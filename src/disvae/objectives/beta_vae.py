"""The VAE (Kingma and Welling 2014) and beta-VAE_H (Higgins et al. 2017)."""

from jaxtyping import Float
from torch import Tensor

from disvae.objectives.objective import Objective
from disvae.objectives.terms import RecDist, Terms, kl_terms, reconstruction
from disvae.posterior import VAEOutput


class BetaVAE(Objective):
    """``recon + a * beta * KL`` (Higgins et al. 2017, equation 4); the VAE is ``beta = 1``.

    What is annealed (a) is the weight of the KL.

    Parameters
    ----------
    beta
        Weight of the KL.
    rec_dist, reg_anneal
        See `Objective`.
    """

    def __init__(self, beta: float = 4, rec_dist: RecDist = "bernoulli", reg_anneal: int = 0):
        super().__init__(rec_dist, reg_anneal)
        self.beta = beta

    def terms(self, output: VAEOutput, images: Float[Tensor, "B C H W"], progress: float) -> Terms:
        """Compute ``loss, recon_loss, kl_loss, kl_loss_j``."""
        recon = reconstruction(output.logits, images, self.rec_dist)
        kl = kl_terms(output.posterior)
        loss = recon + progress * self.beta * kl["kl_loss"]
        return {"loss": loss, "recon_loss": recon, **kl}
