"""Option groups, and the options that commands share."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter
from pydantic import BaseModel, ConfigDict, field_serializer

from disvae.options.user_code import UserCode, brought
from disvae.types import Device, LogLevel, NoneFromText, Seed

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


def flag(group: Group, text: str) -> Parameter:
    """Make an option that is there or not."""
    return Parameter(negative="", group=group, help=text)


ResultsDir = Annotated[Path, Parameter(group=GENERAL, help="Folder that holds the runs.")]


class Places(BaseModel):
    """Where things lie; shared by all commands."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    results_dir: ResultsDir = Path("results")
    data_dir: Annotated[
        Path | None,
        NoneFromText,
        Parameter(group=GENERAL, help="Folder of the datasets; `None`: $DISVAE_DATA, else `data`."),
    ] = None

    @field_serializer("results_dir", "data_dir")
    def _as_text(self, path: Path | None) -> str | None:
        return None if path is None else str(path)


class OwnCode(BaseModel):
    """Code of the user's own that a run was made with, given again: no file of a run loads it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss: Annotated[
        str | None, Parameter(alias="-l", group=OWN, help="The loss, if it is your own.")
    ] = None
    model_type: Annotated[
        str | None, Parameter(alias="-m", group=OWN, help="The model, if it is your own.")
    ] = None
    dataset: Annotated[
        str | None, Parameter(alias="-d", group=OWN, help="The dataset, if it is your own.")
    ] = None

    @property
    def code(self) -> dict[str, UserCode]:
        """The code, loaded."""
        return brought(dict(self))


class Computing(Places):
    """Where and how to compute; shared by the commands that use a model."""

    device: Annotated[
        Device,
        Parameter(group=GENERAL, help="Where to compute: auto, cpu, mps, cuda, GPUs as cuda:0,1."),
    ] = "auto"
    log_level: Annotated[LogLevel, Parameter(alias="-L", group=GENERAL, help="Logging levels.")] = (
        "info"  # type: ignore[assignment] # validated to "INFO"
    )
    no_progress_bar: Annotated[bool, flag(GENERAL, "Disables progress bar.")] = False
    no_cuda: Annotated[
        bool, flag(GENERAL, "Disables CUDA training, even where there is a GPU.")
    ] = False
    seed: Annotated[Seed, Parameter(alias="-s", group=GENERAL, help=SEED_HELP)] = 1234
    split: Annotated[
        Literal["train", "test"],
        Parameter(group=EVALUATION, help="Images of the test losses; `test`: those held out."),
    ] = "train"
