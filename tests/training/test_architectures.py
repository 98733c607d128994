"""Each architecture learns, and its runs open, at each size that the others do not show."""

import colorsys

import numpy as np
import pytest
import torch

import disvae
from disvae.plots import animations


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """8 bright squares of all colours on white, 64 x 64, as a file of own images."""
    random = np.random.default_rng(0)
    images = np.full((8, 64, 64, 3), 255, np.uint8)
    for image in images:
        top, left = random.integers(0, 40, 2)
        colour = colorsys.hsv_to_rgb(random.uniform(), 0.8, 0.9)
        image[top : top + 24, left : left + 24] = np.multiply(colour, 255)
    path = tmp_path_factory.mktemp("own") / "shapes.npz"
    np.savez(path, images=images)
    return path


@pytest.mark.parametrize(
    ("model", "size", "rate"),
    [("Burgess", 128, 1e-3), ("Burgess", 256, 3e-3), ("MLP", 64, 3e-4), ("Locatello", 64, 1e-3),
     ("ResNet", 64, 1e-3), ("ResNet", 128, 1e-3)],
)  # fmt: skip
def test_the_loss_falls(model, size, rate, shapes, tmp_path, monkeypatch):
    monkeypatch.setattr(animations, "_SHEET_PIXELS", 20_000)  # films of colours take seconds
    run = disvae.train(
        "run", dataset=str(shapes), image_size=size, model_type=model, loss="VAE", lr=rate,
        epochs=2, batch_size=2, latent_dim=4, no_test=True, no_extend=True, device="cpu",
        no_progress_bar=True, data_dir=shapes.parent / "data", results_dir=tmp_path,
    )  # fmt: skip
    losses = run.losses["loss"]
    assert losses[-1] < 0.95 * losses[0]
    opened = disvae.open_run(run.path)
    assert opened.image_shape == (3, size, size)
    assert opened.model.decode(torch.zeros(2, 4)).shape == (2, 3, size, size)
