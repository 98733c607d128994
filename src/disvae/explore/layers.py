"""The layers of a model, found by watching PyTorch compute it on one image.

Whatever way a model is written (modules, functions, views, residual sums), PyTorch carries out
a few basic operations. Those that depend on the input become layers; all others give constants,
which are the weights. A trace says nothing about other inputs, so every network is then
compared with its model on random ones.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from disvae.explore.network import InexpressibleError, Network
from disvae.explore.rules import RULES
from disvae.explore.tracing import Trace
from disvae.models.standard import standard
from disvae.models.vae import VAE

_TOLERANCE = 1e-4  # of a probability, or relative to a posterior's mean and log variance


def decoder_network(model: VAE) -> Network:
    """Return the decoder, from a code ``[D]`` to probabilities ``[C, H, W]``.

    Raises
    ------
    InexpressibleError
        If the model does something that no layer stands for.
    """
    random = torch.Generator().manual_seed(0)
    probes = 1.5 * torch.randn(4, model.latent_dim, generator=random)
    return _network(standard(model).decode, probes, model.decode)


def encoder_network(model: VAE) -> Network:
    """Return the encoder, from an image ``[C, H, W]`` to means and log variances ``[2D]``.

    Raises
    ------
    InexpressibleError
        If the model does something that no layer stands for.
    """
    probes = torch.rand(4, *model.image_shape, generator=torch.Generator().manual_seed(0))

    def encode(vae: VAE) -> Callable[[Tensor], Tensor]:
        return lambda images: torch.cat(list(vae.encode(images)), dim=1)

    return _network(encode(standard(model)), probes, encode(model))


@torch.no_grad()
def _network(
    traced: Callable[[Tensor], Tensor],
    probes: Float[Tensor, "4 ..."],
    model: Callable[[Tensor], Tensor],
) -> Network:
    trace = Trace(probes[:1], RULES)
    with trace:
        result = traced(trace.input)
    network = Network(tuple(probes.shape[1:]), tuple(trace.layers), trace.number(result))
    expected = model(probes)
    allowed = _TOLERANCE * (1 + expected.abs())
    if not ((network(probes) - expected).abs() <= allowed).all():  # False for NaN
        raise InexpressibleError("it computes other values than its layers do")
    return network
