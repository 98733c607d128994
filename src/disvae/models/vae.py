"""The variational autoencoder: encoder, decoder, prior N(0, I)."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from disvae.errors import UserError
from disvae.models.architecture import Architecture, ImageShape
from disvae.models.registry import find
from disvae.posterior import Posterior, VAEOutput


class VAE(nn.Module):
    """A variational autoencoder with a standard normal prior (Kingma and Welling 2014).

    Images are ``(C, H, W)`` with H = W; D is the number of latent dimensions. The architecture is
    a name of `disvae.models.registry.ARCHITECTURES`, or an `Architecture` of your own; one that is
    unknown, or not made for such images, is a `UserError`.

    Examples
    --------
    >>> vae = VAE((1, 64, 64), latent_dim=10)
    >>> vae.encode(torch.zeros(2, 1, 64, 64)).mean.shape
    torch.Size([2, 10])
    """

    def __init__(
        self, image_shape: ImageShape, latent_dim: int, architecture: str | Architecture = "Burgess"
    ):
        super().__init__()
        if isinstance(architecture, str):
            architecture = find(architecture)
        if not isinstance(architecture, Architecture):
            raise UserError(f"{architecture!r} is no model; it should be a disvae.Architecture.")
        architecture.check(image_shape)
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.encoder = architecture.encoder(image_shape, latent_dim)
        self.decoder = architecture.decoder(image_shape, latent_dim)
        if architecture.initialise is not None:
            self.apply(architecture.initialise)
        # convolutions need no copies between layouts
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def encode(self, images: Float[Tensor, "B C H W"]) -> Posterior:
        """Return q(z|x) of `images` in [0, 1]."""
        return Posterior(*self.encoder(images))

    def decode(self, codes: Float[Tensor, "B D"]) -> Float[Tensor, "B C H W"]:
        """Return the probabilities, in [0, 1], that `codes` stand for."""
        return torch.sigmoid(self.decoder(codes))

    def forward(
        self,
        images: Float[Tensor, "B C H W"],
        transform: Callable[[Posterior], Posterior] | None = None,
    ) -> VAEOutput:
        """Encode, sample and decode; in evaluation mode the sample is the posterior mean.

        A `transform` changes the posteriors of the batch in between.
        """
        posterior = self.encode(images)
        if transform is not None:
            posterior = transform(posterior)
        sample = posterior.sample() if self.training else posterior.mean
        return VAEOutput(self.decoder(sample), posterior, sample)
