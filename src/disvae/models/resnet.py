"""A residual network of moderate cost, for any of the four sizes; this project's own.

After He et al. 2016 ("Identity mappings in deep residual networks"): blocks of group
normalisation (8 groups; Wu and He 2018), ReLU and a 3x3 convolution, twice, added to what comes
in. Normalisation looks at one image at a time, so that batches may be small, and codes do not
depend on the batch. Convolutions 4x4 of stride 2 halve the map from the image down to 4x4; one
block follows each from a quarter of the image's side on, as the larger maps cost most. A map of
side s has 512/s channels, at least 16 and at most 128; a linear layer of 256 units and one of 2D
follow. The decoder is the mirror, with transposed convolutions.
"""

from jaxtyping import Float
from torch import Tensor, nn

from disvae.models.architecture import Architecture, GaussianEncoder, ImageShape
from disvae.models.transposed_convolution import TransposedConvolution

_HIDDEN = 256
_GRID = 4  # the smallest feature map is 4 x 4
_GROUPS = 8


class Residual(nn.Sequential):
    """Layers in a row, whose result is added to what they are given."""

    def forward(self, features: Float[Tensor, "B F H W"]) -> Float[Tensor, "B F H W"]:
        """Return the sum."""
        change: Tensor = super().forward(features)  # type: ignore[no-untyped-call]
        return features + change


def _encoder(image_shape: ImageShape, latent_dim: int) -> nn.Module:
    sides = _sides(image_shape)
    layers: list[nn.Module] = [nn.Conv2d(image_shape[0], _channels(sides[-1]), 4, 2, 1)]
    layers.append(nn.ReLU(inplace=True))
    for side in reversed(sides[:-1]):
        layers += [nn.Conv2d(_channels(2 * side), _channels(side), 4, 2, 1), _block(side)]
    return GaussianEncoder(
        *layers,
        *_activation(_GRID),
        nn.Flatten(),
        nn.Linear(_channels(_GRID) * _GRID**2, _HIDDEN),
        nn.ReLU(inplace=True),
        nn.Linear(_HIDDEN, 2 * latent_dim),
    )


def _decoder(image_shape: ImageShape, latent_dim: int) -> nn.Module:
    sides = _sides(image_shape)
    layers: list[nn.Module] = []
    for side in sides[:-1]:
        layers += [_block(side), TransposedConvolution(_channels(side), _channels(2 * side))]
    return nn.Sequential(
        nn.Linear(latent_dim, _HIDDEN),
        nn.ReLU(inplace=True),
        nn.Linear(_HIDDEN, _channels(_GRID) * _GRID**2),
        nn.Unflatten(1, (_channels(_GRID), _GRID, _GRID)),
        *layers,
        *_activation(sides[-1]),
        TransposedConvolution(_channels(sides[-1]), image_shape[0]),
    )


def _sides(image_shape: ImageShape) -> list[int]:
    """Sides of the maps: 4, 8, ... to half the image's."""
    return [side for side in (4, 8, 16, 32, 64, 128) if 2 * side <= image_shape[1]]


def _channels(side: int) -> int:
    return min(max(512 // side, 16), 128)


def _block(side: int) -> nn.Module:
    channels = _channels(side)
    convolutions = [nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2)]
    first, second = ([*_activation(side), convolution] for convolution in convolutions)
    return Residual(*first, *second)


def _activation(side: int) -> list[nn.Module]:
    return [nn.GroupNorm(_GROUPS, _channels(side)), nn.ReLU(inplace=True)]


ARCHITECTURE = Architecture("ResNet", _encoder, _decoder, step_costs=(2.1, 2.7, 5.6, 21))
