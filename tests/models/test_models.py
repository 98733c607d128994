"""The VAE, and the Burgess architecture: sizes, names of the weights, layouts."""

import pytest
import torch
from torch import nn

from disvae.errors import UserError
from disvae.models.vae import VAE
from disvae.objectives.discriminator import Discriminator

NAMES_64 = [
    f"{part}.{layer}.{kind}"
    for part, layers in {
        "encoder": ("conv1", "conv2", "conv3", "conv_64", "lin1", "lin2", "mu_logvar_gen"),
        "decoder": ("lin1", "lin2", "lin3", "convT_64", "convT1", "convT2", "convT3"),
    }.items()
    for layer in layers
    for kind in ("weight", "bias")
]


@pytest.mark.parametrize(
    ("shape", "published"), [((1, 64, 64), 502_005), ((1, 32, 32), 469_173), ((3, 64, 64), 504_055)]
)
def test_parameters_are_as_many_as_in_the_published_files(shape, published):
    vae = VAE(shape, 10)
    assert sum(p.numel() for p in vae.parameters()) == published
    names = [name for name in NAMES_64 if shape[1] == 64 or "_64" not in name]
    assert list(vae.state_dict()) == names


@pytest.mark.parametrize(("size", "more"), [(128, 1), (256, 2)])
def test_each_doubling_adds_a_stage(size, more):
    smaller, larger = VAE((1, 64, 64), 10).state_dict(), VAE((1, size, size), 10).state_dict()
    stages = larger.keys() - smaller.keys()
    names = ("encoder.conv", "decoder.convT")
    assert stages >= {f"{name}_{size}.weight" for name in names}
    assert len(stages) == more * 4
    assert all(larger[name].shape == smaller[name].shape for name in smaller)
    added = sum(larger[name].numel() for name in stages)
    assert added == more * 2 * (32 * 32 * 4 * 4 + 32)


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 32, 32), (1, 64, 64), (3, 64, 64)])
def test_shapes(shape):
    vae = VAE(shape, 7)
    output = vae(torch.rand(5, *shape))
    assert output.logits.shape == (5, *shape)
    assert output.posterior.mean.shape == output.posterior.logvar.shape == (5, 7)
    probabilities = vae.decode(output.sample)
    assert probabilities.shape == (5, *shape)
    torch.testing.assert_close(probabilities, torch.sigmoid(output.logits))


def test_mean_and_logvar_are_interleaved_in_the_last_layer():
    vae = VAE((1, 32, 32), 3)
    layer = vae.encoder.mu_logvar_gen
    nn.init.zeros_(layer.weight)
    layer.bias.data = torch.tensor([10.0, -1.0, 20.0, -2.0, 30.0, -3.0])
    posterior = vae.encode(torch.rand(1, 1, 32, 32))
    assert posterior.mean.tolist() == [[10, 20, 30]]
    assert posterior.logvar.tolist() == [[-1, -2, -3]]


def test_evaluation_decodes_the_mean_and_training_a_sample():
    vae = VAE((1, 32, 32), 3)
    images = torch.rand(2, 1, 32, 32)
    assert not torch.equal(vae(images).sample, vae(images).sample)
    vae.eval()
    output = vae(images)
    assert torch.equal(output.sample, output.posterior.mean)


def test_weights_start_kaiming_uniform():
    torch.manual_seed(0)
    bound = (6 / 512) ** 0.5  # gain sqrt(2), fan-in 32 * 4 * 4
    weight = VAE((1, 64, 64), 10).encoder.conv2.weight
    assert weight.abs().max() <= bound
    torch.testing.assert_close(weight.std(), torch.tensor(bound / 3**0.5), rtol=0.02, atol=0.0)


@pytest.mark.parametrize(
    ("shape", "nearest"), [((1, 28, 28), 32), ((3, 178, 178), 128), ((1, 64, 32), 64)]
)
def test_other_image_sizes_are_refused_with_the_nearest(shape, nearest):
    with pytest.raises(UserError, match=f"nearest, {nearest}x{nearest}"):
        VAE(shape, 10)


def test_discriminator_is_six_layers_of_1000_units():
    discriminator = Discriminator(10)
    assert discriminator.logits(torch.zeros(3, 10)).shape == (3, 2)
    wanted = (10 * 1000 + 1000) + 4 * (1000 * 1000 + 1000) + (1000 * 2 + 2)
    assert sum(p.numel() for p in discriminator.parameters()) == wanted
