"""Posteriors of pairs of images: how far they differ, and their averages."""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from disvae.errors import UserError
from disvae.posterior import Posterior

Pairs = Float[Tensor, "P 2 D"]  # of means, or of log variances
Latents = Float[Tensor, "P D"]
Shared = Bool[Tensor, "P D"]


def mean_of_moments(mean: Pairs, logvar: Pairs) -> tuple[Latents, Latents]:
    """Average means and variances (Hosoya 2019); log variances throughout."""
    return mean.mean(1), logvar.logsumexp(1) - math.log(2)


def mean_by_precision(mean: Pairs, logvar: Pairs) -> tuple[Latents, Latents]:
    """Average means weighted by precision, and take the harmonic mean of the variances.

    Twice the variance of the product of the two Gaussians, as in the code of Locatello et al.
    2020; Bouchacourt et al. 2018 take the product's.
    """
    weights = torch.softmax(-logvar, 1)
    return (weights * mean).sum(1), math.log(2) - (-logvar).logsumexp(1)


def symmetric_kl(mean: Pairs, logvar: Pairs) -> Latents:
    """Half the sum of both KL divergences of a pair's posteriors, of each latent, in nats."""
    difference = logvar[:, 0] - logvar[:, 1]
    distance = (mean[:, 0] - mean[:, 1]).square() * torch.exp(-logvar).sum(1)
    return 0.25 * (2 * torch.cosh(difference) - 2 + distance)


def below_midpoint(differences: Latents) -> Shared:
    """Say which latents differ by less than half way from a pair's least to its largest."""
    midpoint = (differences.amax(1, keepdim=True) + differences.amin(1, keepdim=True)) / 2
    return differences < midpoint


def unchanged(factors: Int[Tensor, "P 2 K"], n_latents: int) -> Shared:
    """Say which latents both of a pair share: latent j stands for factor j, others for none."""
    n_factors = factors.shape[2]
    if n_latents < n_factors:
        raise UserError(
            f"With known factors latent j stands for factor j, but there are {n_latents} latents "
            f"for {n_factors} factors; raise --latent-dim."
        )
    same = factors[:, 0] == factors[:, 1]
    rest = same.new_ones(len(same), n_latents - n_factors)
    return torch.cat([same, rest], 1)


def merge(own: Posterior, shared: Shared, mean: Tensor, logvar: Tensor) -> Posterior:
    """Give both images of a pair the average where it is `shared`, and each its own elsewhere."""
    both = shared.repeat_interleave(2, 0)
    return Posterior(
        torch.where(both, mean.repeat_interleave(2, 0), own.mean),
        torch.where(both, logvar.repeat_interleave(2, 0), own.logvar),
    )
