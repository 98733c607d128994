"""The decoder's layer: a transposed convolution that doubles height and width."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_KERNEL, _STRIDE, _PADDING = 4, 2, 1
_FEW = 4  # channels out, below which PyTorch's kernel loses to a convolution


class TransposedConvolution(nn.ConvTranspose2d):
    """A transposed convolution, 4x4, stride 2, padding 1, with faster gradients on CPUs.

    The same function and weights as `torch.nn.ConvTranspose2d`, which it is unchanged on
    other devices. On CPUs, for the Burgess decoder at batch 64, the gradient takes a quarter
    less time as that of the convolution which this layer transposes, and the forward pass to
    one or three channels less than half its time.
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
            return _interleave(features, weight, bias)
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


def _interleave(
    features: Float[Tensor, "B F H W"], weight: Float[Tensor, "F C 4 4"], bias: Float[Tensor, "C"]
) -> Float[Tensor, "B C 2*H 2*W"]:
    """Compute the pixels of each parity of row and column by its 2x2 part of the kernel.

    The four parts are one convolution to 4C channels, whose pixels then take their places.
    """
    channels = weight.shape[1]
    parts = weight.reshape(-1, channels, 2, 2, 2, 2)  # F C 2 (row) 2 (column) 2
    parts = parts.permute(3, 5, 1, 0, 2, 4).flip(4, 5).reshape(4 * channels, -1, 2, 2)
    parts = parts.contiguous(memory_format=torch.channels_last)
    pixels = F.conv2d(features, parts, bias.repeat(4), padding=1).permute(0, 2, 3, 1)
    pixels = pixels.reshape(*pixels.shape[:3], 2, 2, channels).transpose(2, 3)
    pixels = pixels.flatten(3, 4).flatten(1, 2)
    return pixels[:, 1:-1, 1:-1].permute(0, 3, 1, 2)
