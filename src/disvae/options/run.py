"""The options of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from cyclopts import Parameter
from pydantic import AfterValidator, Field, model_validator

from disvae.models.registry import ARCHITECTURES
from disvae.options.common import (
    BETA_B,
    BETA_H,
    BTCVAE,
    EVALUATION,
    FACTOR,
    MODEL,
    TRAINING,
    Computing,
    flag,
)
from disvae.options.experiments import DATASETS, LOSSES, NAMES, experiment_options
from disvae.types import (
    AnyWeight,
    Count,
    ImageSize,
    LearningRate,
    NoneFromText,
    Weight,
    checked,
)

if TYPE_CHECKING:
    LossName = str
    ModelName = str
    ExperimentName = str
else:  # the choices are computed, which type checkers cannot follow
    LossName = Literal[LOSSES]
    ModelName = Literal[tuple(ARCHITECTURES)]
    ExperimentName = Literal[NAMES]


# options that do not change what comes out of a run: they may differ when it goes on
INCIDENTAL = frozenset(
    {
        "results_dir", "data_dir", "device", "no_cuda", "log_level", "no_progress_bar",
        "checkpoint_minutes",
    }
)  # fmt: skip


def _findable(dataset: str) -> str:
    """Make the path of own images absolute: a run finds them from anywhere."""
    is_path = dataset not in DATASETS and Path(dataset).exists()
    return str(Path(dataset).absolute()) if is_path else dataset


class Options(Computing):
    """The options of one run; the attributes are those of the command line."""

    # -- Training specific options
    checkpoint_every: Annotated[
        Count,
        Parameter(group=TRAINING, help="Save a checkpoint of the trained model every n epoch."),
    ] = 30
    checkpoint_minutes: Annotated[
        Annotated[float, Field(gt=0, le=10**6)],
        Parameter(
            group=TRAINING,
            help="Keep what --resume needs so often inside an epoch too; at its end it is kept.",
        ),
    ] = 10
    dataset: Annotated[
        str,
        AfterValidator(_findable),
        Parameter(
            alias="-d",
            group=TRAINING,
            help=f"Dataset to train on: {', '.join(DATASETS)}, a folder of images or an .npz file.",
        ),
    ] = "mnist"
    image_size: Annotated[
        ImageSize | None,
        NoneFromText,
        Parameter(
            group=TRAINING,
            help="Side to resize images to: 32, 64, 128 or 256, where their source has so many "
            "pixels; `None`: the dataset's own, of own images 64.",
        ),
    ] = None
    train_fraction: Annotated[
        Annotated[float, Field(gt=0, le=1)],
        Parameter(group=TRAINING, help="Share of the images to train on, drawn by --seed."),
    ] = 1
    experiment: Annotated[
        ExperimentName,
        Parameter(
            alias="-x",
            group=TRAINING,
            help="Predefined experiment to run. If not `custom` it sets several other options; "
            "those that you type win.",
        ),
    ] = "custom"
    epochs: Annotated[
        Count, Parameter(alias="-e", group=TRAINING, help="Maximum number of epochs to run for.")
    ] = 100
    batch_size: Annotated[
        Annotated[int, Field(ge=1, le=2**20)],
        Parameter(alias="-b", group=TRAINING, help="Batch size for training."),
    ] = 64
    lr: Annotated[LearningRate, Parameter(group=TRAINING, help="Learning rate.")] = 5e-4
    max_steps: Annotated[
        Count | None,
        NoneFromText,
        Parameter(group=TRAINING, help="Stop after so many steps, even inside an epoch."),
    ] = None
    precision: Annotated[
        Literal["32-true", "bf16-mixed", "16-mixed"],
        Parameter(group=TRAINING, help="Precision of the arithmetic."),
    ] = "32-true"

    # -- Model specific options
    model_type: Annotated[
        ModelName,
        Parameter(alias="-m", group=MODEL, help="Type of encoder and decoder to use."),
    ] = "Burgess"
    latent_dim: Annotated[
        Annotated[int, Field(ge=1, le=4096)],
        Parameter(alias="-z", group=MODEL, help="Dimension of the latent variable."),
    ] = 10
    loss: Annotated[
        LossName, Parameter(alias="-l", group=MODEL, help="Type of VAE loss function to use.")
    ] = "betaB"
    rec_dist: Annotated[
        Literal["bernoulli", "laplace", "gaussian"],
        Parameter(alias="-r", group=MODEL, help="Form of the likelihood to use for each pixel."),
    ] = "bernoulli"
    reg_anneal: Annotated[
        Annotated[int, Field(ge=0, le=10**12)],
        Parameter(
            alias="-a",
            group=MODEL,
            help="Number of annealing steps where gradually adding the regularisation. "
            "What is annealed is specific to each loss.",
        ),
    ] = 0

    # -- The losses' own parameters
    betaH_B: Annotated[
        Weight, Parameter(group=BETA_H, help="Weight of the KL (beta in the paper).")
    ] = 4
    betaB_initC: Annotated[
        Weight, Parameter(group=BETA_B, help="Starting annealed capacity, in nats.")
    ] = 0
    betaB_finC: Annotated[
        Weight, Parameter(group=BETA_B, help="Final annealed capacity, in nats.")
    ] = 25
    betaB_G: Annotated[
        Weight,
        Parameter(group=BETA_B, help="Weight of the KL divergence term (gamma in the paper)."),
    ] = 1000
    factor_G: Annotated[
        Weight, Parameter(group=FACTOR, help="Weight of the TC term (gamma in the paper).")
    ] = 6
    lr_disc: Annotated[
        LearningRate, Parameter(group=FACTOR, help="Learning rate of the discriminator.")
    ] = 5e-5
    btcvae_A: Annotated[
        AnyWeight, Parameter(group=BTCVAE, help="Weight of the MI term (alpha in the paper).")
    ] = 1
    btcvae_G: Annotated[
        AnyWeight,
        Parameter(group=BTCVAE, help="Weight of the dim-wise KL term (gamma in the paper)."),
    ] = 1
    btcvae_B: Annotated[
        AnyWeight, Parameter(group=BTCVAE, help="Weight of the TC term (beta in the paper).")
    ] = 6

    # -- Evaluation specific options
    is_eval_only: Annotated[
        bool, flag(EVALUATION, "Whether to only evaluate using precomputed model `name`.")
    ] = False
    is_metrics: Annotated[
        bool,
        flag(
            EVALUATION,
            "Whether to compute the disentanglement metrics (MIG and AAM); "
            "the dataset must have known factors.",
        ),
    ] = False
    no_test: Annotated[bool, flag(EVALUATION, "Whether not to compute the test losses.")] = False
    eval_batchsize: Annotated[
        Count, Parameter(group=EVALUATION, help="Batch size for evaluation.")
    ] = 1000

    @model_validator(mode="after")
    def _pairs_need_two(self) -> Self:
        if self.loss == "btcvae" and self.batch_size < 2:
            raise ValueError(
                "the loss btcvae compares the images of a batch, so batch_size must be at least 2"
            )
        return self


def resolve(given: Mapping[str, Any]) -> Options:
    """Merge defaults, the named experiment and what the user gave, in rising precedence.

    Parameters
    ----------
    given
        Option name to value, only what the user chose.

    Raises
    ------
    UserError
        If an option is unknown, of the wrong type or out of bounds.
    """
    experiment = given.get("experiment", "custom")
    chosen = experiment_options(experiment) if experiment in NAMES else {}
    return checked(Options, {**chosen, **given})
