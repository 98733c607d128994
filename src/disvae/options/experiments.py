"""The predefined experiments of ``hyperparam.ini``, as plain option values."""

import configparser
import functools
from importlib import resources

from disvae.data.catalogue.registry import DATASETS
from disvae.objectives.registry import OBJECTIVES, ORIGINAL


@functools.cache
def _sections() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # option names keep their case
    file = resources.files("disvae.options").joinpath("hyperparam.ini")
    parser.read_string(file.read_text("utf-8"))
    return parser


_LOSSES = tuple(loss for loss in OBJECTIVES if _sections().has_section(loss))
_WITH_FACTORS = (
    "dsprites", "shapes3d", "cars3d", "smallnorb", "mpi3d_toy", "mpi3d_realistic", "mpi3d_real",
)  # fmt: skip


def _datasets(loss: str) -> tuple[str, ...]:
    """Return what `loss` has experiments on: the five datasets of its time, or all with factors."""
    if loss not in ORIGINAL:
        return _WITH_FACTORS
    later = _WITH_FACTORS[1:]
    return tuple(name for name in _sections().sections() if name in DATASETS and name not in later)


NAMES = (
    "custom",
    "debug",
    *(name for name in _sections().sections() if _sections().has_option(name, "base")),
    *(f"{loss}_{dataset}" for loss in _LOSSES for dataset in _datasets(loss)),
)


def experiment_options(name: str) -> dict[str, str]:
    """Return the options that the experiment sets, as text; `disvae.options.Options` types them."""
    sections = _sections()
    own = dict(sections[name]) if sections.has_section(name) else {}
    base = own.pop("base", name)
    loss, _, dataset = base.partition("_")
    if not dataset or loss not in OBJECTIVES:
        return own
    merged: dict[str, str] = {}
    for section in ("Common", dataset, loss, base):
        merged |= dict(sections[section]) if sections.has_section(section) else {}
    return {**merged, "loss": loss, "dataset": dataset, **own}
