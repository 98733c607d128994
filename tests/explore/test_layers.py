"""The layers of a model compute what the model computes; what they cannot, is refused."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from disvae.explore.layers import InexpressibleError, _network, decoder_network, encoder_network
from disvae.models.registry import ARCHITECTURES
from disvae.models.vae import VAE


def layers_of(module, shape):
    probes = torch.randn(4, *shape, generator=torch.Generator().manual_seed(1))
    return _network(module.eval(), probes, module), probes


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 64, 64)])
def test_every_architecture_is_expressed(shape, architecture):
    torch.manual_seed(0)
    vae = VAE(shape, 7, architecture).eval()
    codes, images = torch.randn(3, 7), torch.rand(3, *shape)
    decoded = decoder_network(vae)(codes)
    torch.testing.assert_close(decoded, vae.decode(codes), atol=1e-6, rtol=1e-5)
    encoded = encoder_network(vae)(images)
    expected = torch.cat(list(vae.encode(images)), dim=1)
    torch.testing.assert_close(encoded, expected, atol=1e-5, rtol=1e-5)


class Residual(nn.Module):
    """A block as residual networks have it."""

    def __init__(self, norm):
        super().__init__()
        self.first, self.second = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.norm, self.short = norm(8), nn.Conv2d(8, 8, 1)

    def forward(self, x):
        hidden = F.leaky_relu(self.first(self.norm(x)), 0.2, inplace=True)
        return 0.5 * (1 - self.short(x)) + self.second(hidden) / 3 - 0.1


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, lambda n: nn.GroupNorm(4, n)])
@pytest.mark.parametrize("act", [nn.ReLU, nn.Tanh, nn.SiLU, nn.GELU, nn.ELU, nn.Softplus])
def test_residual_blocks_norms_and_activations(norm, act):
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Linear(5, 128), nn.LayerNorm(128), act(), nn.Unflatten(1, (8, 4, 4)), Residual(norm),
        nn.Upsample(scale_factor=2), nn.ConvTranspose2d(8, 8, 3, 2, 1, 1), nn.AvgPool2d(2),
        Residual(norm), nn.Conv2d(8, 12, 3, 2, 1, dilation=1), nn.PixelShuffle(2), nn.Sigmoid(),
    )  # fmt: skip
    module(torch.randn(16, 5))  # running statistics of the norms
    network, probes = layers_of(module, (5,))
    torch.testing.assert_close(network(probes), module(probes), atol=1e-5, rtol=1e-4)


def test_a_way_without_modules():
    weight = torch.randn(6, 4)

    def module(x):
        left, right = (x @ weight.T).chunk(2, dim=1)
        return torch.cat([right * left, F.pad(left, (1, 1))], dim=1).view(len(x), 2, 4)

    probes = torch.randn(4, 4)
    network = _network(module, probes, module)
    torch.testing.assert_close(network(probes), module(probes))


@pytest.mark.parametrize(
    ("module", "shape", "why"),
    [
        (nn.Conv2d(4, 4, 1, groups=2), (4, 4, 4), "groups"),
        (nn.MaxPool2d(2), (4, 4, 4), "max_pool2d"),
        (nn.Softmax(1), (4,), "softmax"),
        (nn.LSTM(4, 4), (4,), "it uses the operation|does not depend|batch"),
    ],
)
def test_what_no_layer_stands_for_is_refused(module, shape, why):
    with pytest.raises(InexpressibleError, match=why):
        layers_of(module, shape)


def test_a_network_that_depends_on_values_is_refused():
    """The trace sees one way; the comparison finds that there is another."""

    def module(x):
        return x * 2 if len(x) == 1 else x * 3

    with pytest.raises(InexpressibleError, match="other values"):
        _network(module, torch.randn(4, 3), module)


def test_the_batch_must_not_be_mixed():
    def module(x):
        return x.flatten() * 2

    with pytest.raises(InexpressibleError, match="batch"):
        _network(module, torch.randn(4, 3), module)


def test_not_a_number_is_refused():
    vae = VAE((1, 32, 32), 3)
    with torch.no_grad():
        vae.decoder.lin1.weight *= 1e38
        vae.decoder.lin2.weight *= 1e5
    assert vae.decode(torch.randn(4, 3)).isnan().any()
    with pytest.raises(InexpressibleError):
        decoder_network(vae)
