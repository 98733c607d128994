"""Every architecture keeps the contract, and has as many parameters as its paper."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

import disvae
from disvae.errors import UserError
from disvae.models.architecture import Architecture
from disvae.models.registry import ARCHITECTURES, find
from disvae.models.vae import VAE
from disvae.testing.models import check_architecture
from tests.models import normalised


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_contract(name):
    architecture = find(name)
    assert architecture.name == name
    check_architecture(architecture)


@pytest.mark.parametrize(
    ("name", "shape", "counted"),
    [
        ("Burgess", (1, 64, 64), 502_005),
        ("Burgess", (3, 64, 64), 504_055),
        ("MLP", (1, 64, 64), 14_196_516),
        ("Locatello", (1, 64, 64), 690_517),
        ("Locatello", (3, 64, 64), 692_567),
    ],
)
def test_parameters_are_as_many_as_in_the_papers(name, shape, counted):
    vae = VAE(shape, 10, name)
    assert sum(parameter.numel() for parameter in vae.parameters()) == counted


def test_the_parts_of_the_network_of_the_2019_study():
    vae = VAE((1, 64, 64), 10, "Locatello")
    parts = [sum(p.numel() for p in part.parameters()) for part in (vae.encoder, vae.decoder)]
    assert parts == [309_204, 381_313]
    kernels = [layer.kernel_size for layer in vae.encoder if isinstance(layer, nn.Conv2d)]
    assert kernels == [(4, 4), (4, 4), (2, 2), (2, 2)]
    for layer in vae.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            assert not layer.bias.any()
    wide = vae.decoder[2].weight  # Glorot: sqrt(6 / (256 + 1024)) is its bound
    assert wide.abs().max() <= (6 / 1280) ** 0.5
    torch.testing.assert_close(wide.std(), torch.tensor((2 / 1280) ** 0.5), rtol=0.01, atol=0.0)


def test_the_linear_network_squashes_in_its_decoder_only():
    vae = VAE((1, 64, 64), 10, "MLP")
    kinds = [type(layer) for layer in vae.modules()]
    assert (kinds.count(nn.ReLU), kinds.count(nn.Tanh), kinds.count(nn.Linear)) == (2, 3, 7)
    torch.manual_seed(0)
    first = nn.Linear(4096, 1200)  # the first that is made starts as PyTorch's own does
    torch.manual_seed(0)
    assert torch.equal(VAE((1, 64, 64), 10, "MLP").encoder[1].weight, first.weight)


def test_a_residual_block_adds_to_what_comes_in():
    from disvae.models.resnet import Residual

    features = torch.randn(2, 3, 4, 4)
    assert torch.equal(Residual(nn.Identity())(features), 2 * features)


def test_an_unknown_architecture_is_one_sentence():
    with pytest.raises(UserError, match="no model 'GAN'; choose among Burgess, MLP, Locatello"):
        disvae.VAE((1, 64, 64), 10, "GAN")


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("Locatello", (1, 32, 32), "of 64x64 pixels, not 32x32; resize .* nearest, 64x64"),
        ("MLP", (1, 256, 256), "of 32x32 or 64x64 pixels, not 256x256"),
        ("MLP", (1024, 64, 64), "of 1 to 3 channels, not 1024"),
        ("ResNet", (1, 64, 128), "of 32x32, 64x64, 128x128 or 256x256 pixels, not 64x128"),
        ("Burgess", (0, 64, 64), "of 1 to 1024 channels, not 0"),
    ],
)
def test_images_that_an_architecture_is_not_made_for_are_refused(name, shape, said):
    with pytest.raises(UserError, match=said):
        VAE(shape, 10, name)


def test_the_table_is_read_without_pytorch():
    script = (
        "import sys; from disvae.models.registry import ARCHITECTURES; assert ARCHITECTURES;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


class Pair(nn.Module):
    """An encoder that gives a pair of tensors."""

    def __init__(self, shape, latent_dim):
        super().__init__()
        pixels = shape[0] * shape[1] * shape[2]
        self.mean, self.logvar = nn.Linear(pixels, latent_dim), nn.Linear(pixels, latent_dim)

    def forward(self, images):
        return self.mean(images.flatten(1)), self.logvar(images.flatten(1))


def decoder(shape, latent_dim):
    return nn.Sequential(
        nn.Linear(latent_dim, shape[0] * shape[1] * shape[2]), nn.Unflatten(1, shape)
    )


PLAIN = Architecture("Plain", Pair, decoder, image_sizes=(32,))


def test_an_architecture_of_ones_own():
    check_architecture(PLAIN)
    check_architecture(normalised.ARCHITECTURE)
    posterior = disvae.VAE((1, 32, 32), 4, PLAIN).encode(torch.rand(2, 1, 32, 32))
    assert posterior.kl().shape == (2, 4)


class Unused(Pair):
    def __init__(self, shape, latent_dim):
        super().__init__(shape, latent_dim)
        self.forgotten = nn.Linear(2, 2)


class Noisy(Pair):
    def forward(self, images):
        return super().forward(images + torch.randn_like(images))


class Sociable(Pair):
    def forward(self, images):
        return super().forward(images - images.mean(0))


class Forgetful(Pair):
    """What it adds is in no state."""

    def __init__(self, shape, latent_dim):
        super().__init__(shape, latent_dim)
        self.shift = torch.randn(())

    def forward(self, images):
        return super().forward(images + self.shift)


class Wide(Pair):
    def forward(self, images):
        mean, logvar = super().forward(images)
        return mean, logvar.repeat(1, 2)


class Infinite(Pair):
    def forward(self, images):
        mean, logvar = super().forward(images)
        return mean, logvar + torch.inf


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        (Unused, "no gradient reaches encoder.forgotten.weight"),
        (Noisy, "differs from time to time"),
        (Sociable, "codes of an image depend on the others"),
        (Forgetful, "does not hold all that the output depends on"),
        (Wide, r"log variances have the shape \[3, 10\], not \[3, 5\]"),
        (Infinite, "log variances are not finite"),
    ],
)
def test_the_contract_finds_what_is_wrong(encoder, said):
    with pytest.raises(AssertionError, match=said):
        check_architecture(replace(PLAIN, encoder=encoder))


def test_the_contract_finds_weights_that_no_seed_decides():
    def initialise(layer):
        if isinstance(layer, nn.Linear):
            nn.init.constant_(layer.weight, next(counter))

    counter = iter(range(100))
    with pytest.raises(AssertionError, match="the same seed gives other weights"):
        check_architecture(replace(PLAIN, initialise=initialise))
