"""How weights start; use with `Module.apply`."""

from torch import nn

_WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def kaiming_uniform(layer: nn.Module) -> None:
    """Draw the weight of a convolution or linear layer for ReLU (He et al. 2015).

    Biases keep PyTorch's default, as in the original system.
    """
    if isinstance(layer, _WEIGHTED):
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")


def glorot_uniform(layer: nn.Module) -> None:
    """Draw the weight of a convolution or linear layer (Glorot and Bengio 2010); zero its bias."""
    if isinstance(layer, _WEIGHTED):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
