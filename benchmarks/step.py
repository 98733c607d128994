"""One training step at batch 64, 1x64x64, next to a plain PyTorch loop and to the limit.

``python -m benchmarks.step [--rounds N] [--json FILE]``. The ratio is the plain loop's
time over each row's: above 1 is faster.
"""

import argparse
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from benchmarks.report import show, time_in_turn
from disvae.data import Dataset
from disvae.data.batches import batches, epoch_order
from disvae.data.dsprites import render_block
from disvae.data.store import Manifest, building
from disvae.options import resolve
from disvae.training.loop import accumulate_gradients
from disvae.training.setup import make_fabric, make_learners, make_objective

BATCH = 64
FLOPS_PER_IMAGE = 75e6  # forward and backward
_BLOCKS = 20


def sprites(folder: Path) -> Dataset:
    """Prepare some of dSprites."""
    manifest = Manifest(
        name="dsprites",
        image_shape=(1, 64, 64),
        splits={"train": 1024 * _BLOCKS},
        background="black",
        factors={},
        packed=True,
        source={},
    )
    with building(folder / "dsprites", manifest) as builder:
        for block in range(_BLOCKS):
            builder.append(render_block(36 * block))
    return Dataset(folder / "dsprites", manifest)


class SingleImages(TorchDataset[Tensor]):
    """One image at a time, as most training scripts have it."""

    def __init__(self, images: np.ndarray):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(self.images[index]).float().div(255)


def _down(channels: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, 32, 4, 2, 1), nn.ReLU()]


def _up() -> list[nn.Module]:
    return [nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU()]


def _dense(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.ReLU()]


class PlainVAE(nn.Module):
    """The same network, written as usual."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            *_down(1), *_down(32), *_down(32), *_down(32), nn.Flatten(), *_dense(512, 256),
            *_dense(256, 256), nn.Linear(256, 20),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            *_dense(10, 256), *_dense(256, 256), *_dense(256, 512), nn.Unflatten(1, (32, 4, 4)),
            *_up(), *_up(), *_up(), nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return probabilities, means and log variances."""
        mean, logvar = self.encoder(images).view(-1, 10, 2).unbind(-1)
        return self.decoder(mean + torch.exp(logvar / 2) * torch.randn_like(mean)), mean, logvar


def plain_step(dataset: Dataset) -> Callable[[], None]:
    """Make a function that does one step of the plain loop."""
    images = np.concatenate(
        [dataset.images(slice(i, i + 4096)) for i in range(0, len(dataset), 4096)]
    )
    loader = DataLoader(SingleImages(images), BATCH, shuffle=True, drop_last=True)
    stream = itertools.chain.from_iterable(itertools.repeat(loader))
    vae = PlainVAE()
    optimiser = torch.optim.Adam(vae.parameters(), lr=5e-4)

    def step() -> None:
        batch = next(stream)
        probabilities, mean, logvar = vae(batch)
        recon = F.binary_cross_entropy(probabilities, batch, reduction="sum") / BATCH
        kl = 0.5 * (logvar.exp() + mean.pow(2) - 1 - logvar).sum(1).mean()
        optimiser.zero_grad()
        (recon + kl).backward()
        optimiser.step()

    return step


def our_step(dataset: Dataset, loss: str) -> Callable[[], None]:
    """Make a function that does one step of this project's loop."""
    options = resolve({"dataset": "dsprites", "loss": loss, "device": "cpu"})
    fabric = make_fabric(options)
    learners = make_learners(fabric, options, dataset.image_shape)
    objective = make_objective(options, len(dataset), learners.discriminator)
    per_step = BATCH * objective.batches_per_step

    def endless() -> Iterator[Tensor]:
        for epoch in itertools.count():
            order = epoch_order(len(dataset), 0, epoch)[: len(dataset) // per_step * per_step]
            yield from batches(dataset, order, per_step, fabric.device)

    stream, count = endless(), itertools.count(1)

    def step() -> None:
        losses, terms = objective.step(learners.vae, next(stream), next(count))
        accumulate_gradients(fabric, losses)
        torch.stack([term.detach() for term in terms.values()])
        for optimiser in learners.optimisers:
            optimiser.step()
            optimiser.zero_grad()

    return step


def limit() -> Callable[[], None]:
    """Make matrix products of as many operations as a step: 2048 x 2048, float32."""
    left, right = torch.rand(2048, 2048), torch.rand(2048, 2048)
    rows = round(FLOPS_PER_IMAGE * BATCH / (2 * 2048 * 2048))  # 572 of the 2048

    def product() -> None:
        torch.mm(left[:rows], right)

    return product


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        dataset = sprites(Path(folder))
        contenders = {"plain PyTorch loop (VAE)": plain_step(dataset)}
        for loss in ("VAE", "betaB", "btcvae", "factor"):
            contenders[f"disvae {loss}"] = our_step(dataset, loss)
        contenders["limit: matrix product"] = limit()
        seconds = time_in_turn(contenders, arguments.rounds)
    show("Training step, batch 64, 1x64x64", seconds, "plain PyTorch loop (VAE)", arguments.json)


if __name__ == "__main__":
    main()
