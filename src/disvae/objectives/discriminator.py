"""The discriminator of FactorVAE (Kim and Mnih 2018, appendix B), and what it learns on."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_UNITS = 1000


class Discriminator(nn.Sequential):
    """Tells codes of the aggregate posterior (class 0) from permuted ones (class 1).

    Six linear layers, 1000 units, leaky ReLU 0.2; codes ``[B, D]`` to logits ``[B, 2]``.
    Weights start as those of the VAE: Kaiming uniform, biases as PyTorch has them.

    Parameters
    ----------
    latent_dim
        Number D of latent dimensions.
    """

    def __init__(self, latent_dim: int):
        sizes = (latent_dim, *(_UNITS,) * 5)
        hidden = (
            layer
            for wide, narrow in pairwise(sizes)
            for layer in (nn.Linear(wide, narrow), nn.LeakyReLU(0.2))
        )
        super().__init__(*hidden, nn.Linear(_UNITS, 2))
        for layer in self:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")

    def forward(self, codes: Float[Tensor, "B D"]) -> Float[Tensor, "B 2"]:
        """Return the logits of both classes."""
        logits: Tensor = super().forward(codes)  # type: ignore[no-untyped-call]
        return logits


@torch.no_grad()
def permuted_codes(vae: nn.Module, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
    """Sample codes of `images`, and permute each dimension over the batch."""
    return permute_dimensions(vae.encode(images).sample())  # type: ignore[operator]


def permute_dimensions(codes: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    """Permute each dimension over the batch on its own (Kim and Mnih 2018, algorithm 1)."""
    order = torch.rand_like(codes).argsort(0)
    return codes.gather(0, order)


def cross_entropy(logits: Float[Tensor, "B 2"], label: int) -> Float[Tensor, ""]:
    """Mean cross entropy of `logits` where every code is of class `label`, in nats."""
    target = torch.full((len(logits),), label, device=logits.device)
    return F.cross_entropy(logits, target)
