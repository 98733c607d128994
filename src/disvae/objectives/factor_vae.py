"""FactorVAE (Kim and Mnih 2018): total correlation from a discriminator's density ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from disvae.objectives.objective import Critic, Minimise, Moment, Objective
from disvae.types import LearningRate, Weight

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

    from disvae.objectives.objective import Terms
    from disvae.posterior import VAEOutput


class FactorVAE(Objective):
    """``recon + KL + a * G * TC`` (Kim and Mnih 2018, equation 2).

    A step takes two batches: the VAE learns on the first; the second gives the
    permuted codes that the discriminator must tell from those of the first
    (algorithm 2). What is annealed (a) is the weight of the TC.

    The critic ``discriminator`` maps codes ``[B, D]`` to logits ``[B, 2]``: class 0 is q(z),
    class 1 is prod_j q(z_j).
    """

    name: ClassVar = "factor"
    prefix: ClassVar = "factor"
    title: ClassVar = "factor VAE"
    unprefixed: ClassVar = frozenset({"lr_disc"})
    batches_per_step: ClassVar = 2

    G: Annotated[Weight, "Weight of the TC term (gamma in the paper)."] = 6
    lr_disc: Annotated[LearningRate, "Learning rate of the discriminator."] = 5e-5

    def critics(self, latent_dim: int) -> dict[str, Critic]:
        """Make the discriminator; the betas are those of Kim and Mnih 2018, appendix B."""
        from disvae.objectives.discriminator import Discriminator

        return {"discriminator": Critic(Discriminator(latent_dim), self.lr_disc, (0.5, 0.9))}

    def terms(self, output: VAEOutput, images: Float[Tensor, "B C H W"], at: Moment) -> Terms:
        """Compute ``loss, recon_loss, tc_loss, kl_loss, kl_loss_j``.

        Without the discriminator, which no finished run keeps: those that need none.
        """
        if "discriminator" not in at.critics:
            recon = self.reconstruction(output, images)
            return {"recon_loss": recon, **self.kl(output.posterior)}
        return self._terms(output, images, at, at.critics["discriminator"](output.sample))

    def step(
        self, vae: nn.Module, images: Float[Tensor, "N C H W"], at: Moment
    ) -> tuple[list[Minimise], Terms]:
        """Return the VAE's and the discriminator's losses; adds the term ``discrim_loss``.

        The logits of the real codes serve both losses. `Minimise` keeps the
        discriminator's loss from the encoder: it stops at the discriminator's parameters.
        """
        from disvae.objectives.discriminator import cross_entropy, permuted_codes

        discriminator = at.critics["discriminator"]
        first, second = images.tensor_split(2)
        permuted = discriminator(permuted_codes(vae, second))

        # last, so that what the gradient reads first is still in the cache
        output = vae(first)
        real = discriminator(output.sample)
        terms = self._terms(output, first, at, real)
        discrim_loss = 0.5 * (cross_entropy(real, 0) + cross_entropy(permuted, 1))

        losses = [
            Minimise(terms["loss"], vae),
            Minimise(discrim_loss, discriminator),  # type: ignore[arg-type]
        ]
        return losses, {**terms, "discrim_loss": discrim_loss}

    def _terms(
        self,
        output: VAEOutput,
        images: Float[Tensor, "B C H W"],
        at: Moment,
        logits: Float[Tensor, "B 2"],
    ) -> Terms:
        recon, kl = self.reconstruction(output, images), self.kl(output.posterior)
        tc = (logits[:, 0] - logits[:, 1]).mean()
        loss = recon + kl["kl_loss"] + at.progress * self.G * tc
        return {"loss": loss, "recon_loss": recon, "tc_loss": tc, **kl}
