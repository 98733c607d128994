"""A model in PyTorch's own layers, for programs that know no others."""

import copy

from torch import nn

from disvae.models.vae import VAE

_LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def standard(model: VAE) -> VAE:
    """Copy a model, in evaluation mode; layers that refine one of PyTorch's become that one."""
    model = copy.deepcopy(model).eval()
    for module in model.modules():
        for layer in _LAYERS:
            if isinstance(module, layer):
                module.__class__ = layer
    return model
