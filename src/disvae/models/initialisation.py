"""How all weights start."""

from torch import nn


def kaiming_uniform(layer: nn.Module) -> None:
    """Draw the weight of a convolution or linear layer for ReLU (He et al. 2015).

    Biases keep PyTorch's default, as in the original system; use with `Module.apply`.
    """
    if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
