"""What disvae is measured against: plain PyTorch loops, as most scripts have them.

The same networks in the default layout, sigmoid and BCE, a `DataLoader` over single images,
Adam with its defaults.
"""

import itertools
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from disvae.models.registry import find
from disvae.models.transposed_convolution import TransposedConvolution
from disvae.objectives.discriminator import Discriminator

LATENTS = 10


class SingleImages(TorchDataset[Tensor]):
    """One image at a time."""

    def __init__(self, images: UInt8[Tensor, "N C H W"]):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index].float().div(255)


def _down(channels: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, 32, 4, 2, 1), nn.ReLU()]


def _up() -> list[nn.Module]:
    return [nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU()]


def _dense(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.ReLU()]


class PlainVAE(nn.Module):
    """The Burgess VAE, written as usual."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        halvings = {32: 2, 64: 3}[size]  # between the first and the last
        down = [layer for _ in range(halvings) for layer in _down(32)]
        up = [layer for _ in range(halvings) for layer in _up()]
        self.encoder = nn.Sequential(
            *_down(channels), *down, nn.Flatten(), *_dense(512, 256), *_dense(256, 256),
            nn.Linear(256, 2 * LATENTS),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            *_dense(LATENTS, 256), *_dense(256, 256), *_dense(256, 512),
            nn.Unflatten(1, (32, 4, 4)), *up, nn.ConvTranspose2d(32, channels, 4, 2, 1),
            nn.Sigmoid(),
        )  # fmt: skip

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return codes, means and log variances."""
        mean, logvar = self.encoder(images).view(-1, LATENTS, 2).unbind(-1)
        return mean + torch.exp(logvar / 2) * torch.randn_like(mean), mean, logvar


def _stream(images: UInt8[Tensor, "N C H W"], batch_size: int) -> Iterator[Tensor]:
    loader = DataLoader(SingleImages(images), batch_size, shuffle=True, drop_last=True)
    return itertools.chain.from_iterable(itertools.repeat(loader))


def _negative_elbo(vae: PlainVAE, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss and the codes."""
    codes, mean, logvar = vae.encode(images)
    recon = F.binary_cross_entropy(vae.decoder(codes), images, reduction="sum") / len(images)
    kl = 0.5 * (logvar.exp() + mean.pow(2) - 1 - logvar).sum(1).mean()
    return recon + kl, codes


def vae_step(images: UInt8[Tensor, "N C H W"], batch_size: int) -> Callable[[], None]:
    """Make a function that does one step of a VAE."""
    stream = _stream(images, batch_size)
    vae = PlainVAE(images.shape[1], images.shape[2])
    optimiser = torch.optim.Adam(vae.parameters(), lr=5e-4)

    def step() -> None:
        loss, _ = _negative_elbo(vae, next(stream))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def factor_vae_step(images: UInt8[Tensor, "N C H W"], batch_size: int) -> Callable[[], None]:
    """Make a function that does one step of FactorVAE, on two batches (its algorithm 2)."""
    stream = _stream(images, 2 * batch_size)
    vae = PlainVAE(images.shape[1], images.shape[2])
    critic = Discriminator(LATENTS).layers
    optimiser = torch.optim.Adam(vae.parameters(), lr=1e-4)
    critic_optimiser = torch.optim.Adam(critic.parameters(), lr=5e-5, betas=(0.5, 0.9))
    real = torch.zeros(batch_size, dtype=torch.long)
    permuted = torch.ones_like(real)

    def step() -> None:
        first, second = next(stream).chunk(2)
        elbo, codes = _negative_elbo(vae, first)
        logits = critic(codes)
        loss = elbo + 6 * (logits[:, 0] - logits[:, 1]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

        other = vae.encode(second)[0].detach()
        order = torch.rand_like(other).argsort(0)
        fooled = critic(other.gather(0, order))
        guess = critic(codes.detach())
        critic_loss = 0.5 * (F.cross_entropy(guess, real) + F.cross_entropy(fooled, permuted))
        critic_optimiser.zero_grad()
        critic_loss.backward()  # type: ignore[no-untyped-call]
        critic_optimiser.step()

    return step


def architecture_step(
    images: UInt8[Tensor, "N C H W"], batch_size: int, name: str
) -> Callable[[], None]:
    """Make a function that does one step of an architecture in PyTorch's own layers and layout.

    To its favour, batches are taken from memory, and the loss is computed from logits.
    """
    architecture, shape = find(name), (images.shape[1], images.shape[2], images.shape[3])
    encoder = _in_pytorchs_layers(architecture.encoder(shape, LATENTS))
    decoder = _in_pytorchs_layers(architecture.decoder(shape, LATENTS))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=5e-4)

    def step() -> None:
        batch = images[torch.randint(len(images), (batch_size,))].float().div(255)
        mean, logvar = encoder(batch)
        logits = decoder(mean + torch.exp(logvar / 2) * torch.randn_like(mean))
        recon = F.binary_cross_entropy_with_logits(logits, batch, reduction="sum") / batch_size
        loss = recon + 0.5 * (logvar.exp() + mean.pow(2) - 1 - logvar).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def _in_pytorchs_layers(network: nn.Module) -> nn.Module:
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, TransposedConvolution):
                channels = layer.in_channels, layer.out_channels
                setattr(parent, name, nn.ConvTranspose2d(*channels, 4, 2, 1))
    return network
