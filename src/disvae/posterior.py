"""The types that models and objectives share: the posterior, and what a VAE gives."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Posterior(NamedTuple):
    """Diagonal Gaussians q(z|x), one for each image of a batch: means and log variances.

    Examples
    --------
    >>> Posterior(torch.ones(1, 2), torch.zeros(1, 2)).kl()
    tensor([[0.5000, 0.5000]])
    """

    mean: Float[Tensor, "B D"]
    logvar: Float[Tensor, "B D"]

    @property
    def std(self) -> Float[Tensor, "B D"]:
        """Standard deviation, ``[B, D]``."""
        return torch.exp(0.5 * self.logvar)

    def sample(self) -> Float[Tensor, "B D"]:
        """Draw one code per image, differentiably (Kingma and Welling 2014, section 2.4)."""
        return self.mean + self.std * torch.randn_like(self.mean)

    def kl(self) -> Float[Tensor, "B D"]:
        """KL(q(z_j|x) || N(0, 1)) of each, in nats (Kingma and Welling 2014, appendix B)."""
        return 0.5 * (self.logvar.exp() + self.mean.square() - 1 - self.logvar)


class VAEOutput(NamedTuple):
    """What one pass through a VAE gives: reconstructions before the sigmoid, q(z|x), its codes."""

    logits: Float[Tensor, "B C H W"]
    posterior: Posterior
    sample: Float[Tensor, "B D"]
