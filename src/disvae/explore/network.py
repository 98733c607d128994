"""A network as a list of layers: what the page computes, and the same in PyTorch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from disvae.errors import UserError


class InexpressibleError(UserError):
    """The page cannot compute this network; the server can."""


@dataclass(frozen=True)
class Layer:
    """One step of a network, on one image."""

    op: str  # a key of `COMPUTE`; static/interpreter.js knows the same
    inputs: tuple[int, ...]  # values that it reads: 0 is the input, k the result of layer k
    shape: tuple[int, ...]  # of its result
    settings: dict[str, Any] = field(default_factory=dict)  # numbers, such as a stride
    arrays: dict[str, Tensor] = field(default_factory=dict)  # weights, as the page reads them


@dataclass(frozen=True)
class Network:
    """Layers in the order of computation; the result of the network is the value `output`."""

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    output: int

    def __call__(self, batch: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        """Compute the network in PyTorch, from its layers alone."""
        values = [batch]
        for layer in self.layers:
            inputs = [values[k] for k in layer.inputs]
            result = COMPUTE[layer.op](layer, *inputs)
            values.append(result.reshape(len(batch), *layer.shape))
        return values[self.output]


class Weights:
    """The arrays of some networks, one after the other; ``float16`` takes half the bytes."""

    def __init__(self, precision: str = "float32"):
        self.precision = precision
        self._parts: list[np.ndarray] = []
        self._length = 0

    def describe(self, network: Network) -> dict[str, Any]:
        """Take in the arrays of `network`; return the rest of it, ready for JSON."""
        layers = [
            {
                "op": layer.op,
                "in": layer.inputs,
                "shape": layer.shape,
                **layer.settings,
                **{name: self._add(array) for name, array in layer.arrays.items()},
            }
            for layer in network.layers
        ]
        return {"shape": network.input_shape, "layers": layers, "output": network.output}

    def _add(self, array: Tensor) -> tuple[int, int]:
        values = array.detach().cpu().numpy().astype(f"<{np.dtype(self.precision).str[1:]}")
        self._parts.append(values.ravel())
        start, self._length = self._length, self._length + values.size
        return start, values.size

    def content(self) -> bytes:
        """Return all arrays, little end first."""
        return b"".join(part.tobytes() for part in self._parts)


def _linear(layer: Layer, x: Tensor) -> Tensor:
    return x.flatten(1) @ layer.arrays["weight"] + layer.arrays.get("bias", torch.zeros(()))


def _conv(layer: Layer, x: Tensor) -> Tensor:
    weight = layer.arrays["weight"].permute(3, 2, 0, 1)
    given = layer.settings
    return F.conv2d(
        x, weight, layer.arrays.get("bias"), given["stride"], given["padding"], given["dilation"]
    )


def _conv_transposed(layer: Layer, x: Tensor) -> Tensor:
    weight = layer.arrays["weight"].permute(2, 3, 0, 1)
    given = layer.settings
    plain = F.conv_transpose2d(
        x, weight, None, given["stride"], given["padding"], 0, 1, given["dilation"]
    )
    down, right = (layer.shape[k] - plain.shape[k + 1] for k in (1, 2))
    if down or right:  # what PyTorch calls output padding: rows that the plain result lacks
        plain = F.conv_transpose2d(
            x, weight, None, given["stride"], given["padding"], (down, right), 1, given["dilation"]
        )
    bias = layer.arrays.get("bias")
    return plain if bias is None else plain + bias.view(-1, 1, 1)


def _affine(layer: Layer, x: Tensor) -> Tensor:
    def spread(array: Tensor) -> Tensor:
        if array.numel() == 1 or array.numel() == x[0].numel():
            return array.reshape(() if array.numel() == 1 else x.shape[1:])
        return array.reshape(-1, *(1,) * (x.dim() - 2))

    return x * spread(layer.arrays["scale"]) + spread(layer.arrays["shift"])


def _gather(layer: Layer, *inputs: Tensor) -> Tensor:
    index = torch.tensor(layer.settings["index"])
    flat = torch.cat([x.flatten(1) for x in inputs], 1)
    return torch.where(index < 0, torch.zeros(()), flat[:, index.clamp(min=0)])


def _group_norm(layer: Layer, x: Tensor) -> Tensor:
    shaped = x if x.dim() > 2 else x[..., None]
    return F.group_norm(shaped, layer.settings["groups"], eps=layer.settings["eps"])


def _gelu(layer: Layer, x: Tensor) -> Tensor:
    return F.gelu(x, approximate=layer.settings["approximate"])


COMPUTE: dict[str, Callable[..., Tensor]] = {
    "linear": _linear,
    "conv": _conv,
    "conv_transposed": _conv_transposed,
    "affine": _affine,
    "gather": _gather,
    "reshape": lambda layer, x: x,
    "group_norm": _group_norm,
    "average": lambda layer, x: F.avg_pool2d(x, layer.settings["size"]),
    "upsample": lambda layer, x: F.interpolate(x, scale_factor=layer.settings["factor"]),
    "add": lambda layer, x, y: x + y,
    "subtract": lambda layer, x, y: x - y,
    "multiply": lambda layer, x, y: x * y,
    "relu": lambda layer, x: F.relu(x),
    "leaky_relu": lambda layer, x: F.leaky_relu(x, layer.settings["slope"]),
    "elu": lambda layer, x: F.elu(x, layer.settings["alpha"]),
    "silu": lambda layer, x: F.silu(x),
    "gelu": _gelu,
    "softplus": lambda layer, x: F.softplus(x),
    "tanh": lambda layer, x: torch.tanh(x),
    "sigmoid": lambda layer, x: torch.sigmoid(x),
}
