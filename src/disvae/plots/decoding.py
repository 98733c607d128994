"""From codes to images and from images to images, a bounded number at a time."""

import torch
from jaxtyping import Float
from torch import Tensor

from disvae.models.vae import VAE

_AT_ONCE = 256  # their activations take about 60 MB


@torch.inference_mode()
def decode(model: VAE, codes: Float[Tensor, "*grid D"]) -> Float[Tensor, "*grid C H W"]:
    """Decode codes, arranged in any way, to probabilities."""
    rows = codes.flatten(0, -2)
    images = torch.cat([model.decode(some) for some in torch.split(rows, _AT_ONCE)])
    return images.view(*codes.shape[:-1], *model.image_shape)


@torch.inference_mode()
def reconstruct_images(model: VAE, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Decode the posterior means of `images` to probabilities."""
    return torch.cat(
        [model.decode(model.encode(some).mean) for some in torch.split(images, _AT_ONCE)]
    )
