"""Estimates that objectives make from one batch: the log densities of sampled codes."""

import functools
import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from disvae.objectives.terms import gaussian_log_density
from disvae.posterior import Posterior

_ROWS = 64  # codes at once: large evaluation batches stay within the cache


class LogDensities(NamedTuple):
    """Log densities of sampled codes, in nats."""

    given_image: Float[Tensor, "B"]  # log q(z|x), of each code under its own image's posterior
    aggregate: Float[Tensor, "B"]  # log q(z), under the mixture over the whole dataset
    marginals: Float[Tensor, "B"]  # log prod_j q(z_j)
    prior: Float[Tensor, "B"]  # log p(z)


def log_densities(codes: Float[Tensor, "B D"], posterior: Posterior, n_data: int) -> LogDensities:
    """Estimate the four log densities of `codes`, one sample of each image's posterior.

    Minibatch stratified sampling (Chen et al. 2018, appendix C.2): the posteriors of
    the batch stand for those of all `n_data` images, each with a weight. The weight is
    counted once for log q(z), after the sum over dimensions, and once for each log q(z_j).
    """
    log_weights = stratified_log_weights(len(codes), n_data, codes.dtype, codes.device)
    blocks = zip(torch.split(codes, _ROWS), torch.split(log_weights, _ROWS), strict=True)
    parts = [_log_mixtures(rows, posterior, row_weights) for rows, row_weights in blocks]
    aggregate, marginals = (torch.cat(part) for part in zip(*parts, strict=True))
    zero = codes.new_zeros(())
    return LogDensities(
        given_image=gaussian_log_density(codes, posterior.mean, posterior.logvar).sum(1),
        aggregate=aggregate,
        marginals=marginals,
        prior=gaussian_log_density(codes, zero, zero).sum(1),
    )


def _log_mixtures(
    codes: Float[Tensor, "R D"], posterior: Posterior, log_weights: Float[Tensor, "R B"]
) -> tuple[Float[Tensor, "R"], Float[Tensor, "R"]]:
    """Log of the weighted mixture of the posteriors at `codes`: joint, and product of marginals."""
    # [r, j, d]: code r under the posterior of image j
    pairwise = gaussian_log_density(
        codes.unsqueeze(1), posterior.mean.unsqueeze(0), posterior.logvar.unsqueeze(0)
    )
    joint = torch.logsumexp(pairwise.sum(2) + log_weights, 1)
    marginals = torch.logsumexp(pairwise + log_weights.unsqueeze(2), 1).sum(1)
    return joint, marginals


@functools.lru_cache(maxsize=8)
@torch.inference_mode(False)  # so that what evaluation made serves training too
def stratified_log_weights(
    batch_size: int, n_data: int, dtype: torch.dtype, device: torch.device
) -> Float[Tensor, "B B"]:
    """Log of the weights that make the batch an unbiased estimate of the mixture over the data.

    For code i of image i: the own image counts 1/N; each of the M = B - 1 others is one of
    the N - 1 other images with equal chance (N is at least B). Chen et al. give one of them the
    weight (N - M) / (N M) and the rest 1/M, so that a row sums to one. A batch of one image has
    nothing else to show and stands for the whole mixture.
    """
    if batch_size == 1:
        return torch.zeros(1, 1, dtype=dtype, device=device)
    others = batch_size - 1
    weights = torch.full((batch_size, batch_size), -math.log(others), dtype=dtype)
    row = torch.arange(batch_size)
    weights[row, row] = -math.log(n_data)
    weights[row, (row + 1) % batch_size] = math.log((n_data - others) / (n_data * others))
    return weights.to(device)
