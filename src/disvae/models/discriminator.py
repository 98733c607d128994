"""The discriminator of FactorVAE (Kim and Mnih 2018, appendix B)."""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from disvae.models.initialisation import kaiming_uniform

_UNITS = 1000


class Discriminator(nn.Sequential):
    """Tells codes of the aggregate posterior (class 0) from permuted ones (class 1).

    Six linear layers, 1000 units, leaky ReLU 0.2; codes ``[B, D]`` to logits ``[B, 2]``.

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
        self.apply(kaiming_uniform)

    def forward(self, codes: Float[Tensor, "B D"]) -> Float[Tensor, "B 2"]:
        """Return the logits of both classes."""
        logits: Tensor = super().forward(codes)  # type: ignore[no-untyped-call]
        return logits
