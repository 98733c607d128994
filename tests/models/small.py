"""A small architecture in place of Burgess's, for tests of what is around a model."""

import math

from torch import nn

from disvae.models.architecture import Architecture, GaussianEncoder


def _encoder(image_shape, latent_dim):
    first, last = nn.Linear(math.prod(image_shape), 16), nn.Linear(16, 2 * latent_dim)
    return GaussianEncoder(nn.Flatten(), first, nn.ReLU(), last)


def _decoder(image_shape, latent_dim):
    first, last = nn.Linear(latent_dim, 16), nn.Linear(16, math.prod(image_shape))
    return nn.Sequential(first, nn.ReLU(), last, nn.Unflatten(1, image_shape))


ARCHITECTURE = Architecture("Small", _encoder, _decoder, image_sizes=(32, 64))
