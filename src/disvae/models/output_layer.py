"""The decoder's last layer: a transposed convolution to one or three channels."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_KERNEL, _STRIDE, _PADDING = 4, 2, 1


class OutputLayer(nn.ConvTranspose2d):
    """A transposed convolution (4x4, stride 2, padding 1) that is fast for few channels out.

    On CPUs PyTorch's kernel takes 2 to 5 times as long as the matrix product that the
    layer is; elsewhere this is `torch.nn.ConvTranspose2d` unchanged.

    Parameters
    ----------
    in_channels, out_channels
        Channels of the feature map and of the image.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, _KERNEL, _STRIDE, _PADDING)

    def forward(
        self, features: Float[Tensor, "B F H W"], output_size: list[int] | None = None
    ) -> Float[Tensor, "B C 2*H 2*W"]:
        """Return logits of twice the height and width."""
        if features.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return super().forward(features, output_size)
        assert self.bias is not None  # noqa: S101
        logits: Tensor = _MatrixTransposedConvolution.apply(  # type: ignore[no-untyped-call]
            features, self.weight, self.bias
        )
        return logits


class _MatrixTransposedConvolution(torch.autograd.Function):
    """Forward as a matrix product; backward by PyTorch's kernel, which is fast."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Float[Tensor, "B F H W"],
        weight: Float[Tensor, "F C 4 4"],
        bias: Float[Tensor, "C"],
    ) -> Float[Tensor, "B C 2*H 2*W"]:
        ctx.save_for_backward(features, weight)
        batch, n_features, height, width = features.shape
        rows = features.permute(0, 2, 3, 1).reshape(batch, height * width, n_features)
        # each pixel of the feature map paints a 4x4 patch of the image; patches overlap and add
        patches = weight.reshape(n_features, -1).t() @ rows.transpose(1, 2)
        size = (_STRIDE * height, _STRIDE * width)
        image = F.fold(patches, size, _KERNEL, padding=_PADDING, stride=_STRIDE)
        return image.add_(bias.view(-1, 1, 1))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        features, weight = ctx.saved_tensors
        gradients: tuple[Tensor, ...] = torch.ops.aten.convolution_backward(
            grads[0], features, weight, [weight.shape[1]],
            [_STRIDE] * 2, [_PADDING] * 2, [1, 1], True, [0, 0], 1, ctx.needs_input_grad,
        )  # fmt: skip
        return gradients
