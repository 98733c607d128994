"""What the trainer knows of an objective."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from disvae.objectives.terms import RecDist, Terms, annealed
from disvae.posterior import VAEOutput

Autoencoder = Callable[[Tensor], VAEOutput]


class Minimise(NamedTuple):
    """A loss, and the module whose parameters alone it may move."""

    loss: Float[Tensor, ""]
    module: nn.Module


class Objective(ABC):
    """What training minimises: a sum of named terms, in nats an image.

    Parameters
    ----------
    rec_dist
        Likelihood of a pixel: ``bernoulli``, ``gaussian`` or ``laplace``.
    reg_anneal
        Steps over which the regularisation grows from nothing to full; 0: full at once.

    Attributes
    ----------
    batches_per_step
        How many batches one training step takes: 2 for FactorVAE, else 1.
    """

    batches_per_step: ClassVar[int] = 1

    def __init__(self, rec_dist: RecDist = "bernoulli", reg_anneal: int = 0):
        self.rec_dist = rec_dist
        self.reg_anneal = reg_anneal

    @abstractmethod
    def terms(self, output: VAEOutput, images: Float[Tensor, "B C H W"], progress: float) -> Terms:
        """Compute all terms on one batch, ``loss`` first.

        Parameters
        ----------
        output
            What the VAE made of `images`.
        images
            Pixels in [0, 1].
        progress
            How far the annealing has come, 0 to 1.
        """

    def step(
        self, vae: nn.Module, images: Float[Tensor, "B C H W"], step: int
    ) -> tuple[list[Minimise], Terms]:
        """Return what the `step`-th training step (from 1) minimises, and its terms."""
        terms = self.terms(vae(images), images, self.progress(step))
        return [Minimise(terms["loss"], vae)], terms

    def evaluate(self, vae: Autoencoder, images: Float[Tensor, "B C H W"]) -> Terms:
        """Return the terms at full weight; nothing is to be minimised."""
        return self.terms(vae(images), images, progress=1.0)

    def progress(self, step: int) -> float:
        """How far the annealing has come at the `step`-th step (from 1), 0 to 1."""
        return annealed(0.0, 1.0, step, self.reg_anneal)
