"""Weak supervision by pairs of images (Locatello et al. 2020): Ada-GVAE, Ada-ML-VAE and others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from disvae.objectives.beta_vae import BetaVAE
from disvae.objectives.objective import Minimise, Moment
from disvae.types import Weight

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float, Int
    from torch import Tensor, nn

    from disvae.objectives.averages import Latents, Pairs, Shared
    from disvae.objectives.objective import Images, Terms
    from disvae.posterior import Posterior

_PAPER = "Locatello et al. 2020, Weakly-Supervised Disentanglement Without Compromises"


class GVAE(BetaVAE):
    """``recon + a * B * KL`` on pairs, shared latents averaged (Locatello et al. 2020, eq. 5).

    Which factors a pair shares is known: latent j stands for factor j, and is averaged over the
    pair if both images have its value; further latents always are. Averages are of means and of
    variances (Hosoya 2019). Reconstruction and KL are of the averaged posteriors, both codes are
    drawn on their own, the loss is the mean over all images. Test losses and scores are of single
    images. A batch of 128 holds 64 pairs; in an epoch every image is the first of one pair. What
    is annealed (a) is the weight of the KL.

    Published: B in 1, 2, 4, 6, 8, 16, 64 pairs, Adam 1e-4, 300,000 steps. The authors' code knows
    pairs that differ in one factor only; here any number may.
    """

    name: ClassVar = "gvae"
    title: ClassVar = "GVAE"
    paper: ClassVar = _PAPER
    cost: ClassVar = 1.1
    unprefixed: ClassVar = frozenset({"pairs"})
    group: ClassVar = 2
    needs_factors: ClassVar = True

    B: Annotated[Weight, "Weight of the KL (beta in the paper)."] = 6
    pairs: Annotated[
        Literal["uniform_fixed", "uniform", "locatello"],
        "How pairs differ: in k of n factors, k from 1 to n-1; or by values that may stay the "
        "same; or as the authors' code, with k = 1 half of the time.",
    ] = "uniform_fixed"

    def order(
        self,
        factors: Int[np.ndarray, "N K"] | None,
        n_images: int,
        seed: int,
        epoch: int,
        weights: Float[np.ndarray, "N"] | None = None,
    ) -> Int[np.ndarray, "n"] | None:
        """Return the pairs of an epoch, side by side; see `disvae.objectives.pairs.pair_order`."""
        from disvae.objectives.pairs import pair_order

        assert factors is not None  # noqa: S101 - needs_factors
        return pair_order(factors, self.pairs, seed, epoch, weights)

    def step(self, vae: nn.Module, images: Images, at: Moment) -> tuple[list[Minimise], Terms]:
        """Average the posteriors of each pair, then minimise as beta-VAE."""
        output = vae(images, partial(self.merged, factors=at.factors))
        terms = self.terms(output, images, at)
        return [Minimise(terms["loss"], vae)], terms

    def merged(self, posterior: Posterior, factors: Int[Tensor, "B K"] | None) -> Posterior:
        """Average what is shared over pairs of neighbours."""
        from disvae.objectives.averages import merge

        mean, logvar = (part.reshape(-1, 2, part.shape[1]) for part in posterior)
        pairs = None if factors is None else factors.reshape(-1, 2, factors.shape[1])
        return merge(posterior, self.shared(mean, logvar, pairs), *self.average(mean, logvar))

    def shared(self, mean: Pairs, logvar: Pairs, factors: Int[Tensor, "P 2 K"] | None) -> Shared:
        """Say which latents a pair shares: here it is known."""
        from disvae.objectives.averages import unchanged

        assert factors is not None  # noqa: S101 - needs_factors
        return unchanged(factors, mean.shape[2])

    def average(self, mean: Pairs, logvar: Pairs) -> tuple[Latents, Latents]:
        """Average the posteriors of each pair; return means and log variances."""
        from disvae.objectives.averages import mean_of_moments

        return mean_of_moments(mean, logvar)


class MLVAE(GVAE):
    """``recon + a * B * KL`` on pairs, shared latents averaged (Bouchacourt et al. 2018).

    As GVAE, but means are weighted by precision, and the variance is the harmonic mean, as in
    the code of Locatello et al. 2020: twice that of the product of the two Gaussians.
    """

    name: ClassVar = "mlvae"
    title: ClassVar = "ML-VAE"

    def average(self, mean: Pairs, logvar: Pairs) -> tuple[Latents, Latents]:
        """Average the posteriors of each pair by precision."""
        from disvae.objectives.averages import mean_by_precision

        return mean_by_precision(mean, logvar)


class AdaGVAE(GVAE):
    """``recon + a * B * KL`` on pairs, latents averaged that differ little (Locatello et al. 2020).

    Which factors a pair shares is not known. A latent is averaged if the divergence of its two
    posteriors is below half way between the least and the largest of the pair's latents; so the
    most different one never is. Which are is no matter of gradients. The divergence is the
    symmetric KL (Dittadi et al. 2021), where the paper has one direction. The rest as GVAE.
    """

    name: ClassVar = "adagvae"
    title: ClassVar = "Ada-GVAE"

    def shared(self, mean: Pairs, logvar: Pairs, factors: Int[Tensor, "P 2 K"] | None) -> Shared:
        """Say which latents a pair seems to share."""
        from disvae.objectives.averages import below_midpoint, symmetric_kl

        return below_midpoint(symmetric_kl(mean.detach(), logvar.detach()))


class AdaMLVAE(AdaGVAE):
    """``recon + a * B * KL`` on pairs, latents averaged that differ little (Locatello et al. 2020).

    As Ada-GVAE, with the averages of ML-VAE.
    """

    name: ClassVar = "adamlvae"
    title: ClassVar = "Ada-ML-VAE"

    average = MLVAE.average
