"""The contract of plots, for all of them and for some that break it."""

import numpy as np
import pytest
from PIL import Image

from disvae.plots.registry import PLOTS
from disvae.testing.plots import check_plot


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_keeps_the_contract(name, trained):
    check_plot(PLOTS[name].draw, trained)
    assert PLOTS[name].help.endswith(".")


def image(value):
    return Image.fromarray(np.full((4, 4), value, np.uint8))


def noise(*_, **__):
    return Image.fromarray(np.random.default_rng().integers(0, 255, (4, 4), np.uint8))


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (noise, "differs from one drawing"),
        (lambda *_, **__: image(3), "shows nothing"),
        (lambda *_, **__: [], "has no frames"),
        (lambda *_, **__: 3, "is no picture"),
    ],
)
def test_what_breaks_it_is_said(draw, said, trained):
    with pytest.raises(AssertionError, match=said):
        check_plot(draw, trained)
