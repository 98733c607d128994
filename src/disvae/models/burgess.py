"""Encoder and decoder of Burgess et al. 2018 ("Understanding disentangling in beta-VAE").

The names of the layers are those of the published weights, so that these load unchanged.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from disvae.errors import UserError
from disvae.models.transposed_convolution import TransposedConvolution
from disvae.posterior import Posterior

IMAGE_SIZES = (32, 64)
_CHANNELS = 32
_MAX_CHANNELS = 1024  # of an image; a damaged file may claim any number
_HIDDEN = 256
_GRID = 4  # the smallest feature map is 4 x 4


class Encoder(nn.Module):
    """Images to posteriors: 3 (32 pixels) or 4 (64 pixels) convolutions and 3 linear layers.

    Parameters
    ----------
    image_shape
        ``(C, H, W)``; see `check_image_shape`.
    latent_dim
        Number D of latent dimensions.
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int):
        super().__init__()
        self.conv1 = nn.Conv2d(image_shape[0], _CHANNELS, 4, stride=2, padding=1)
        self.conv2 = nn.Conv2d(_CHANNELS, _CHANNELS, 4, stride=2, padding=1)
        self.conv3 = nn.Conv2d(_CHANNELS, _CHANNELS, 4, stride=2, padding=1)
        self.conv_64 = (
            nn.Conv2d(_CHANNELS, _CHANNELS, 4, stride=2, padding=1)
            if image_shape[1] == 64
            else None
        )
        self.lin1 = nn.Linear(_CHANNELS * _GRID * _GRID, _HIDDEN)
        self.lin2 = nn.Linear(_HIDDEN, _HIDDEN)
        self.mu_logvar_gen = nn.Linear(_HIDDEN, 2 * latent_dim)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Posterior:
        """Encode `images` in [0, 1]."""
        x = F.relu(self.conv1(images), inplace=True)
        x = F.relu(self.conv2(x), inplace=True)
        x = F.relu(self.conv3(x), inplace=True)
        if self.conv_64 is not None:
            x = F.relu(self.conv_64(x), inplace=True)
        x = F.relu(self.lin1(x.flatten(1)), inplace=True)
        x = F.relu(self.lin2(x), inplace=True)
        mean, logvar = self.mu_logvar_gen(x).view(len(x), -1, 2).unbind(-1)
        return Posterior(mean, logvar)


class Decoder(nn.Module):
    """Codes to logits of the pixels; the mirror of `Encoder`.

    Parameters
    ----------
    image_shape
        ``(C, H, W)``; see `check_image_shape`.
    latent_dim
        Number D of latent dimensions.
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int):
        super().__init__()
        self.lin1 = nn.Linear(latent_dim, _HIDDEN)
        self.lin2 = nn.Linear(_HIDDEN, _HIDDEN)
        self.lin3 = nn.Linear(_HIDDEN, _CHANNELS * _GRID * _GRID)
        self.convT_64 = (
            TransposedConvolution(_CHANNELS, _CHANNELS) if image_shape[1] == 64 else None
        )
        self.convT1 = TransposedConvolution(_CHANNELS, _CHANNELS)
        self.convT2 = TransposedConvolution(_CHANNELS, _CHANNELS)
        self.convT3 = TransposedConvolution(_CHANNELS, image_shape[0])

    def forward(self, codes: Float[Tensor, "B D"]) -> Float[Tensor, "B C H W"]:
        """Decode `codes` to logits."""
        x = F.relu(self.lin1(codes), inplace=True)
        x = F.relu(self.lin2(x), inplace=True)
        x = F.relu(self.lin3(x), inplace=True).view(-1, _CHANNELS, _GRID, _GRID)
        if self.convT_64 is not None:
            x = F.relu(self.convT_64(x), inplace=True)
        x = F.relu(self.convT1(x), inplace=True)
        x = F.relu(self.convT2(x), inplace=True)
        logits: Tensor = self.convT3(x)
        return logits


def check_image_shape(image_shape: tuple[int, int, int]) -> None:
    """Refuse images that the architecture is not made for.

    Raises
    ------
    UserError
        If the images are not square with 32 or 64 pixels a side, or have absurdly many channels.
    """
    channels, height, width = image_shape
    if not 1 <= channels <= _MAX_CHANNELS:
        raise UserError(
            f"The Burgess model takes images of 1 to {_MAX_CHANNELS} channels, not {channels}; "
            "check img_size."
        )
    if height != width or height not in IMAGE_SIZES:
        nearest = min(IMAGE_SIZES, key=lambda size: abs(size - max(height, width)))
        raise UserError(
            f"The Burgess model takes images of 32x32 or 64x64 pixels, not {height}x{width}; "
            f"resize them to the nearest, {nearest}x{nearest}."
        )
