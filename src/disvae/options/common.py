"""Option groups, and the options that commands share."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter
from pydantic import BaseModel, ConfigDict, Field, field_serializer

from disvae.options.user_code import UserCode, brought
from disvae.types import At, Count, DeviceName, LogLevel, NoneFromText, Seed

GENERAL = Group("General options", sort_key=1)
TRAINING = Group("Training specific options", sort_key=2)
MODEL = Group("Model specific options", sort_key=3)
EVALUATION = Group("Evaluation specific options", sort_key=8)
PLOT = Group("Plot options", sort_key=9)
SCORES = Group("Scores", sort_key=9)
SWEEP = Group("Sweep", sort_key=1)
OWN = Group("Code of your own, as FILE.py:NAME", sort_key=10)
FLAT = Parameter(name="*")  # each field is an option of its own
SEED_HELP = "Random seed. Can be `None` for stochastic behavior."


def option(group: Group, text: str, alias: str | None = None, **settings: Any) -> Parameter:
    """Declare an option: its group, its help, its letter, and what else Cyclopts knows of it."""
    return Parameter(alias=alias, negative="", group=group, help=text, **settings)


ResultsDir = Annotated[Path, option(GENERAL, "Folder that holds the runs.")]


class Places(BaseModel):
    """Where things lie; shared by all commands."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    results_dir: ResultsDir = Path("results")
    data_dir: Annotated[
        Path | None,
        NoneFromText,
        option(GENERAL, "Folder of the datasets; `None`: $DISVAE_DATA, else `data`."),
    ] = None

    @field_serializer("results_dir", "data_dir")
    def _as_text(self, path: Path | None) -> str | None:
        return None if path is None else str(path)


class Opening(BaseModel):
    """How a run is opened: which of its weights, and the user's own code that it was made with.

    That code is given again, as no file of a run loads it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Annotated[
        At,
        option(
            GENERAL,
            "Weights to use: of an epoch by its number (see --checkpoint-every), best, or last; "
            "default: those of the end, of a run that was stopped those of its checkpoint.",
        ),
    ] = None
    loss: Annotated[str | None, option(OWN, "The loss, if it is your own.", "-l")] = None
    model_type: Annotated[str | None, option(OWN, "The model, if it is your own.", "-m")] = None
    dataset: Annotated[str | None, option(OWN, "The dataset, if it is your own.", "-d")] = None

    @property
    def code(self) -> dict[str, UserCode]:
        """The code, loaded."""
        return brought(dict(self))


class Device(Places):
    """Where to compute; shared by the commands that use a model."""

    device: Annotated[
        DeviceName, option(GENERAL, "Where to compute: auto, cpu, mps, cuda, GPUs as cuda:0,1.")
    ] = "auto"
    log_level: Annotated[LogLevel, option(GENERAL, "Logging levels.", "-L")] = "info"  # type: ignore[assignment] # validated to "INFO"
    no_progress_bar: Annotated[bool, option(GENERAL, "Disables progress bar.")] = False
    no_cuda: Annotated[
        bool, option(GENERAL, "Disables CUDA training, even where there is a GPU.")
    ] = False


class Computing(Device):
    """What else evaluation and training have in common."""

    seed: Annotated[Seed, option(GENERAL, SEED_HELP, "-s")] = 1234
    split: Annotated[
        Literal["train", "test"],
        option(EVALUATION, "Images of the test losses; `test`: those held out."),
    ] = "train"
    test_images: Annotated[
        Count | None,
        NoneFromText,
        option(EVALUATION, "Compute the test losses of so many images, always the same, not all."),
    ] = None
    metrics_images: Annotated[
        Annotated[int, Field(ge=2, le=2**31)] | None,
        NoneFromText,
        option(
            EVALUATION,
            "Score so many images, always the same; default: all, but while training 50,000.",
        ),
    ] = None
