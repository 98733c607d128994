"""The linear layers of Chen et al. 2018 ("Isolating sources of disentanglement in VAEs").

As in its code for dSprites: pixels - 1200 - 1200 - 2D with ReLU, and D - 1200 - 1200 - 1200 -
pixels with tanh; the weights start as PyTorch's layers do. The paper has grey images of 64
pixels: 14,196,516 parameters at D = 10. (Its code holds 20,500 more, of a layer that it never
uses.) The first and the last layer grow with the pixels, so that larger images are left out.
"""

import math

from torch import nn

from disvae.models.architecture import Architecture, GaussianEncoder, ImageShape, activated

_UNITS = 1200


def _encoder(image_shape: ImageShape, latent_dim: int) -> nn.Module:
    return GaussianEncoder(
        nn.Flatten(),
        *activated(nn.Linear(math.prod(image_shape), _UNITS), nn.Linear(_UNITS, _UNITS)),
        nn.Linear(_UNITS, 2 * latent_dim),
    )


def _decoder(image_shape: ImageShape, latent_dim: int) -> nn.Module:
    return nn.Sequential(
        *activated(*(nn.Linear(n, _UNITS) for n in (latent_dim, _UNITS, _UNITS)), by=nn.Tanh),
        nn.Linear(_UNITS, math.prod(image_shape)),
        nn.Unflatten(1, image_shape),
    )


ARCHITECTURE = Architecture(
    "MLP", _encoder, _decoder, image_sizes=(32, 64), step_costs=(0.56, 0.79), max_channels=3,
    initialise=None,
)  # fmt: skip
