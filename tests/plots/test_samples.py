"""Samples of data and model, and reconstructions, by their pixels."""

import numpy as np
import pytest
import torch

from disvae import plots
from disvae.data.prepare import load_dataset
from disvae.errors import UserError
from tests.plots.conftest import STRIDE, cell


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


def test_plots_of_one_seed_show_the_same_images(trained):
    options = {"n_rows": 4, "n_cols": 3, "seed": 8, "idcs": (2,)}
    data = plots.data_samples(trained, **options)
    reconstructed = plots.reconstruct(trained, **options)
    traversed = plots.reconstruct_traverse(trained, **options)
    row = (0, 0, 3 * STRIDE + 2, STRIDE)
    assert data.crop(row).tobytes() == reconstructed.crop(row).tobytes()
    assert data.crop(row).tobytes() == traversed.crop(row).tobytes()


def test_generated_samples_are_decoded_codes_of_the_prior(painted):
    first = plots.generate_samples(painted, n_rows=20, n_cols=20, seed=3)
    again = plots.generate_samples(painted, n_rows=20, n_cols=20, seed=3)
    other = plots.generate_samples(painted, n_rows=20, n_cols=20, seed=4)
    assert first.tobytes() == again.tobytes() != other.tobytes()
    codes = [
        (cell(first, row, col)[0, ::8] / 255 - 0.5) * 8 for row in range(20) for col in range(20)
    ]
    assert np.mean(codes) == pytest.approx(0, abs=0.1)  # 1600 codes: 4 standard errors
    assert np.std(codes) == pytest.approx(1, abs=0.1)


def test_colour_samples_of_a_white_dataset_have_black_lines(colour):
    picture = plots.generate_samples(colour, n_rows=2, n_cols=2, seed=0, upsample_factor=2)
    pixels = np.asarray(picture)
    assert pixels.shape == (2 * 66 + 2, 2 * 66 + 2, 3)
    assert (pixels[:2] == 0).all()
    assert (pixels[:, 66:68] == 0).all()


@pytest.mark.parametrize(
    ("draw", "options", "said"),
    [
        (plots.reconstruct, {"n_rows": 3}, "--n-rows must be even"),
        (plots.reconstruct, {"idcs": (100,)}, "--idcs: mnist has the images 0 to 99, not 100"),
        (plots.gif_traversals, {"n_rows": 4, "idcs": (100,)}, "--idcs: mnist has the images"),
        (plots.data_samples, {"idcs": (-1,)}, "--idcs: input should be greater"),
        (plots.data_samples, {"n_rows": 1, "n_cols": 1, "idcs": (1, 2)}, "room for 1"),
        (plots.data_samples, {"n_rows": 20}, "has only 100"),
        (plots.traversals, {"n_rows": 5}, "--n-rows can be at most 4"),
        (plots.reconstruct_traverse, {"n_rows": 5}, "--n-rows can be at most 4"),
        (plots.gif_traversals, {"n_rows": 5}, "--n-rows can be at most 4"),
        (plots.traversals, {"max_traversal": 0}, "--max-traversal: input should be greater"),
        (plots.traversals, {"max_traversal": -1}, "--max-traversal: input should be greater"),
        (plots.generate_samples, {"upsample_factor": 64, "n_rows": 90}, "lower --n-rows"),
        (plots.losses, {"format": "bmp"}, "--format: input should be"),
        (plots.traversals, {"depth": 1}, "there is no option 'depth'"),
    ],
)
def test_bad_input_is_one_sentence(trained, draw, options, said):
    with pytest.raises(UserError, match=said) as fault:
        draw(trained, **options)
    assert "\n" not in str(fault.value)


def test_a_dataset_of_another_shape_is_one_sentence(colour, data_dir, monkeypatch):
    monkeypatch.setattr(type(colour), "dataset", lambda *_: load_dataset("mnist", data_dir))
    with pytest.raises(UserError, match=r"trained on images of \(3, 32, 32\), but mnist"):
        plots.data_samples(colour)
