"""What an architecture declares: an encoder, a decoder, and what they are made for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from disvae.errors import UserError, either
from disvae.posterior import Posterior

ImageShape = tuple[int, int, int]
SIZES = (32, 64, 128, 256)
_RELU = partial(nn.ReLU, inplace=True)


def kaiming_uniform(layer: nn.Module) -> None:
    """Draw the weight of a convolution or linear layer for ReLU (He et al. 2015).

    Biases keep PyTorch's default, as in the original system.
    """
    if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")


@dataclass(frozen=True)
class Architecture:
    """An encoder and a decoder by name; each lives in a file of its own.

    `encoder` makes, from ``(C, H, W)`` and the number D of latents, a module that takes images
    ``[B, C, H, W]`` in [0, 1] to a `Posterior`, or to the pair of its mean and log variance,
    ``[B, D]`` each; `decoder`, from the same, one that takes codes ``[B, D]`` to logits
    ``[B, C, H, W]``. `initialise` draws the weights of a layer, and is called with each
    (`torch.nn.Module.apply`); None: they stay as the factories make them.
    """

    name: str  # as in ``-m NAME``
    encoder: Callable[[ImageShape, int], nn.Module]
    decoder: Callable[[ImageShape, int], nn.Module]
    image_sizes: tuple[int, ...] = SIZES  # sides of the images, which are square
    step_costs: tuple[float, ...] = ()  # of each size, over Burgess at 64
    max_channels: int = 1024  # of an image; a damaged file may claim any number
    initialise: Callable[[nn.Module], None] | None = kaiming_uniform

    def check(self, image_shape: ImageShape) -> None:
        """Refuse images that are not square, of another size, or of too many channels."""
        channels, height, width = image_shape
        if not 1 <= channels <= self.max_channels:
            raise UserError(
                f"The {self.name} model takes images of 1 to {self.max_channels} channels, not "
                f"{channels}; check img_size."
            )
        if height != width or height not in self.image_sizes:
            sizes = either([f"{size}x{size}" for size in self.image_sizes])
            nearest = min(self.image_sizes, key=lambda size: abs(size - max(height, width)))
            raise UserError(
                f"The {self.name} model takes images of {sizes} pixels, not {height}x{width}; "
                f"resize them to the nearest, {nearest}x{nearest}."
            )


def activated(*layers: nn.Module, by: Callable[[], nn.Module] = _RELU) -> Iterator[nn.Module]:
    """Yield each layer, and an activation after it."""
    for layer in layers:
        yield from (layer, by())


class GaussianEncoder(nn.Sequential):
    """Layers in a row, of which the last gives D pairs of mean and log variance, ``[B, 2D]``."""

    def forward(self, images: Float[Tensor, "B C H W"]) -> Posterior:
        """Encode `images` in [0, 1]."""
        pairs: Tensor = super().forward(images)  # type: ignore[no-untyped-call]
        # no length of the batch, which ONNX would keep
        mean, logvar = pairs.unflatten(1, (-1, 2)).unbind(-1)  # type: ignore[no-untyped-call]
        return Posterior(mean, logvar)
