"""The variational autoencoder: encoder, decoder, prior N(0, I)."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from disvae.errors import UserError
from disvae.models.burgess import Decoder, Encoder, check_image_shape
from disvae.models.initialisation import kaiming_uniform
from disvae.posterior import Posterior, VAEOutput


class VAE(nn.Module):
    """A variational autoencoder with a standard normal prior (Kingma and Welling 2014).

    Parameters
    ----------
    image_shape
        ``(C, H, W)``; H = W = 32 or 64.
    latent_dim
        Number D of latent dimensions.
    architecture
        ``"Burgess"``, the only one so far.

    Raises
    ------
    UserError
        If the architecture is unknown or not made for such images.

    Examples
    --------
    >>> vae = VAE((1, 64, 64), latent_dim=10)
    >>> vae.encode(torch.zeros(2, 1, 64, 64)).mean.shape
    torch.Size([2, 10])
    """

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, architecture: str = "Burgess"
    ):
        super().__init__()
        if architecture != "Burgess":
            raise UserError(
                f"There is no architecture '{architecture}'; the only one is 'Burgess'."
            )
        check_image_shape(image_shape)
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.encoder = Encoder(image_shape, latent_dim)
        self.decoder = Decoder(image_shape, latent_dim)
        self.apply(kaiming_uniform)
        # convolutions need no copies between layouts
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def encode(self, images: Float[Tensor, "B C H W"]) -> Posterior:
        """Return q(z|x) of `images` in [0, 1]."""
        posterior: Posterior = self.encoder(images)
        return posterior

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
