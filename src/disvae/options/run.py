"""The options of a run."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from disvae.data.catalogue.registry import DATASETS
from disvae.errors import UserError
from disvae.models.registry import ARCHITECTURES
from disvae.objectives.objective import Objective
from disvae.objectives.registry import OBJECTIVES, ORIGINAL
from disvae.options.common import EVALUATION, MODEL, TRAINING, Computing, option
from disvae.options.experiments import NAMES
from disvae.options.regime import RegimeOptions
from disvae.options.scoring import Names
from disvae.options.user_code import forgotten, is_code
from disvae.trackers.registry import TRACKERS
from disvae.types import Count, Fit, ImageSize, LearningRate, NoneFromText, checked


def _findable(dataset: str) -> str:
    """Make the path of own images absolute: a run finds them from anywhere."""
    try:
        is_path = dataset not in DATASETS and Path(dataset).exists()
    except OSError:  # longer than any name
        raise ValueError("expected the name of a dataset or a path") from None
    return str(Path(dataset).absolute()) if is_path else dataset


def _code_beside(names: Iterable[str]) -> AfterValidator:
    """Let code of the user's own stand where a name could."""

    def check(value: str) -> str:
        if not is_code(value):
            raise ValueError(f"expected {', '.join(names)} or FILE.py:NAME")
        return value

    return AfterValidator(check)


def _known_trackers(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in TRACKERS and not is_code(name):
            known = ", ".join(TRACKERS)
            raise ValueError(f"expected {known} or FILE.py:NAME, but {name!r} is none")
    return names


if TYPE_CHECKING:
    LossName = str
    ModelName = str
    ExperimentName = str
else:  # the choices are computed, which type checkers cannot follow
    LossName = Literal[tuple(OBJECTIVES)] | Annotated[str, _code_beside(OBJECTIVES)]
    ModelName = Literal[tuple(ARCHITECTURES)] | Annotated[str, _code_beside(ARCHITECTURES)]
    ExperimentName = Literal[NAMES]


# options that do not change what comes out of a run: they may differ when it goes on
INCIDENTAL = frozenset(
    {
        "results_dir", "data_dir", "device", "no_cuda", "log_level", "no_progress_bar",
        "checkpoint_minutes", "no_extend", "tracker",
    }
)  # fmt: skip


class RunOptions(RegimeOptions, Computing):
    """The options of one run; the attributes are those of the command line."""

    objectives: ClassVar[Mapping[str, type[Objective]]] = {}

    # -- Training specific options
    checkpoint_every: Annotated[
        Count, option(TRAINING, "Save a checkpoint of the trained model every n epochs.")
    ] = 30
    checkpoint_minutes: Annotated[
        float,
        Field(gt=0, le=10**6),
        option(
            TRAINING,
            "Keep what --resume needs so often inside an epoch too; at its end it is kept.",
        ),
    ] = 10
    no_extend: Annotated[
        bool,
        option(
            TRAINING,
            "Keep no checkpoint-end.pt (three times the weights), from which --resume with more "
            "--epochs or --max-steps takes a finished run further.",
        ),
    ] = False
    dataset: Annotated[
        str,
        AfterValidator(_findable),
        option(
            TRAINING,
            f"Dataset to train on: {', '.join(DATASETS)}, a folder of images, an .npz or .npy file "
            "or FILE.py:NAME.",
            "-d",
        ),
    ] = "mnist"
    image_size: Annotated[
        ImageSize | None,
        NoneFromText,
        option(
            TRAINING,
            "Side to resize images to: 32, 64, 128 or 256, where their source has so many "
            "pixels; `None`: the dataset's own, of own images 64.",
        ),
    ] = None
    fit: Annotated[
        Fit,
        option(
            TRAINING,
            "How own images become squares: stretched, cropped to the middle, or padded.",
        ),
    ] = "stretch"
    train_fraction: Annotated[
        float,
        Field(gt=0, le=1),
        option(TRAINING, "Share of the images to train on, drawn by --seed."),
    ] = 1
    val_fraction: Annotated[
        float,
        Field(ge=0, lt=1),
        option(
            TRAINING,
            "Share of the images to train on that is held out instead, and evaluated after every "
            "epoch; the weights of the lowest loss are kept as model-best.pt.",
        ),
    ] = 0
    experiment: Annotated[
        ExperimentName,
        option(
            TRAINING,
            "Predefined experiment to run, as LOSS_DATASET; `disvae experiments` lists all. "
            "If not `custom` it sets several other options; those that you type win.",
            "-x",
            show_choices=False,
        ),
    ] = "custom"
    epochs: Annotated[Count, option(TRAINING, "Maximum number of epochs to run for.", "-e")] = 100
    batch_size: Annotated[
        int, Field(ge=1, le=2**20), option(TRAINING, "Batch size for training.", "-b")
    ] = 64
    lr: Annotated[LearningRate, option(TRAINING, "Learning rate.")] = 5e-4
    lr_schedule: Annotated[
        Literal["constant", "cosine"],
        option(TRAINING, "Whether the learning rate stays, or falls to 0 by half a cosine."),
    ] = "constant"
    lr_warmup: Annotated[
        int,
        Field(ge=0, le=10**9),
        option(TRAINING, "Steps over which the learning rate rises first."),
    ] = 0
    max_steps: Annotated[
        Count | None,
        NoneFromText,
        option(TRAINING, "Stop after so many steps, even inside an epoch."),
    ] = None
    patience: Annotated[
        Count | None,
        NoneFromText,
        option(
            TRAINING,
            "Stop when the loss of the images of --val-fraction has not fallen for n epochs.",
        ),
    ] = None
    tracker: Annotated[
        Names,
        AfterValidator(_known_trackers),
        option(
            TRAINING,
            f"Record the training elsewhere too: {', '.join(TRACKERS)} or FILE.py:NAME, several "
            "with commas.",
        ),
    ] = ()
    precision: Annotated[
        Literal["32-true", "bf16-mixed", "16-mixed"],
        option(TRAINING, "Precision of the arithmetic."),
    ] = "32-true"

    # -- Model specific options
    model_type: Annotated[
        ModelName, option(MODEL, "Type of encoder and decoder to use, or FILE.py:NAME.", "-m")
    ] = "Burgess"
    latent_dim: Annotated[
        int, Field(ge=1, le=4096), option(MODEL, "Dimension of the latent variable.", "-z")
    ] = 10
    loss: Annotated[
        LossName, option(MODEL, "Type of VAE loss function to use, or FILE.py:NAME.", "-l")
    ] = "betaB"

    # -- Evaluation specific options
    is_eval_only: Annotated[
        bool, option(EVALUATION, "Whether to only evaluate using precomputed model `name`.")
    ] = False
    is_metrics: Annotated[
        bool,
        option(
            EVALUATION,
            "Whether to compute the disentanglement metrics (MIG and AAM); "
            "the dataset must have known factors.",
        ),
    ] = False
    metrics: Annotated[
        Names,
        option(
            EVALUATION,
            "Scores of --is-metrics and --metrics-every, as all or mig,dci,...; "
            "`disvae eval --list` explains each.",
        ),
    ] = ("mig", "aam")
    metrics_every: Annotated[
        Count | None,
        NoneFromText,
        option(
            EVALUATION,
            "Compute the scores while training too, every n epochs, into train_metrics.log.",
        ),
    ] = None
    no_test: Annotated[bool, option(EVALUATION, "Whether not to compute the test losses.")] = False
    eval_batchsize: Annotated[Count, option(EVALUATION, "Batch size for evaluation.")] = 1000

    @model_validator(mode="after")
    def _objective_is_possible(self) -> Self:
        if self.loss not in self.objectives:
            return self
        try:
            objective = self.objective
        except UserError as error:  # options that are possible alone, but not together
            raise ValueError(str(error).removesuffix(".")) from None
        if self.batch_size < objective.min_batch:
            raise ValueError(
                f"the loss {self.loss} compares the images of a batch, so batch_size must be at "
                f"least {objective.min_batch}"
            )
        if self.batch_size % objective.group:
            raise ValueError(
                f"the loss {self.loss} takes images in groups of {objective.group}, so batch_size "
                f"must be a multiple of {objective.group}, but it is {self.batch_size}"
            )
        return self

    @property
    def objective(self) -> Objective:
        """The objective that the options describe; `UserError` for code that is not given again."""
        if self.loss not in self.objectives:
            raise forgotten("loss", self.loss)
        kind = self.objectives[self.loss]
        names = {field: field for field in Objective.model_fields} | kind.option_names()
        return checked(kind, {field: getattr(self, option) for field, option in names.items()})

    def of_other_losses(self) -> set[str]:
        """Name the options of losses that came after the original system, but for the chosen."""
        own = _options_of(self.objectives.get(self.loss))
        later = (kind for name, kind in OBJECTIVES.items() if name not in ORIGINAL)
        return {option for kind in later for option in _options_of(kind)} - own


def _options_of(objective: type[Objective] | None) -> set[str]:
    return set() if objective is None else set(objective.option_names().values())
