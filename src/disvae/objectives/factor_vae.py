"""FactorVAE (Kim and Mnih 2018): total correlation from a discriminator's density ratio."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from disvae.objectives.objective import Minimise, Objective
from disvae.objectives.terms import RecDist, Terms, kl_terms, reconstruction
from disvae.posterior import VAEOutput


class FactorVAE(Objective):
    """``recon + KL + a * gamma * TC`` (Kim and Mnih 2018, equation 2).

    A step takes two batches: the VAE learns on the first; the second gives the
    permuted codes that the discriminator must tell from those of the first
    (algorithm 2). What is annealed (a) is the weight of the TC.

    Parameters
    ----------
    discriminator
        Codes ``[B, D]`` to logits ``[B, 2]``: class 0 is q(z), class 1 is prod_j q(z_j).
        None, for a run whose discriminator is gone: only the terms that need none.
    gamma
        Weight of the TC.
    rec_dist, reg_anneal
        See `Objective`.
    """

    batches_per_step: ClassVar[int] = 2

    def __init__(
        self,
        discriminator: nn.Module | None,
        gamma: float = 6,
        rec_dist: RecDist = "bernoulli",
        reg_anneal: int = 0,
    ):
        super().__init__(rec_dist, reg_anneal)
        self.discriminator = discriminator
        self.gamma = gamma

    def terms(self, output: VAEOutput, images: Float[Tensor, "B C H W"], progress: float) -> Terms:
        """Compute ``loss, recon_loss, tc_loss, kl_loss, kl_loss_j``."""
        if self.discriminator is None:
            recon = reconstruction(output.logits, images, self.rec_dist)
            return {"recon_loss": recon, **kl_terms(output.posterior)}
        return self._terms(output, images, progress, self.discriminator(output.sample))

    def step(
        self, vae: nn.Module, images: Float[Tensor, "2B C H W"], step: int
    ) -> tuple[list[Minimise], Terms]:
        """Return the VAE's and the discriminator's losses; adds the term ``discrim_loss``.

        The logits of the real codes serve both losses. `Minimise` keeps the
        discriminator's loss from the encoder: it stops at the discriminator's parameters.
        """
        assert self.discriminator is not None, "training needs the discriminator"  # noqa: S101
        first, second = images.tensor_split(2)
        with torch.no_grad():
            other = vae.encode(second).sample()  # type: ignore[operator]
        permuted = self.discriminator(permute_dimensions(other))

        # last, so that what the gradient reads first is still in the cache
        output = vae(first)
        real = self.discriminator(output.sample)
        terms = self._terms(output, first, self.progress(step), real)
        discrim_loss = 0.5 * (_cross_entropy(real, 0) + _cross_entropy(permuted, 1))

        losses = [
            Minimise(terms["loss"], vae),
            Minimise(discrim_loss, self.discriminator),
        ]
        return losses, {**terms, "discrim_loss": discrim_loss}

    def _terms(
        self,
        output: VAEOutput,
        images: Float[Tensor, "B C H W"],
        progress: float,
        logits: Float[Tensor, "B 2"],
    ) -> Terms:
        recon = reconstruction(output.logits, images, self.rec_dist)
        kl = kl_terms(output.posterior)
        tc = (logits[:, 0] - logits[:, 1]).mean()
        loss = recon + kl["kl_loss"] + progress * self.gamma * tc
        return {"loss": loss, "recon_loss": recon, "tc_loss": tc, **kl}


def permute_dimensions(codes: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    """Permute each dimension over the batch on its own (Kim and Mnih 2018, algorithm 1)."""
    order = torch.rand_like(codes).argsort(0)
    return codes.gather(0, order)


def _cross_entropy(logits: Float[Tensor, "B 2"], label: int) -> Float[Tensor, ""]:
    target = torch.full((len(logits),), label, device=logits.device)
    return F.cross_entropy(logits, target)
