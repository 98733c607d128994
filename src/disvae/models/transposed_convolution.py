"""The decoder's layer: a transposed convolution that doubles height and width."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_KERNEL, _STRIDE, _PADDING = 4, 2, 1
_FEW = 4  # channels out, below which PyTorch's kernel loses to a matrix product


class TransposedConvolution(nn.ConvTranspose2d):
    """A transposed convolution, 4x4, stride 2, padding 1, with faster gradients on CPUs.

    The same function and weights as `torch.nn.ConvTranspose2d`, which it is unchanged on
    other devices. On CPUs, for the Burgess decoder at batch 64, the gradient takes a quarter
    less time as that of the convolution which this layer transposes, and the forward pass to
    one channel as a matrix product a quarter of its time.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, _KERNEL, _STRIDE, _PADDING)

    def forward(
        self, features: Float[Tensor, "B F H W"], output_size: list[int] | None = None
    ) -> Float[Tensor, "B C 2*H 2*W"]:
        """Return a feature map, or the logits, of twice the height and width."""
        if features.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return super().forward(features, output_size)
        return _OnCPU.apply(features, self.weight, self.bias)  # type: ignore[no-untyped-call]


class _OnCPU(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Float[Tensor, "B F H W"],
        weight: Float[Tensor, "F C 4 4"],
        bias: Float[Tensor, "C"],
    ) -> Float[Tensor, "B C 2*H 2*W"]:
        ctx.save_for_backward(features, weight)
        if weight.shape[1] < _FEW:
            return _paint(features, weight) + bias.view(-1, 1, 1)
        return F.conv_transpose2d(features, weight, bias, _STRIDE, _PADDING)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Float[Tensor, "B C H W"]) -> tuple[Tensor, ...]:
        features, weight = ctx.saved_tensors
        # <grad, transposed(features)> = <convolution(grad), features>: both gradients are those
        # of this form, in which the result of the layer and its argument change places
        onto_features = F.conv2d(grad, weight, None, _STRIDE, _PADDING)
        _, onto_weight, _ = torch.ops.aten.convolution_backward(
            features, grad, weight, None, [_STRIDE] * 2, [_PADDING] * 2, [1, 1], False, [0, 0],
            1, (False, True, False),
        )  # fmt: skip
        return onto_features, onto_weight, grad.sum((0, 2, 3))


def _paint(
    features: Float[Tensor, "B F H W"], weight: Float[Tensor, "F C 4 4"]
) -> Float[Tensor, "B C 2*H 2*W"]:
    """Let each pixel of the feature map paint a 4x4 patch; patches overlap and add."""
    _, _, height, width = features.shape
    patches = weight.flatten(1).t() @ features.flatten(2)
    return F.fold(patches, (2 * height, 2 * width), _KERNEL, padding=_PADDING, stride=_STRIDE)
