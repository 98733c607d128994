"""Runs and models that the plot tests share."""

import numpy as np
import pytest
import torch

import disvae
from disvae.options import Options
from disvae.posterior import Posterior
from disvae.runs.folder import create_run

SIZE, STRIDE = 32, 34  # images of 32 pixels, 2 pixels between


def cell(picture, row, col):
    """Cut image (row, col) out of a grid."""
    top, left = 2 + row * STRIDE, 2 + col * STRIDE
    return np.asarray(picture)[top : top + SIZE, left : left + SIZE]


def grey(value):
    """The grey that `Painter` paints for a code."""
    return round(255 * (value / 8 + 0.5))


class Painter(torch.nn.Module):
    """A decoder that paints code j as the grey of column j of 4, and an encoder without secrets.

    The posterior mean of every code is -3 + 4 times the mean pixel, its width 0.5.
    """

    image_shape = (1, SIZE, SIZE)
    latent_dim = 4

    def decode(self, codes):
        columns = (codes / 8 + 0.5).repeat_interleave(8, dim=1)
        return columns.view(-1, 1, 1, SIZE).expand(-1, 1, SIZE, SIZE)

    def encode(self, images):
        mean = -3 + 4 * images.mean((1, 2, 3)).view(-1, 1).expand(-1, 4)
        return Posterior(mean, torch.full_like(mean, 2 * np.log(0.5)))


@pytest.fixture
def painted(trained, monkeypatch):
    """A run whose model is a `Painter`; by KL its latents are ordered 1, 3, 0, 2."""
    run = disvae.open_run(trained.path)
    losses = {f"kl_loss_{j}": np.array([9.0, kl]) for j, kl in enumerate([0.5, 3.0, 0.1, 2.0])}
    monkeypatch.setattr(type(run), "losses", losses)
    run.model = Painter()
    return run


@pytest.fixture(scope="session")
def colour(tmp_path_factory):
    """An untrained colour run on a white background, of a dataset that is not there."""
    options = Options(dataset="celeba", loss="VAE", latent_dim=4)
    path = tmp_path_factory.mktemp("colour") / "colour"
    run = create_run(path, options, {}, {"img_size": [3, SIZE, SIZE], "background": "white"})
    torch.manual_seed(0)
    run.write_model(disvae.VAE((3, SIZE, SIZE), 4))
    kl = {f"kl_loss_{j}": 4.0 - j for j in range(4)}
    run.write_log(
        "train_losses.log",
        dict(
            enumerate(
                [{"recon_loss": 300.0 / epoch, "kl_loss": 10.0, **kl} for epoch in (1, 2, 40)]
            )
        ),
    )
    return run
