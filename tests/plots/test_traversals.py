"""Traversals, by their codes and pixels."""

import shutil
from statistics import NormalDist

import numpy as np
import pytest
import torch
from scipy import stats

import disvae
from disvae import plots
from disvae.data.prepare import load_dataset
from disvae.plots.walks import standard_normal, traversal_codes
from disvae.posterior import Posterior
from tests.plots.conftest import STRIDE, cell, grey


def test_a_row_varies_its_latent_only_from_minus_m_to_m():
    base = Posterior(torch.tensor([[0.3, -0.2, 0.7]]), torch.zeros(1, 3))
    codes = traversal_codes(base, np.array([2, 0]), n_cols=5, max_traversal=2.0)
    assert codes.shape == (2, 5, 3)
    values = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])
    torch.testing.assert_close(codes[0, :, 2], values)
    torch.testing.assert_close(codes[1, :, 0], values)
    torch.testing.assert_close(codes[0, :, :2], torch.tensor([[0.3, -0.2]]).expand(5, 2))
    torch.testing.assert_close(codes[1, :, 1:], torch.tensor([[-0.2, 0.7]]).expand(5, 2))


def test_quantiles_are_those_of_scipy_for_prior_and_posterior():
    extreme = traversal_codes(standard_normal(2), np.array([1]), 3, max_traversal=0.49999999)
    assert extreme[0, -1, 1] == pytest.approx(NormalDist().inv_cdf(0.99999999), rel=1e-5)
    prior = traversal_codes(standard_normal(2), np.array([1]), 3, max_traversal=0.45)
    np.testing.assert_allclose(prior[0, :, 1], [-1.645, 0, 1.645], atol=5e-4)
    mean, std = 0.4, 0.1
    posterior = Posterior(torch.tensor([[0.0, mean]]), torch.tensor([[0.0, 2 * np.log(std)]]))
    codes = traversal_codes(posterior, np.array([1]), 3, max_traversal=0.3)
    ends = stats.norm.ppf([0.2, 0.5, 0.8], loc=mean, scale=std)
    np.testing.assert_allclose(codes[0, :, 1], ends, rtol=1e-5)


def shows(picture, row, col, values):
    """Whether cell (row, col) is what `Painter` paints for four codes."""
    pixels = cell(picture, row, col).astype(int)
    painted = np.repeat([grey(value) for value in values], 8)
    return (abs(pixels - painted) <= 1).all()


def test_rows_are_ordered_by_kl_and_run_from_minus_m_to_m(painted):
    picture = plots.traversals(painted, n_rows=3, n_cols=5, max_traversal=3)
    for row, latent in enumerate([1, 3, 0]):
        for col, value in enumerate([-3, -1.5, 0, 1.5, 3]):
            assert shows(picture, row, col, np.where(np.arange(4) == latent, value, 0))


@pytest.mark.parametrize("m", [3, 0.4])
def test_posterior_traversals_start_from_the_first_image(painted, data_dir, m):
    picture = plots.traversals(
        painted, n_rows=4, n_cols=3, max_traversal=m, is_posterior=True, idcs=(7, 3)
    )
    image = load_dataset("mnist", data_dir).images([7]).float() / 255
    mean = -3 + 4 * float(image.mean())
    end = [-m, m] if m >= 0.5 else stats.norm.ppf([0.5 - m, 0.5 + m], loc=mean, scale=0.5)
    for row, latent in enumerate([1, 3, 0, 2]):
        for col, value in [(0, end[0]), (1, (end[0] + end[1]) / 2), (2, end[1])]:
            assert shows(picture, row, col, np.where(np.arange(4) == latent, value, mean))


def test_all_latents_are_shown_where_fewer_than_the_default_rows(painted):
    assert plots.traversals(painted).height == 4 * STRIDE + 2


def test_labels_name_latent_and_kl(painted):
    bare = plots.traversals(painted, n_rows=2)
    labelled = plots.traversals(painted, n_rows=2, is_show_loss=True)
    assert labelled.width > bare.width
    assert labelled.crop((0, 0, *bare.size)).tobytes() == bare.tobytes()
    assert plots.Opened(painted).row_label(1) == "z1: KL 3.00"


def test_without_a_log_the_order_comes_from_measured_kl(trained, tmp_path):
    copy = disvae.open_run(shutil.copytree(trained.path, tmp_path / "copy"))
    (copy.path / "train_losses.log").unlink()
    dataset = copy.dataset()
    with torch.inference_mode():
        kl = copy.model.encode(dataset.images(slice(None)).float() / 255).kl().mean(0)
    opened = plots.Opened(copy)
    np.testing.assert_allclose(opened.kl, kl, rtol=1e-5)
    assert plots.traversals(opened, n_rows=4, is_show_loss=True).height == 4 * STRIDE + 2


def test_reconstruct_traverse_has_originals_reconstructions_then_traversals(painted, data_dir):
    picture = plots.reconstruct_traverse(
        painted, n_rows=2, n_cols=3, idcs=(9, 4), is_posterior=True, max_traversal=1
    )
    assert picture.size == (3 * STRIDE + 2, 4 * STRIDE + 2)
    images = load_dataset("mnist", data_dir).images([9, 4])
    means = (-3 + 4 * (images / 255).mean((1, 2, 3))).tolist()
    for col in range(2):
        np.testing.assert_array_equal(cell(picture, 0, col), images[col, 0])
        assert shows(picture, 1, col, [means[col]] * 4)
    for col, value in enumerate([-1, 0, 1]):
        assert shows(picture, 2, col, [means[0], value, means[0], means[0]])
        assert shows(picture, 3, col, [means[0], means[0], means[0], value])


def test_reconstruct_traverse_traverses_the_prior_unless_told_otherwise(painted):
    picture = plots.reconstruct_traverse(painted, n_rows=1, n_cols=3, max_traversal=1)
    for col, value in enumerate([-1, 0, 1]):
        assert shows(picture, 2, col, [0, value, 0, 0])


def test_a_published_colour_run_needs_no_dataset_for_its_prior(shared):
    run = disvae.open_run(shared / "reference/legacy-runs/betaH_celeba")
    picture = plots.traversals(run, n_rows=10)
    assert picture.mode == "RGB"
    assert picture.size == (7 * 66 + 2, 10 * 66 + 2)
    assert picture.getpixel((0, 0)) == (0, 0, 0)  # a white dataset has black lines
    assert np.asarray(picture).std() > 20  # and faces between them
