"""The checks of shapes themselves: without them, wrong annotations would go unseen."""

import sys

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from disvae.metrics.arrays import standardised
from disvae.models.transposed_convolution import TransposedConvolution
from disvae.objectives.terms import gaussian_log_density, reconstruction
from tests.shapes import shaped_modules


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (standardised, [np.zeros(3)]),
        (standardised, [np.zeros((3, 2), dtype=int)]),
        (reconstruction, [torch.zeros(2, 1, 4, 4), torch.zeros(3, 1, 4, 4), "bernoulli"]),
        (gaussian_log_density, [torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(())]),
        (TransposedConvolution(2, 3).forward, [torch.zeros(2, 4, 4)]),
    ],
)
def test_a_wrong_shape_or_type_is_found_before_the_function_runs(function, arguments):
    with pytest.raises(TypeCheckError, match="checking the parameters"):
        function(*arguments)


def test_a_result_is_checked_against_the_arguments(monkeypatch):
    def keep(features, *_):
        return features

    monkeypatch.setattr("disvae.models.transposed_convolution._interleave", keep)
    layer = TransposedConvolution(1, 1).requires_grad_(False)
    with pytest.raises(TypeCheckError, match="checking the return value"):
        layer(torch.zeros(1, 1, 4, 4))


def test_every_module_that_annotates_shapes_is_checked():
    imported = {name for name in shaped_modules() if name in sys.modules}
    loaders = {type(sys.modules[name].__spec__.loader).__name__ for name in imported}
    assert len(imported) > 20
    assert loaders == {"_JaxtypingLoader"}
