"""What weights from elsewhere must be like."""

import pytest
import torch

from disvae.storage.tensors import require_like

FLOATS = torch.zeros(3)
COUNT = torch.tensor(7)


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        (FLOATS, torch.ones(3)),
        (FLOATS, torch.ones(3, dtype=torch.float64)),
        (FLOATS, torch.ones(3, dtype=torch.bfloat16)),
        (COUNT, torch.tensor(10**12)),
        (torch.tensor([True]), torch.tensor([False])),
    ],
)
def test_what_fits(expected, given):
    require_like({"a": given}, {"a": expected})


@pytest.mark.parametrize(
    ("expected", "given", "said"),
    [
        (FLOATS, torch.tensor([1, 2, 3]), "a is torch.int64, not torch.float32"),
        (FLOATS, torch.ones(3, dtype=torch.complex64), "a is torch.complex64, not torch.float32"),
        (FLOATS, torch.tensor([0, torch.nan, 0]), "a holds values that are not finite"),
        (FLOATS, torch.full((3,), 1e300, dtype=torch.float64), "not finite"),  # once converted
        (FLOATS, torch.ones(4), "another shape than \\[3\\]"),
        (FLOATS, [1.0, 2.0, 3.0], "another shape"),
        (COUNT, torch.tensor(7.0), "a is torch.float32, not torch.int64"),
        (COUNT, torch.tensor(7, dtype=torch.int32), "a is torch.int32, not torch.int64"),
        (COUNT, torch.tensor(True), "a is torch.bool, not torch.int64"),
        (COUNT, torch.tensor([7]), "another shape than \\[\\]"),
        (COUNT, 7, "another shape"),
    ],
)
def test_what_does_not(expected, given, said):
    with pytest.raises(ValueError, match=said):
        require_like({"a": given}, {"a": expected})


def test_other_names():
    with pytest.raises(ValueError, match="other names: "):
        require_like({"a": FLOATS}, {"b": FLOATS})
