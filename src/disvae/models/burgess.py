"""Encoder and decoder of Burgess et al. 2018 ("Understanding disentangling in beta-VAE").

Convolutions 4x4 of 32 channels, stride 2, bring images of 32 (3 of them), 64 (4), 128 (5) or
256 pixels (6) to 4x4; two linear layers of 256 units and one of 2D follow; the decoder is the
mirror; ReLU between all. The paper has 64 pixels; each doubling adds one more such stage.
502,005 parameters at 1x64x64 and D = 10.

The names of the layers are those of the published weights, so that these load unchanged.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping

from torch import nn

from disvae.models.architecture import Architecture, GaussianEncoder, ImageShape
from disvae.models.transposed_convolution import TransposedConvolution

_CHANNELS = 32
_HIDDEN = 256
_GRID = 4  # the smallest feature map is 4 x 4


def _encoder(image_shape: ImageShape, latent_dim: int) -> nn.Module:
    convolutions = {
        name: nn.Conv2d(image_shape[0] if name == "conv1" else _CHANNELS, _CHANNELS, 4, 2, 1)
        for name in ("conv1", "conv2", "conv3", *_deeper("conv", image_shape))
    }
    linear = {"lin1": nn.Linear(_CHANNELS * _GRID**2, _HIDDEN), "lin2": nn.Linear(_HIDDEN, _HIDDEN)}
    layers = [*_rectified(convolutions), ("flatten", nn.Flatten()), *_rectified(linear)]
    head = "mu_logvar_gen", nn.Linear(_HIDDEN, 2 * latent_dim)
    return GaussianEncoder(OrderedDict([*layers, head]))


def _decoder(image_shape: ImageShape, latent_dim: int) -> nn.Module:
    linear = {
        "lin1": nn.Linear(latent_dim, _HIDDEN),
        "lin2": nn.Linear(_HIDDEN, _HIDDEN),
        "lin3": nn.Linear(_HIDDEN, _CHANNELS * _GRID**2),
    }
    convolutions = {
        name: TransposedConvolution(_CHANNELS, _CHANNELS)
        for name in (*reversed(_deeper("convT", image_shape)), "convT1", "convT2")
    }
    grid = "grid", nn.Unflatten(1, (_CHANNELS, _GRID, _GRID))
    last = "convT3", TransposedConvolution(_CHANNELS, image_shape[0])
    return nn.Sequential(OrderedDict([*_rectified(linear), grid, *_rectified(convolutions), last]))


def _deeper(kind: str, image_shape: ImageShape) -> list[str]:
    """Name the stages beyond the three of 32 pixels."""
    return [f"{kind}_{size}" for size in (64, 128, 256) if size <= image_shape[1]]


def _rectified(layers: Mapping[str, nn.Module]) -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers by name, a ReLU after each."""
    for name, layer in layers.items():
        yield name, layer
        yield f"{name}_relu", nn.ReLU(inplace=True)


ARCHITECTURE = Architecture("Burgess", _encoder, _decoder, step_costs=(0.45, 1, 3.6, 15))
