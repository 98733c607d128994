"""DIP-VAE-I and II (Kumar, Sattigeri and Balakrishnan 2018): codes without covariance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from disvae.objectives.objective import Moment, Objective
from disvae.types import NoneFromText, Weight

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from disvae.objectives.objective import Images, Terms
    from disvae.posterior import Posterior, VAEOutput


class DIPVAEI(Objective):
    """``recon + KL + a * (od * sum_ij C_ij^2 + d * sum_i (C_ii - 1)^2)`` (Kumar et al., eq. 6).

    C is the covariance of the posterior means over the batch, i differs from j, and both
    triangles count; nothing is divided by the number of latents. It presses the variance of
    every mean to 1, so none falls out of use. What is annealed (a) are both penalties.

    Published: Locatello et al. 2019 od in 1, 2, 5, 10, 20, 50 with d = 10 od; dSprites 10 and 100;
    no annealing. At batch 64 isotropic codes still pay about D (D - 1) / B in the sum of
    ``C_ij^2`` (1.4 for 10 latents).
    """

    name: ClassVar = "dip1"
    title: ClassVar = "DIP-VAE-I"
    paper: ClassVar = "Kumar et al. 2018, Variational Inference of Disentangled Latent Concepts"
    cost: ClassVar = 1.0
    min_batch: ClassVar = 2
    random_batches: ClassVar = True

    od: Annotated[Weight, "Weight of the covariances (lambda_od in the paper)."] = 10
    d: Annotated[
        Weight | None,
        NoneFromText,
        "Weight of the variances' distance from 1 (lambda_d in the paper); `None`: 10 times od.",
    ] = None
    ratio: ClassVar[float] = 10  # of the weights

    def terms(self, output: VAEOutput, images: Images, at: Moment) -> Terms:
        """Compute ``loss, recon_loss, od_loss, d_loss, kl_loss, kl_loss_j``."""
        recon, kl = self.reconstruction(output, images, at), self.kl(output.posterior)
        covariance = self.covariance(output.posterior)
        variances = covariance.diagonal()
        d_loss = (variances - 1).square().sum()
        od_loss = covariance.square().sum() - variances.square().sum()
        weight = self.ratio * self.od if self.d is None else self.d
        penalty = self.od * od_loss + weight * d_loss
        loss = recon + kl["kl_loss"] + at.progress * penalty
        return {"loss": loss, "recon_loss": recon, "od_loss": od_loss, "d_loss": d_loss, **kl}

    def covariance(self, posterior: Posterior) -> Float[Tensor, "D D"]:
        """Return the covariance that is penalised, over the batch (divided by B)."""
        centred = posterior.mean - posterior.mean.mean(0)  # first, so that nothing cancels
        return centred.T @ centred / len(centred)


class DIPVAEII(DIPVAEI):
    """``recon + KL + a * (od * sum_ij C_ij^2 + d * sum_i (C_ii - 1)^2)`` (Kumar et al., eq. 7).

    As DIP-VAE-I, but C is the covariance of the aggregate posterior: that of the means plus the
    mean over the batch of the diagonal matrices of variances. A latent that says nothing
    (mean 0, variance 1) is free. Public code often adds one number, the mean of all variances, to
    every entry of C instead.

    Published: Locatello et al. 2019 od in 1, 2, 5, 10, 20, 50 with d = od; dSprites 80 and 80.
    """

    name: ClassVar = "dip2"
    title: ClassVar = "DIP-VAE-II"
    paper: ClassVar = "Kumar et al. 2018, Variational Inference of Disentangled Latent Concepts"
    cost: ClassVar = 1.0

    d: Annotated[
        Weight | None,
        NoneFromText,
        "Weight of the variances' distance from 1 (lambda_d in the paper); `None`: that of od.",
    ] = None
    ratio: ClassVar[float] = 1

    def covariance(self, posterior: Posterior) -> Float[Tensor, "D D"]:
        """Return the covariance of the codes, by the law of total covariance."""
        return super().covariance(posterior) + posterior.logvar.exp().mean(0).diag()
