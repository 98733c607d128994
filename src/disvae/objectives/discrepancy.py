"""The squared maximum mean discrepancy of two samples (Gretton et al. 2012)."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # Tolstikhin et al. 2018, its code


def squared_mmd(
    codes: Float[Tensor, "B D"],
    prior: Float[Tensor, "B D"],
    kernel: Literal["imq", "rbf"],
    bandwidth: float = 1.0,
) -> Float[Tensor, ""]:
    """Estimate MMD^2 without bias (Gretton et al. 2012, lemma 6); it may be negative.

    Of fewer than 2 draws it is 0. Kernels are ``rbf``, ``exp(-r^2 / (2 g))`` with
    ``g = D bandwidth^2``, and ``imq``, the sum over s from 0.1 to 10 of ``C / (C + r^2)`` with
    ``C = 2 s D bandwidth^2``; the bandwidth is the standard deviation of the prior that the scale
    is made for.
    """
    count, dims = codes.shape
    if count < 2:
        return codes.new_zeros(())
    scale = 2 * dims * bandwidth**2

    def mean(first: Tensor, second: Tensor, same: bool) -> Tensor:
        squared = _squared_distances(first, second)
        if kernel == "rbf":
            values = torch.exp(-squared / scale)
            at_zero = 1.0
        else:
            values = sum((s * scale / (s * scale + squared) for s in _SCALES), squared * 0)
            at_zero = float(len(_SCALES))
        if same:  # without the pairs of one with itself
            return (values.sum() - count * at_zero) / (count * (count - 1))
        return values.mean()

    within = mean(codes, codes, True) + mean(prior, prior, True)
    return within - 2 * mean(codes, prior, False)


def _squared_distances(a: Float[Tensor, "M D"], b: Float[Tensor, "N D"]) -> Float[Tensor, "M N"]:
    squares = a.square().sum(1, keepdim=True) + b.square().sum(1)
    return (squares - 2 * a @ b.T).clamp_min(0)
