"""beta-VAE_B (Burgess et al. 2018): a KL held at a capacity that grows."""

from jaxtyping import Float
from torch import Tensor

from disvae.objectives.objective import Objective
from disvae.objectives.terms import RecDist, Terms, kl_terms, reconstruction
from disvae.posterior import VAEOutput


class Capacity(Objective):
    """``recon + gamma * |KL - C|`` (Burgess et al. 2018, equation 8).

    What is annealed is the capacity C, from `start` to `end`.

    Parameters
    ----------
    gamma
        Weight of the distance between the KL and the capacity.
    start, end
        First and last capacity, in nats.
    rec_dist, reg_anneal
        See `Objective`.
    """

    def __init__(
        self,
        gamma: float = 1000,
        start: float = 0,
        end: float = 25,
        rec_dist: RecDist = "bernoulli",
        reg_anneal: int = 0,
    ):
        super().__init__(rec_dist, reg_anneal)
        self.gamma = gamma
        self.start = start
        self.end = end

    def terms(self, output: VAEOutput, images: Float[Tensor, "B C H W"], progress: float) -> Terms:
        """Compute ``loss, recon_loss, kl_loss, kl_loss_j``."""
        recon = reconstruction(output.logits, images, self.rec_dist)
        kl = kl_terms(output.posterior)
        capacity = self.start + (self.end - self.start) * progress
        loss = recon + self.gamma * (kl["kl_loss"] - capacity).abs()
        return {"loss": loss, "recon_loss": recon, **kl}
