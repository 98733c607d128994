"""The discriminator of FactorVAE (Kim and Mnih 2018, appendix B), and what it learns on."""

from itertools import chain, pairwise
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_UNITS = 1000
_SLOPE = 0.2  # of the leaky ReLU


class Told(NamedTuple):
    """What the discriminator says of real and permuted codes, in nats."""

    tc: Float[Tensor, ""]  # estimated total correlation of the real codes (equation 3)
    cross_entropy: Float[Tensor, ""]  # its loss: the mean over both classes


class Discriminator(nn.Module):
    """Tells codes of the aggregate posterior (class 0) from permuted ones (class 1).

    Six linear layers, 1000 units, leaky ReLU 0.2; codes ``[B, D]`` to logits ``[B, 2]``.
    Weights start as those of the VAE: Kaiming uniform, biases as PyTorch has them.
    """

    def __init__(self, latent_dim: int):
        sizes = (latent_dim, *(_UNITS,) * 5)
        hidden = ((nn.Linear(*sides), nn.LeakyReLU(_SLOPE)) for sides in pairwise(sizes))
        super().__init__()
        self.layers = nn.Sequential(*chain(*hidden), nn.Linear(_UNITS, 2))
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")

    def forward(self, real: Float[Tensor, "B D"], permuted: Float[Tensor, "C D"]) -> Told:
        """Tell real codes from permuted ones.

        The gradient of ``tc`` goes to `real` alone, that of ``cross_entropy`` to the parameters
        alone, and both take one backward pass: see `_Ratio`.
        """
        tc, cross_entropy = _Ratio.apply(real, permuted, *self.parameters())  # type: ignore[no-untyped-call]
        return Told(tc, cross_entropy)

    def logits(self, codes: Float[Tensor, "B D"]) -> Float[Tensor, "B 2"]:
        """Return the logits of both classes."""
        return _values(codes, list(self.parameters()))[-1]


class _Ratio(torch.autograd.Function):
    """Two losses of the log ratio r of a code's classes, whose gradients share a backward pass.

    TC is the mean of r over real codes. In each row, the gradient of the cross entropy is that
    of r times a number: backpropagated is r; the weights' gradients scale each row by its number,
    the codes' by that of the TC.
    """

    @staticmethod
    def forward(
        ctx: Any, real: Float[Tensor, "B D"], permuted: Float[Tensor, "C D"], *parameters: Tensor
    ) -> tuple[Tensor, Tensor]:
        values = _values(torch.cat([real, permuted]), parameters)
        ratio = (values[-1][:, 0] - values[-1][:, 1]).to(real.dtype)
        ctx.save_for_backward(ratio, *values[:-1], *parameters)
        n = ctx.n_real = len(real)
        cross_entropy = F.softplus(-ratio[:n]).mean() + F.softplus(ratio[n:]).mean()
        return ratio[:n].mean(), 0.5 * cross_entropy

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_tc: Tensor, of_cross_entropy: Tensor) -> tuple[Tensor | None, ...]:
        ratio, *saved = ctx.saved_tensors
        n_layers, n = len(saved) // 3, ctx.n_real
        values, parameters = saved[:n_layers], saved[n_layers:]
        towards_real = -torch.sigmoid(-ratio[:n]) / n
        towards_permuted = torch.sigmoid(ratio[n:]) / (len(ratio) - n)
        scale = 0.5 * of_cross_entropy * torch.cat([towards_real, towards_permuted])[:, None]
        gradients: list[Tensor | None] = [None] * len(parameters)
        delta = ratio.new_tensor([1.0, -1.0]).expand(len(ratio), 2)
        for layer in reversed(range(n_layers)):
            own = (scale * delta).to(values[layer].dtype)
            gradients[2 * layer] = own.T @ values[layer]
            gradients[2 * layer + 1] = own.sum(0)
            delta = delta if layer else delta[:n]
            delta = delta @ parameters[2 * layer].to(delta.dtype)
            if layer:
                delta = torch.ops.aten.leaky_relu_backward(delta, values[layer], _SLOPE, True)
        return delta * (of_tc / n), None, *gradients


def _values(codes: Float[Tensor, "B D"], parameters: Any) -> list[Tensor]:
    """Return what goes into each layer, and the logits."""
    values = [codes]
    for weight, bias in zip(parameters[::2], parameters[1::2], strict=True):
        if len(values) > 1:
            F.leaky_relu_(values[-1], _SLOPE)
        values.append(F.linear(values[-1], weight, bias))
    return values


@torch.no_grad()
def permuted_codes(vae: nn.Module, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
    """Sample codes of `images`, and permute each dimension over the batch."""
    return permute_dimensions(vae.encode(images).sample())  # type: ignore[operator]


def permute_dimensions(codes: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    """Permute each dimension over the batch on its own (Kim and Mnih 2018, algorithm 1)."""
    order = torch.rand_like(codes).argsort(0)
    return codes.gather(0, order)
