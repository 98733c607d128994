"""Plots, by their pixels."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

import disvae
from disvae import plots
from disvae.cli import main
from disvae.data import load_dataset
from disvae.errors import UserError
from disvae.plots.animations import write_gif
from disvae.plots.grids import image_grid
from disvae.plots.traversals import standard_normal, traversal_codes
from disvae.posterior import Posterior

SIZE, STRIDE = 32, 34  # images of 32 pixels, 2 pixels between


def cell(picture, row, col):
    top, left = 2 + row * STRIDE, 2 + col * STRIDE
    return np.asarray(picture)[top : top + SIZE, left : left + SIZE]


@pytest.mark.parametrize(("background", "padding"), [("black", 255), ("white", 0)])
@pytest.mark.parametrize("channels", [1, 3])
def test_grid_places_images_and_pads_in_the_opposite_colour(background, padding, channels):
    images = torch.rand(2, 3, channels, 5, 4)
    pixels = np.asarray(image_grid(images, background))
    assert pixels.shape[:2] == (2 * 7 + 2, 3 * 6 + 2)
    expected = (images * 255).round().byte().movedim(2, -1).numpy()
    covered = np.zeros(pixels.shape[:2], bool)
    for row in range(2):
        for col in range(3):
            place = (slice(2 + 7 * row, 7 + 7 * row), slice(2 + 6 * col, 6 + 6 * col))
            np.testing.assert_array_equal(pixels[place], expected[row, col].squeeze())
            covered[place] = True
    assert (pixels[~covered] == padding).all()


def test_grid_upsamples_each_pixel_to_a_square():
    image = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).view(1, 1, 1, 2, 2)
    pixels = np.asarray(image_grid(image, "black", upsample_factor=3))
    np.testing.assert_array_equal(
        pixels[2:-2, 2:-2], np.kron([[0, 255], [255, 0]], np.ones((3, 3)))
    )


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_labels_stand_beside_their_rows_and_never_over_images(factor):
    images = torch.rand(3, 2, 1, 32, 32)
    bare = np.asarray(image_grid(images, "black", factor))
    labelled = np.asarray(image_grid(images, "black", factor, ["z1: KL 2.50", "", "z0: KL 0.10"]))
    np.testing.assert_array_equal(labelled[:, : bare.shape[1]], bare)
    margin = labelled[:, bare.shape[1] :]
    height = 32 * factor + 2
    ink = [(margin[2 + row * height :][: height - 2] < 128).sum() for row in range(3)]
    assert ink[0] > 50
    assert ink[1] == 0
    assert ink[2] > 50
    assert (margin[:, -3:] == 255).all()  # nothing is cut at the edge


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
    prior = traversal_codes(standard_normal(2), np.array([1]), 3, max_traversal=0.45)
    np.testing.assert_allclose(prior[0, :, 1], [-1.645, 0, 1.645], atol=5e-4)
    mean, std = 0.4, 0.1
    posterior = Posterior(torch.tensor([[0.0, mean]]), torch.tensor([[0.0, 2 * np.log(std)]]))
    codes = traversal_codes(posterior, np.array([1]), 3, max_traversal=0.3)
    ends = stats.norm.ppf([0.2, 0.5, 0.8], loc=mean, scale=std)
    np.testing.assert_allclose(codes[0, :, 1], ends, rtol=1e-5)


class Painter(torch.nn.Module):
    """A decoder that paints code j as the grey of column j."""

    image_shape = (1, SIZE, SIZE)

    def decode(self, codes):
        grey = (codes / 8 + 0.5).repeat_interleave(8, dim=1)
        return grey.view(-1, 1, 1, SIZE).expand(-1, 1, SIZE, SIZE)


def test_traversal_rows_are_ordered_by_kl_and_run_from_minus_m_to_m(trained, monkeypatch):
    losses = {f"kl_loss_{j}": np.array([0.0, kl]) for j, kl in enumerate([0.5, 3.0, 0.1, 2.0])}
    run = disvae.open_run(trained.path)
    monkeypatch.setattr(type(run), "losses", losses)
    run.model = Painter()
    picture = plots.traversals(run, n_rows=3, n_cols=5, max_traversal=3)
    for row, latent in enumerate([1, 3, 0]):
        for col, value in enumerate([-3, -1.5, 0, 1.5, 3]):
            pixels = cell(picture, row, col)
            for j in range(4):
                grey = round(255 * ((value if j == latent else 0) / 8 + 0.5))
                assert abs(int(pixels[0, 8 * j]) - grey) <= 1
                assert (pixels[:, 8 * j : 8 * j + 8] == pixels[0, 8 * j]).all()


def test_posterior_traversals_start_from_the_chosen_image(trained, data_dir):
    picture = plots.traversals(
        trained, n_rows=2, n_cols=3, max_traversal=1e-6 + 0.5, is_posterior=True, idcs=(7,)
    )
    assert picture.size == (3 * STRIDE + 2, 2 * STRIDE + 2)
    # with a quantile of almost nothing, every column is the reconstruction of image 7
    still = plots.traversals(
        trained, n_rows=4, n_cols=3, max_traversal=1e-6, is_posterior=True, idcs=(7,)
    )
    image = load_dataset("mnist", data_dir).images([7]).float() / 255
    with torch.inference_mode():
        exact = (trained.model(image).logits.sigmoid() * 255).round()[0, 0].numpy()
    for row in range(4):
        np.testing.assert_allclose(cell(still, row, 1), exact, atol=1)


def test_without_a_log_the_order_comes_from_measured_kl(trained, tmp_path):
    copy = disvae.open_run(shutil.copytree(trained.path, tmp_path / "copy"))
    (copy.path / "train_losses.log").unlink()
    picture = plots.traversals(copy, n_rows=4, is_show_loss=True)
    assert picture.height == 4 * STRIDE + 2


def test_reconstruct_has_originals_above_and_named_images_first(trained, data_dir):
    picture = plots.reconstruct(trained, n_rows=4, n_cols=3, idcs=(9, 4), seed=1)
    images = load_dataset("mnist", data_dir).images([9, 4])
    np.testing.assert_array_equal(cell(picture, 0, 0), images[0, 0])
    np.testing.assert_array_equal(cell(picture, 0, 1), images[1, 0])
    with torch.inference_mode():
        exact = trained.model(images.float() / 255).logits.sigmoid() * 255
    np.testing.assert_allclose(cell(picture, 2, 0), exact[0, 0].round(), atol=1)
    np.testing.assert_allclose(cell(picture, 2, 1), exact[1, 0].round(), atol=1)


def test_data_samples_are_distinct_images_of_the_dataset_by_seed(trained, data_dir):
    first = plots.data_samples(trained, n_rows=3, n_cols=4, seed=3, idcs=(5,))
    again = plots.data_samples(trained, n_rows=3, n_cols=4, seed=3, idcs=(5,))
    other = plots.data_samples(trained, n_rows=3, n_cols=4, seed=4, idcs=(5,))
    assert first.tobytes() == again.tobytes() != other.tobytes()
    dataset = load_dataset("mnist", data_dir)
    known = {image.numpy().tobytes(): i for i, image in enumerate(dataset.images(slice(0, 100)))}
    shown = [known[np.ascontiguousarray(cell(first, i // 4, i % 4)).tobytes()] for i in range(12)]
    assert shown[0] == 5
    assert len(set(shown)) == 12


@pytest.mark.parametrize(
    ("draw", "options", "said"),
    [
        (plots.reconstruct, {"n_rows": 3}, "--n-rows must be even"),
        (plots.reconstruct, {"idcs": (100,)}, "--idcs: mnist has the images 0 to 99, not 100"),
        (plots.data_samples, {"n_rows": 1, "n_cols": 1, "idcs": (1, 2)}, "room for 1"),
        (plots.data_samples, {"n_rows": 20}, "has only 100"),
        (plots.traversals, {"n_rows": 5}, "--n-rows can be at most 4"),
        (plots.traversals, {"max_traversal": 0}, "--max-traversal: input should be greater"),
        (plots.traversals, {"depth": 1}, "there is no option 'depth'"),
    ],
)
def test_bad_input_is_one_sentence(trained, draw, options, said):
    with pytest.raises(UserError, match=said):
        draw(trained, **options)


def test_the_command_writes_the_documented_files_or_none(trained, tmp_path, capsys):
    shutil.copytree(trained.path, tmp_path / "run")
    before = set((tmp_path / "run").iterdir())
    arguments = ["plot", "run", "data-samples", "reconstruct", "traversals", "-s", "1",
                 "--results-dir", str(tmp_path)]  # fmt: skip
    assert main([*arguments, "-r", "3"]) == 2  # odd rows for reconstruct
    assert set((tmp_path / "run").iterdir()) == before
    assert main([*arguments, "-r", "4", "-i", "1", "2"]) == 0
    assert (
        main(["plot", "run", "all", "-r", "4", "--is-posterior", "--results-dir", str(tmp_path)])
        == 0
    )
    new = {path.name for path in set((tmp_path / "run").iterdir()) - before}
    assert new == {
        "data_samples.png", "reconstruct.png", "prior_traversals.png", "posterior_traversals.png",
    }  # fmt: skip


def test_gif_keeps_frames_greys_and_speed(tmp_path):
    frames = [Image.fromarray(np.full((8, 8), 20 * i, np.uint8)) for i in range(5)]
    write_gif(tmp_path / "film.gif", frames, frames_per_second=10)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 5
        for i in range(5):
            film.seek(i)
            assert film.info["duration"] == 100
            assert film.convert("L").getpixel((0, 0)) == 20 * i
