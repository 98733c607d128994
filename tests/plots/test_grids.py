"""Grids of images and labels, by their pixels."""

import numpy as np
import pytest
import torch

from disvae.errors import UserError
from disvae.plots.grids import check_size, image_grid


@pytest.mark.parametrize(("background", "padding"), [("black", 255), ("white", 0)])
@pytest.mark.parametrize("channels", [1, 3])
def test_grid_places_images_and_pads_in_the_opposite_colour(background, padding, channels):
    images = torch.rand(2, 3, channels, 5, 4)
    pixels = np.asarray(image_grid(images, background).to_image())
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
    pixels = np.asarray(image_grid(image, "black", upsample_factor=3).to_image())
    np.testing.assert_array_equal(
        pixels[2:-2, 2:-2], np.kron([[0, 255], [255, 0]], np.ones((3, 3)))
    )


@pytest.mark.parametrize("factor", [1, 2, 4])
@pytest.mark.parametrize("background", ["black", "white"])
def test_labels_stand_beside_their_rows_and_never_over_images(factor, background):
    images = torch.rand(3, 2, 1, 32, 32)
    bare = np.asarray(image_grid(images, background, factor).to_image())
    labels = ["z1: KL 2.50", "", "z0: KL 0.10"]
    labelled = np.asarray(image_grid(images, background, factor, labels).to_image())
    np.testing.assert_array_equal(labelled[:, : bare.shape[1]], bare)
    page = 255 if background == "black" else 0
    margin = abs(labelled[:, bare.shape[1] :].astype(int) - page)
    height = 32 * factor + 2
    ink = [margin[2 + row * height :][: height - 2] > 128 for row in range(3)]
    assert ink[0].sum() > 50
    assert ink[1].sum() == 0
    assert ink[2].sum() > 50
    assert (margin[:, -3:] == 0).all()  # nothing is cut at the edge
    tall = np.flatnonzero(ink[0].any(1))
    assert tall[-1] - tall[0] >= 7  # legible, even beside the smallest images


@pytest.mark.parametrize(
    ("shape", "factor", "said"),
    [((2, 32, 32), 1, "but these have 2"), ((1, 64, 64), 64, "the picture would have|at most")],
)
def test_what_cannot_be_drawn_is_refused_before_it_fills_the_memory(shape, factor, said):
    with pytest.raises(UserError, match=said):
        check_size(shape, 6, 7, factor)
