"""InfoVAE (Zhao, Song and Ermon 2019): the aggregate posterior held at the prior by an MMD."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from disvae.objectives.objective import Moment, Objective
from disvae.types import AnyWeight, Weight

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from disvae.objectives.objective import Images, Terms
    from disvae.posterior import Posterior, VAEOutput


class InfoVAE(Objective):
    """``recon + (1 - A) * KL + a * (A + L - 1) * MMD`` (Zhao et al. 2019, equation 6).

    MMD is the squared maximum mean discrepancy of q(z) and the prior, between one code of each
    image and as many draws of the prior: the unbiased estimate, which is often negative where the
    two agree, and must not be clipped. A = 1 leaves the KL out (MMD-VAE); L = 1 - A leaves the MMD
    out (beta-VAE with B = 1 - A). What is annealed (a) is the weight of the MMD.

    Published: A = 0, L = 1000 on MNIST, Adam 1e-3. A collapsed posterior has an MMD of about 2
    (imq, 10 latents), so L of 10 to 1000 matters beside a reconstruction in nats. Public code
    whose default A + L is below 1 pushes q(z) away from the prior; here it is refused.
    """

    name: ClassVar = "infovae"
    title: ClassVar = "InfoVAE"
    paper: ClassVar = "Zhao et al. 2019, InfoVAE: Balancing Learning and Inference in VAEs"
    cost: ClassVar = 1.0
    min_batch: ClassVar = 2
    random_batches: ClassVar = True

    A: Annotated[AnyWeight, "Share of the KL that is left out (alpha in the paper)."] = 0
    L: Annotated[Weight, "Weight of the aggregate posterior's divergence (lambda)."] = 1000
    kernel: Annotated[
        Literal["imq", "rbf"], "Of the MMD: seven inverse multiquadratics, or one Gaussian."
    ] = "imq"
    bandwidth: Annotated[
        Annotated[float, Field(gt=0, allow_inf_nan=False)],
        "Of the kernel, whose squared scale is that of two draws of the prior times its square.",
    ] = 1

    @model_validator(mode="after")
    def _attracts(self) -> Self:
        if self.A + self.L < 1:
            raise ValueError(
                f"infovae_A + infovae_L must be at least 1, but {self.A:g} + {self.L:g} is less: "
                "the codes would be pushed away from the prior"
            )
        return self

    def terms(self, output: VAEOutput, images: Images, at: Moment) -> Terms:
        """Compute ``loss, recon_loss, mmd_loss, kl_loss, kl_loss_j``."""
        from disvae.objectives.discrepancy import squared_mmd

        recon, kl = self.reconstruction(output, images, at), self.kl(output.posterior)
        codes, prior = self._draws(output, at)
        mmd = squared_mmd(codes, prior, self.kernel, self.bandwidth)
        weight = self.A + self.L - 1
        loss = recon + (1 - self.A) * kl["kl_loss"] + at.progress * weight * mmd
        return {"loss": loss, "recon_loss": recon, "mmd_loss": mmd, **kl}

    @staticmethod
    def _draws(output: VAEOutput, at: Moment) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B D"]]:
        """Draw codes of q(z) and of the prior; in evaluation always the same."""
        import torch

        posterior: Posterior = output.posterior
        if at.step:
            return output.sample, torch.randn_like(output.sample)
        like = posterior.mean
        random = torch.Generator().manual_seed(0)
        noise = torch.randn(2, *like.shape, generator=random).to(like.device, like.dtype)
        return posterior.mean + posterior.std * noise[0], noise[1]
