"""The building blocks of the objectives: reconstruction and KL, in nats per image."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from disvae.posterior import Posterior
from disvae.types import RecDist

Terms = dict[str, Tensor]  # the named scalars of an objective
_LEAST_VARIANCE = math.exp(-12)  # below that of 8-bit pixels; Rybkin et al. 2021, its code


class LearnedScale(nn.Module):
    """The scale of ``gaussian_learned``, one for all pixels; as the authors' code, from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self) -> Float[Tensor, ""]:
        """Return the variance, of pixels in [0, 1]."""
        return torch.exp(2 * self.log_scale) + _LEAST_VARIANCE


def reconstruction(
    logits: Float[Tensor, "B C H W"],
    images: Float[Tensor, "B C H W"],
    rec_dist: RecDist,
    variance: Float[Tensor, ""] | None = None,
) -> Float[Tensor, ""]:
    """Negative log likelihood of `images` in [0, 1], summed over pixels, mean over the batch.

    ``bernoulli``: cross entropy. ``gaussian``: ``sum (255 x - 255 y)^2 / 255``. ``laplace``:
    ``3 sum |x - y|``. The scales of the last two are those of the original system, chosen there so
    that all three have similar size; the constants of their densities are left out.
    ``gaussian_optimal``: a normal density whose variance, one for the whole batch, is the best
    there is, the mean squared error (Rybkin et al. 2021, equation 5); with its constants.
    ``gaussian_learned``: the same density of the given `variance`; None: of the best.
    """
    if rec_dist == "bernoulli":
        total = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    elif rec_dist == "gaussian":
        total = 255 * F.mse_loss(logits.sigmoid(), images, reduction="sum")
    elif rec_dist != "laplace":
        squared = F.mse_loss(logits.sigmoid(), images)
        if variance is None:
            squared = variance = squared + _LEAST_VARIANCE
        return 0.5 * images[0].numel() * (variance.log() + _LOG_2PI + squared / variance)
    else:
        total = 3 * F.l1_loss(logits.sigmoid(), images, reduction="sum")
    return total / len(images)


def optimal_scale(recon_loss: Float[Tensor, ""], n_pixels: int) -> Float[Tensor, ""]:
    """Return the standard deviation, of pixels in [0, 1], that suited the batch best."""
    return torch.exp(recon_loss / n_pixels - 0.5 * (_LOG_2PI + 1))


def kl_terms(posterior: Posterior) -> Terms:
    """KL of the posterior from the prior: ``kl_loss``, and ``kl_loss_j`` for each dimension."""
    per_dimension = posterior.kl().mean(0)
    names = [f"kl_loss_{j}" for j in range(len(per_dimension))]
    return {"kl_loss": per_dimension.sum(), **dict(zip(names, per_dimension.unbind(), strict=True))}


def gaussian_log_density(
    codes: Float[Tensor, "*#shape"],
    mean: Float[Tensor, "*#shape"],
    logvar: Float[Tensor, "*#shape"],
) -> Float[Tensor, "*shape"]:
    """Log density of N(mean, exp(logvar)) at `codes`, elementwise; arguments broadcast."""
    squared = (codes - mean).square() * torch.exp(-logvar)
    return -0.5 * (squared + logvar + _LOG_2PI)


_LOG_2PI = 1.8378770664093453
