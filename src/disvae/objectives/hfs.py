"""Hausdorff factorised support (Roth et al. 2023), on beta-VAE and on beta-TCVAE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from disvae.objectives.beta_vae import BetaVAE
from disvae.objectives.objective import Moment
from disvae.objectives.tc_vae import TCVAE
from disvae.types import Count, Weight

if TYPE_CHECKING:
    from disvae.objectives.objective import Images, Terms
    from disvae.posterior import VAEOutput

_EVALUATED = 64  # images of an evaluation batch; the distance depends on how many there are
_PAPER = "Roth et al. 2023, Disentanglement of Correlated Factors via Hausdorff Factorized Support"
_G_HELP = "Weight of the factorised support's distance (gamma in the paper)."
_PAIRS_HELP = "Pairs of latents that a step compares, drawn at random."


class HFS(BetaVAE):
    """``recon + a * (B * KL + G * HFS)`` (Roth et al. 2023, equation 6).

    HFS is, for a pair of latents, the squared distance of that combination of two images' means
    which lies farthest from all images of the batch; summed over pairs. It asks that every
    combination occur, not that latents be independent, so it suits data whose factors are
    correlated. The maximum over all B^2 combinations is exact; its gradient reaches the combined
    means and the nearest image. What is annealed (a) are both weights.

    Published: B in 0 to 16, G in 0.1 to 10^4 by tens; Shapes3D B = 0, G = 300; 25 pairs, batch 64,
    Adam 1e-4, 300,000 steps. With B = 0 smaller means are nearer too. The value grows with the
    square of the means' scale and falls with B: normal codes give 3.2 a pair at batch 64.
    """

    name: ClassVar = "hfs"
    title: ClassVar = "HFS"
    paper: ClassVar = _PAPER
    cost: ClassVar = 1.1
    min_batch: ClassVar = 2
    random_batches: ClassVar = True

    B: Annotated[Weight, "Weight of the KL (beta in the paper)."] = 1
    G: Annotated[Weight, _G_HELP] = 100
    pairs: Annotated[Count, _PAIRS_HELP] = 25

    def terms(self, output: VAEOutput, images: Images, at: Moment) -> Terms:
        """Compute ``loss, recon_loss, kl_loss, kl_loss_j, hfs_loss``."""
        terms = super().terms(output, images, at)
        return _with_distance(terms, output, at, self.G, self.pairs)


class HFSTC(TCVAE):
    """``recon + A * MI + a * B * TC + G * DWKL + a * W * HFS`` (Roth et al. 2023, appendix).

    As `HFS`, beside the terms of beta-TCVAE. What is annealed (a) are the weights of TC and HFS.

    Published: B = 6, W in 0.01 to 10^4 by tens.
    """

    name: ClassVar = "hfstc"
    title: ClassVar = "HFS on beta-tcvae"
    paper: ClassVar = _PAPER
    cost: ClassVar = 1.1
    random_batches: ClassVar = True

    W: Annotated[Weight, _G_HELP] = 100
    pairs: Annotated[Count, _PAIRS_HELP] = 25

    def terms(self, output: VAEOutput, images: Images, at: Moment) -> Terms:
        """Compute the terms of beta-TCVAE, and ``hfs_loss``."""
        terms = super().terms(output, images, at)
        return _with_distance(terms, output, at, self.W, self.pairs)


def _with_distance(terms: Terms, output: VAEOutput, at: Moment, weight: float, most: int) -> Terms:
    """Add the distance; in evaluation that of all pairs, scaled to as many as training draws."""
    import torch

    from disvae.objectives.support import support_distances

    means = output.posterior.mean
    pairs = torch.combinations(torch.arange(means.shape[1], device=means.device))
    drawn = min(most, len(pairs))
    if at.step:
        pairs = pairs[torch.randperm(len(pairs))[:drawn].to(means.device)]
    else:
        means = means[:_EVALUATED]
    distances = support_distances(means, pairs)
    hfs = distances.sum() * drawn / max(1, len(pairs))
    return {**terms, "loss": terms["loss"] + at.progress * weight * hfs, "hfs_loss": hfs}
