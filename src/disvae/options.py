"""Every option once: name, type, default, bounds, help.

The command line, ``specs.json`` and ``disvae.train(...)`` all read this record.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from cyclopts import Group, Parameter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_serializer, model_validator

from disvae.experiments import LOSSES, NAMES, experiment_options
from disvae.validation import (
    AnyWeight,
    Count,
    Device,
    LearningRate,
    LogLevel,
    NoneFromText,
    Seed,
    Weight,
    checked,
)

if TYPE_CHECKING:
    LossName = str
    ExperimentName = str
else:  # the choices are computed, which type checkers cannot follow
    LossName = Literal[LOSSES]
    ExperimentName = Literal[NAMES]

DATASETS = (
    "dsprites", "mnist", "fashion", "celeba", "chairs", "shapes3d", "cars3d", "smallnorb",
    "mpi3d_toy", "mpi3d_realistic", "mpi3d_real",
)  # fmt: skip

GENERAL = Group("General options", sort_key=1)
TRAINING = Group("Training specific options", sort_key=2)
MODEL = Group("Model specific options", sort_key=3)
BETA_H = Group("BetaH specific parameters", sort_key=4)
BETA_B = Group("BetaB specific parameters", sort_key=5)
FACTOR = Group("factor VAE specific parameters", sort_key=6)
BTCVAE = Group("beta-tcvae specific parameters", sort_key=7)
EVALUATION = Group("Evaluation specific options", sort_key=8)
PLOT = Group("Plot options", sort_key=9)
_SEED_HELP = "Random seed. Can be `None` for stochastic behavior."


def _flag(group: Group, text: str) -> Parameter:
    return Parameter(negative="", group=group, help=text)


def _findable(dataset: str) -> str:
    """Make the path of own images absolute: a run finds them from anywhere."""
    is_path = dataset not in DATASETS and Path(dataset).exists()
    return str(Path(dataset).absolute()) if is_path else dataset


class Places(BaseModel):
    """Where things lie; shared by all commands."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    results_dir: Annotated[Path, Parameter(group=GENERAL, help="Folder that holds the runs.")] = (
        Path("results")
    )
    data_dir: Annotated[
        Path | None,
        NoneFromText,
        Parameter(group=GENERAL, help="Folder of the datasets; `None`: $DISVAE_DATA, else `data`."),
    ] = None

    @field_serializer("results_dir", "data_dir")
    def _as_text(self, path: Path | None) -> str | None:
        return None if path is None else str(path)


class Options(Places):
    """The options of one run; the attributes are those of the command line."""

    # -- General options
    device: Annotated[
        Device,
        Parameter(group=GENERAL, help="Where to compute: auto, cpu, mps, cuda, GPUs as cuda:0,1."),
    ] = "auto"
    log_level: Annotated[LogLevel, Parameter(alias="-L", group=GENERAL, help="Logging levels.")] = (
        "info"  # type: ignore[assignment] # validated to "INFO"
    )
    no_progress_bar: Annotated[bool, _flag(GENERAL, "Disables progress bar.")] = False
    no_cuda: Annotated[bool, _flag(GENERAL, "Disables CUDA training, even when have one.")] = False
    seed: Annotated[Seed, Parameter(alias="-s", group=GENERAL, help=_SEED_HELP)] = 1234

    # -- Training specific options
    checkpoint_every: Annotated[
        Count,
        Parameter(group=TRAINING, help="Save a checkpoint of the trained model every n epoch."),
    ] = 30
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
        Literal[32, 64] | None,
        NoneFromText,
        Parameter(group=TRAINING, help="Side to resize own images to; `None` means 64."),
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
        Literal["Burgess"],
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
        bool, _flag(EVALUATION, "Whether to only evaluate using precomputed model `name`.")
    ] = False
    split: Annotated[
        Literal["train", "test"],
        Parameter(group=EVALUATION, help="Images of the test losses; `test`: those held out."),
    ] = "train"
    is_metrics: Annotated[
        bool,
        _flag(
            EVALUATION,
            "Whether to compute the disentanglement metrics (MIG and AAM); "
            "the dataset must have known factors.",
        ),
    ] = False
    no_test: Annotated[bool, _flag(EVALUATION, "Whether not to compute the test losses.")] = False
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


class PlotOptions(Places):
    """The options of ``main_viz.py`` and ``disvae plot``."""

    seed: Annotated[Seed, Parameter(alias="-s", group=PLOT, help=_SEED_HELP)] = None
    n_rows: Annotated[
        Annotated[int, Field(ge=1, le=1000)],
        Parameter(alias="-r", group=PLOT, help="The number of rows (if applicable)."),
    ] = 6
    n_cols: Annotated[
        Annotated[int, Field(ge=1, le=1000)],
        Parameter(alias="-c", group=PLOT, help="The number of columns (if applicable)."),
    ] = 7
    max_traversal: Annotated[
        Annotated[float, Field(gt=0, allow_inf_nan=False)],
        Parameter(
            alias="-t",
            group=PLOT,
            help="The maximum displacement induced by a latent traversal, symmetrical. "
            "`m>=0.5` is an absolute value, `m<0.5` a quantile of the distribution: "
            "for the prior, a standard normal, `m=0.45` means `1.645`, because `2m=90%` of it "
            "lies between `-1.645` and `1.645`; the posterior has its own mean and width.",
        ),
    ] = 2
    idcs: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        Parameter(
            alias="-i",
            group=PLOT,
            consume_multiple=True,
            negative="",
            help="Indices of images to put at the beginning of the samples.",
        ),
    ] = ()
    upsample_factor: Annotated[
        Annotated[int, Field(ge=1, le=64)],
        Parameter(alias="-u", group=PLOT, help="Whole factor to magnify images by."),
    ] = 1
    is_show_loss: Annotated[
        bool, _flag(PLOT, "Displays the loss on the figures (if applicable).")
    ] = False
    is_posterior: Annotated[bool, _flag(PLOT, "Traverses the posterior, not the prior.")] = False
    format: Annotated[
        Literal["png", "pdf", "svg"], Parameter(group=PLOT, help="Of `losses` and `latents`.")
    ] = "png"


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
