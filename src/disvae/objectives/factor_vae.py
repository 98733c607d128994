"""FactorVAE (Kim and Mnih 2018): total correlation from a discriminator's density ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from disvae.objectives.objective import Critic, Minimise, Moment, Objective
from disvae.types import LearningRate, Weight

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

    from disvae.objectives.objective import Images, Terms
    from disvae.posterior import VAEOutput


class FactorVAE(Objective):
    """``recon + KL + a * G * TC`` (Kim and Mnih 2018, equation 2).

    A step takes two batches: the VAE learns on the first; the second gives the
    permuted codes that the discriminator must tell from those of the first
    (algorithm 2). What is annealed (a) is the weight of the TC.

    The critic is a `disvae.objectives.discriminator.Discriminator`.
    """

    name: ClassVar = "factor"
    title: ClassVar = "factor VAE"
    paper: ClassVar = "Kim and Mnih 2018, Disentangling by Factorising"
    cost: ClassVar = 1.6
    unprefixed: ClassVar = frozenset({"lr_disc"})
    batches_per_step: ClassVar = 2

    G: Annotated[Weight, "Weight of the TC term (gamma in the paper)."] = 6
    lr_disc: Annotated[LearningRate, "Learning rate of the discriminator."] = 5e-5

    def critics(self, latent_dim: int) -> dict[str, Critic]:
        """Make the discriminator; the betas are those of Kim and Mnih 2018, appendix B."""
        from disvae.objectives.discriminator import Discriminator

        return {"discriminator": Critic(Discriminator(latent_dim), self.lr_disc, (0.5, 0.9))}

    def terms(self, output: VAEOutput, images: Images, at: Moment) -> Terms:
        """Compute ``loss, recon_loss, tc_loss, kl_loss, kl_loss_j``.

        Without the discriminator, which no finished run keeps: those that need none.
        """
        if "discriminator" not in at.critics:
            recon = self.reconstruction(output, images, at)
            return {"recon_loss": recon, **self.kl(output.posterior)}
        logits = at.critics["discriminator"].logits(output.sample)  # type: ignore[operator]
        return self._terms(output, images, at, (logits[:, 0] - logits[:, 1]).mean())

    def step(self, vae: nn.Module, images: Images, at: Moment) -> tuple[list[Minimise], Terms]:
        """Return the sum of both losses; adds the term ``discrim_loss``.

        One backward pass of the discriminator serves both, and keeps them apart: the gradient
        of the TC goes to the VAE only, that of the discriminator's loss to itself only.
        """
        from torch import nn

        from disvae.objectives.discriminator import permuted_codes

        discriminator = at.critics["discriminator"]
        first, second = images.tensor_split(2)
        permuted = permuted_codes(vae, second)
        # last, so that what the gradient reads first is still in the cache
        output = vae(first)
        told = discriminator(output.sample, permuted)
        terms = self._terms(output, first, at, told.tc)
        both = terms["loss"] + told.cross_entropy
        learners = nn.ModuleList([vae, discriminator])
        return [Minimise(both, learners)], {**terms, "discrim_loss": told.cross_entropy}

    def _terms(self, output: VAEOutput, images: Images, at: Moment, tc: Float[Tensor, ""]) -> Terms:
        recon, kl = self.reconstruction(output, images, at), self.kl(output.posterior)
        loss = recon + kl["kl_loss"] + at.progress * self.G * tc
        return {"loss": loss, "recon_loss": recon, "tc_loss": tc, **kl}
