"""What training knows of an objective: the frozen record of its options, and its terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from disvae.types import RecDist

if TYPE_CHECKING:  # the command line shows the options without PyTorch
    import numpy as np
    from jaxtyping import Float, Int
    from torch import Tensor, nn

    from disvae.posterior import Posterior, VAEOutput

    Images = Float[Tensor, "B C H W"]  # pixels in [0, 1]
    Terms = dict[str, Tensor]  # the named scalars of an objective


LIKELIHOOD = "likelihood"  # name of the critic that holds a learned scale


class Minimise(NamedTuple):
    """A loss, and the module whose parameters alone it may move; a ``ModuleList`` for several."""

    loss: Float[Tensor, ""]
    module: nn.Module


class Critic(NamedTuple):
    """A module beside the VAE that learns with it, by Adam with its own rate, or the VAE's."""

    module: nn.Module
    lr: float | None
    betas: tuple[float, float] = (0.9, 0.999)


class Moment(NamedTuple):
    """Where training stands when terms are computed, and what goes along with it.

    `n_images` are those of the training set, `progress` is that of the annealing, 0 to 1, and
    `step` counts from 1; in evaluation they are 1 and 0. `critics` are those of the objective, on
    their device (of a finished run, the likelihood at most), `state` is what
    `Objective.start_state` gave and training made of it, `factors` those of the batch, in
    training, if the objective needs them.
    """

    n_images: int
    progress: float = 1.0
    step: int = 0
    critics: Mapping[str, nn.Module] = {}
    state: Mapping[str, Tensor] = {}
    factors: Int[Tensor, "B K"] | None = None


class Objective(BaseModel, ABC):
    """What training minimises: a sum of named terms, in nats per image.

    A subclass declares its options as fields, each ``Annotated[type, "help"] = default``, and
    computes its `terms`. Nothing more is needed; what else it may state follows.

    `name` is as in ``-l NAME``; a class in a user's own file goes by its class name. `prefix` (by
    default the name) begins its options on the command line and in ``specs.json``: field ``B`` of
    ``btcvae`` is ``--btcvae-B`` and ``btcvae_B``, but for fields that are `unprefixed`. `title`
    (by default the prefix) heads them in the help; `paper` is where the objective comes from,
    `cost` the time of a step over that of betaH.

    A step takes `batches_per_step`, of at least `min_batch` images each; the epochs are as many
    times more. `group` images of a batch belong together, and stand side by side: 2 for pairs.
    If `order` or `step` read the factors, it `needs_factors`, and a dataset without them is
    refused. With `random_batches` a batch must stand for all images, as for a covariance; then
    test losses too are computed on batches drawn at random, always the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    name: ClassVar[str]
    prefix: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str] = ""
    cost: ClassVar[float | None] = None
    unprefixed: ClassVar[frozenset[str]] = frozenset()
    batches_per_step: ClassVar[int] = 1
    min_batch: ClassVar[int] = 1
    group: ClassVar[int] = 1
    needs_factors: ClassVar[bool] = False
    random_batches: ClassVar[bool] = False

    rec_dist: Annotated[RecDist, "Form of the likelihood to use for each pixel."] = "bernoulli"
    reg_anneal: Annotated[
        int,
        Field(ge=0, le=10**12),
        "Number of annealing steps where gradually adding the regularisation. "
        "What is annealed is specific to each loss.",
    ] = 0
    reg_schedule: Annotated[
        Literal["linear", "cyclical"],
        "Whether --reg-anneal rises once, or again and again: so many steps up, as many at full.",
    ] = "linear"

    def __init_subclass__(cls) -> None:
        cls.name = cls.__dict__.get("name", cls.__name__)
        cls.prefix = cls.__dict__.get("prefix", cls.name)
        cls.title = cls.__dict__.get("title", cls.prefix)

    @classmethod
    @cache
    def option_names(cls) -> dict[str, str]:
        """Return the option that each of its own fields is, by field."""
        own = [field for field in cls.model_fields if field not in Objective.model_fields]
        bare = cls.unprefixed
        return {field: field if field in bare else f"{cls.prefix}_{field}" for field in own}

    @abstractmethod
    def terms(self, output: VAEOutput, images: Images, at: Moment) -> Terms:
        """Compute all terms on one batch, ``loss`` first, each a scalar.

        `output` is what the VAE made of `images`, whose pixels lie in [0, 1].
        """

    def step(self, vae: nn.Module, images: Images, at: Moment) -> tuple[list[Minimise], Terms]:
        """Return what a training step minimises, and its terms."""
        terms = self.terms(vae(images, self.transform), images, at)
        return [Minimise(terms["loss"], vae)], terms

    def whole_step(
        self, vae: nn.Module, images: Images, at: Moment
    ) -> tuple[list[Minimise], Terms]:
        """Return the same with what the likelihood minimises, and its scale."""
        losses, terms = self.step(vae, images, at)
        if LIKELIHOOD in at.critics:  # first: its graph ends before the decoder
            losses = [Minimise(terms["recon_loss"], at.critics[LIKELIHOOD]), *losses]
        return losses, self._with_scale(terms, images, at)

    def evaluate(
        self, vae: Callable[[Tensor], VAEOutput], images: Images, at: Moment | None = None
    ) -> Terms:
        """Return the terms at full weight; nothing is to be minimised, or transformed."""
        at = at or Moment(n_images=len(images))
        terms = self.terms(vae(images), images, at._replace(progress=1.0, step=0))
        return self._with_scale(terms, images, at)

    def transform(self, posterior: Posterior) -> Posterior:
        """Change the posteriors of a training batch before codes are sampled, as by averaging."""
        return posterior

    def critics(self, latent_dim: int) -> dict[str, Critic]:
        """Make the modules that learn beside the VAE, by name; none."""
        return {}

    def all_critics(self, latent_dim: int) -> dict[str, Critic]:
        """Make the same, and the likelihood if it learns its scale."""
        critics = self.critics(latent_dim)
        if self.rec_dist != "gaussian_learned":
            return critics
        from disvae.objectives.terms import LearnedScale

        return {**critics, LIKELIHOOD: Critic(LearnedScale(), lr=None)}

    def start_state(self) -> dict[str, Tensor]:
        """Make the tensors that `step` may change in place, and checkpoints keep; none."""
        return {}

    def order(
        self,
        factors: Int[np.ndarray, "N K"] | None,
        n_images: int,
        seed: int,
        epoch: int,
        weights: Float[np.ndarray, "N"] | None = None,
    ) -> Int[np.ndarray, "n"] | None:
        """Return the images of an epoch, in order: a pure function of its arguments.

        `weights` say how often images are to be drawn (``--correlate``); None: each as often.
        What is returned may be None, as here: every image once, at random, or by `weights`.
        """
        return None

    def at(
        self,
        step: int,
        n_images: int,
        critics: Mapping[str, nn.Module] | None = None,
        state: Mapping[str, Tensor] | None = None,
    ) -> Moment:
        """Return the `step`-th training step (from 1), and how far the annealing is there.

        Linear: `reg_anneal` steps up, then at full weight. Cyclical (Fu et al. 2019, equation 6,
        with R = 1/2): from 0 in `reg_anneal` steps up, as many at full weight, and again.
        """
        progress = 1.0
        if self.reg_schedule == "cyclical" and self.reg_anneal:
            progress = min(1.0, (step - 1) % (2 * self.reg_anneal) / self.reg_anneal)
        elif step < self.reg_anneal:
            progress = step / self.reg_anneal
        return Moment(n_images, progress, step, critics or {}, state or {})

    def reconstruction(self, output: VAEOutput, images: Images, at: Moment) -> Float[Tensor, ""]:
        """Negative log likelihood of `images`, summed over pixels, mean over the batch."""
        from disvae.objectives.terms import reconstruction

        return reconstruction(output.logits, images, self.rec_dist, _variance(at))

    def _with_scale(self, terms: Terms, images: Images, at: Moment) -> Terms:
        """Add ``rec_scale``, if the likelihood finds its scale by itself."""
        if not self.rec_dist.startswith("gaussian_"):
            return terms
        from disvae.objectives.terms import optimal_scale

        variance = _variance(at)
        if variance is not None:
            scale = variance.detach().sqrt()
        else:
            scale = optimal_scale(terms["recon_loss"].detach(), images[0].numel())
        return {**terms, "rec_scale": scale}

    @staticmethod
    def kl(posterior: Posterior) -> Terms:
        """KL from the prior: ``kl_loss``, and ``kl_loss_j`` for each dimension."""
        from disvae.objectives.terms import kl_terms

        return kl_terms(posterior)


def _variance(at: Moment) -> Float[Tensor, ""] | None:
    """Return the variance that the likelihood has learned, if it learns one."""
    return at.critics[LIKELIHOOD]() if LIKELIHOOD in at.critics else None
