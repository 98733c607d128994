"""How far a batch of codes is from having a support that is the product of its marginals."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

_AT_ONCE = 2**20  # distances held at a time


def support_distances(codes: Float[Tensor, "B D"], pairs: Int[Tensor, "P 2"]) -> Float[Tensor, "P"]:
    """Return the squared one-sided Hausdorff distance of product and joint support, by pair.

    For latents i, j: the maximum over images a, b of the minimum over images c of
    ``(z_ai - z_ci)^2 + (z_bj - z_cj)^2`` (Roth et al. 2023, equation 5). The search is exact and
    holds O(B^2) numbers a pair; the gradient is that of the three images found.
    """
    first, second, nearest = _farthest(codes.detach(), pairs)
    i, j = pairs.unbind(1)
    return (codes[first, i] - codes[nearest, i]).square() + (
        codes[second, j] - codes[nearest, j]
    ).square()


@torch.no_grad()
def _farthest(
    codes: Float[Tensor, "B D"], pairs: Int[Tensor, "P 2"]
) -> tuple[Int[Tensor, "P"], Int[Tensor, "P"], Int[Tensor, "P"]]:
    """Find the images a, b whose combination lies farthest from its nearest image c, and c."""
    count, _ = codes.shape
    squared = (codes.T.unsqueeze(2) - codes.T.unsqueeze(1)).square()  # [D, B, B]
    of_i, of_j = squared[pairs[:, 0]], squared[pairs[:, 1]]  # [P, B, B]
    rows = max(1, _AT_ONCE // max(1, of_j.numel()))  # images a at a time
    # [p, b]: the largest over a so far, and that a
    best, where = of_j.new_full(of_j.shape[:2], -1), pairs.new_zeros(of_j.shape[:2])
    for start in range(0, count, rows):
        part = of_i[:, start : start + rows].unsqueeze(2) + of_j.unsqueeze(1)  # [P, a, b, c]
        value, a = part.amin(3).max(1)
        where = torch.where(value > best, a + start, where)
        best = torch.maximum(best, value)
    second = best.argmax(1)
    pair = torch.arange(len(pairs), device=codes.device)
    first = where[pair, second]
    nearest = (of_i[pair, first] + of_j[pair, second]).argmin(1)
    return first, second, nearest
