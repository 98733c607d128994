"""Types of option values with their bounds, and their faults said in one sentence."""

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from disvae.errors import UserError

Record = TypeVar("Record", bound=BaseModel)


def _known_device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+(,\d+)*)?", value):
        raise ValueError("expected auto, cpu, mps, cuda, or GPUs by number as cuda:0,1")
    return value


def _usual_size(value: int) -> int:
    if value not in (32, 64, 128, 256):
        raise ValueError("expected 32, 64, 128 or 256")
    return value


def _moment(value: object) -> object:
    """Take the number of an epoch, or a word for one."""
    found = int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value) else value
    if found in ("last", "best", None) or (type(found) is int and 1 <= found <= 10**9):
        return found
    raise ValueError("expected the number of an epoch from 1, last or best")


_SHOWN = 200  # letters of a value in a message
_LONG = 500  # letters of a list of choices
NoneFromText = BeforeValidator(
    lambda value: None if isinstance(value, str) and value.lower() == "none" else value
)
At = Annotated[int | str | None, BeforeValidator(_moment)]
Count = Annotated[int, Field(ge=1, le=10**9)]
DeviceName = Annotated[str, AfterValidator(_known_device)]
ImageSize = Annotated[int, AfterValidator(_usual_size)]
LearningRate = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
LogLevel = Annotated[
    Literal["CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]
Seed = Annotated[Annotated[int, Field(ge=0, le=2**32 - 1)] | None, NoneFromText]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
AnyWeight = Annotated[float, Field(allow_inf_nan=False)]
ExportFormat = Literal["safetensors", "onnx", "zip"]
Fit = Literal["stretch", "crop", "pad"]
RecDist = Literal["bernoulli", "laplace", "gaussian", "gaussian_optimal", "gaussian_learned"]


def checked(record: type[Record], values: Mapping[str, Any]) -> Record:
    """Build `record` from `values`; a fault becomes one sentence (`UserError`)."""
    try:
        return record(**values)
    except ValidationError as error:
        raise UserError(sentence(error)) from None


def sentence(error: ValidationError, option: str = "") -> str:
    """Say in one sentence what is wrong with the options, and what is expected.

    `option` is the name of the one that was checked, where it was checked alone.
    """
    faults = []
    for fault in error.errors():
        name = str(fault["loc"][0]) if fault["loc"] else option
        if fault["type"] == "extra_forbidden":
            faults.append(f"there is no option '{name}'")
        elif not name:
            faults.append(str(fault["ctx"]["error"]))
        else:
            message = fault["msg"].removeprefix("Value error, ")
            message = _nearest(fault) or message[0].lower() + message[1:]
            given = _shown(fault["input"])
            faults.append(f"--{name.replace('_', '-')}: {message}, but it is {given}")
    return "; ".join(dict.fromkeys(faults)) + "."


def _nearest(fault: Any) -> str | None:
    """Propose the nearest of many choices, rather than list them all."""
    if fault["type"] != "literal_error" or len(fault["msg"]) < _LONG:
        return None
    choices = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
    nearest = difflib.get_close_matches(str(fault["input"])[:_SHOWN], choices, 3, cutoff=0.3)
    return f"input should be one of {len(choices)} names, as {' or '.join(nearest or choices[:3])}"


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # a number that Python does not write
        text = "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
