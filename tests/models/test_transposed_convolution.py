"""The fast layer is the transposed convolution of PyTorch."""

import pytest
import torch
from torch import nn

from disvae.models.transposed_convolution import TransposedConvolution


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_agree_with_pytorchs_layer(channels, memory_format):
    torch.manual_seed(0)
    ours, theirs = TransposedConvolution(8, channels), nn.ConvTranspose2d(8, channels, 4, 2, 1)
    theirs.load_state_dict(ours.state_dict())
    features = torch.randn(5, 8, 6, 7).to(memory_format=memory_format).requires_grad_()
    copy = features.detach().clone().requires_grad_()
    image, exact = ours(features), theirs(copy)
    torch.testing.assert_close(image, exact)

    outward = torch.randn_like(exact)
    image.backward(outward)
    exact.backward(outward)
    torch.testing.assert_close(features.grad, copy.grad)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)


def test_gradients_against_finite_differences():
    torch.manual_seed(0)
    layer = TransposedConvolution(2, 1).double()
    features = torch.randn(2, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    parameters = (layer.weight, layer.bias)

    def image(features, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (features,))

    assert torch.autograd.gradcheck(image, (features, *parameters))
