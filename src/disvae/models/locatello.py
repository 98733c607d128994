"""The convolutional network of the study of Locatello et al. 2019.

From "Challenging common assumptions in the unsupervised learning of disentangled
representations". Three networks go by this name; this is the one that the study ran
(``conv_encoder`` and ``deconv_decoder`` of disentanglement_lib): convolutions of stride 2 with 32
and 32 channels (4x4), then 64 and 64 (2x2), a linear layer of 256; linear layers of 256 and 1024,
transposed convolutions 4x4 of stride 2 with 64, 32 and 32 channels and those of the image. ReLU
between all. 690,517 parameters at 1x64x64 and D = 10.

The other two have kernels of 4x4 everywhere: 764,245 parameters with padding 1, as in
disentangling-correlated-factors, and flat features of 1600 with padding 2, as in disent.

Weights start Glorot uniform, biases at zero, as the layers of TensorFlow 1 do. What differs: one
linear layer of 2D gives means and log variances, where the study has two of D, so that its
weights start 2% narrower at D = 10.
"""

from torch import nn

from disvae.models.architecture import Architecture, GaussianEncoder, ImageShape, activated
from disvae.models.transposed_convolution import TransposedConvolution


def _encoder(image_shape: ImageShape, latent_dim: int) -> nn.Module:
    convolutions = (
        nn.Conv2d(image_shape[0], 32, 4, stride=2, padding=1),
        nn.Conv2d(32, 32, 4, stride=2, padding=1),
        nn.Conv2d(32, 64, 2, stride=2),
        nn.Conv2d(64, 64, 2, stride=2),
    )
    dense = activated(nn.Linear(1024, 256))
    head = nn.Linear(256, 2 * latent_dim)
    return GaussianEncoder(*activated(*convolutions), nn.Flatten(), *dense, head)


def _decoder(image_shape: ImageShape, latent_dim: int) -> nn.Module:
    return nn.Sequential(
        *activated(nn.Linear(latent_dim, 256), nn.Linear(256, 1024)),
        nn.Unflatten(1, (64, 4, 4)),
        *activated(*(TransposedConvolution(*sides) for sides in ((64, 64), (64, 32), (32, 32)))),
        TransposedConvolution(32, image_shape[0]),
    )


def _glorot_uniform(layer: nn.Module) -> None:
    """Draw the weight of a convolution or linear layer (Glorot and Bengio 2010); zero its bias."""
    if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.get_parameter("bias"))


ARCHITECTURE = Architecture(
    "Locatello", _encoder, _decoder, image_sizes=(64,), step_costs=(1.1,),
    initialise=_glorot_uniform,
)  # fmt: skip
