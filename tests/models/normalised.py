"""A tiny architecture with batch normalisation, whose buffers count in integers."""

from torch import nn

from disvae.models.architecture import Architecture, GaussianEncoder


def _encoder(image_shape, latent_dim):
    return GaussianEncoder(
        nn.Conv2d(image_shape[0], 4, 4, stride=4),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 8 * 8, 2 * latent_dim),
    )


def _decoder(image_shape, latent_dim):
    return nn.Sequential(
        nn.Linear(latent_dim, 4 * 8 * 8),
        nn.BatchNorm1d(4 * 8 * 8),
        nn.ReLU(),
        nn.Unflatten(1, (4, 8, 8)),
        nn.ConvTranspose2d(4, image_shape[0], 4, stride=4),
    )


ARCHITECTURE = Architecture("Normalised", _encoder, _decoder, image_sizes=(32,))
