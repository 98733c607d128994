"""The predefined experiments of ``hyperparam.ini``, as plain option values."""

import configparser
import functools
from importlib import resources

from disvae.data.catalogue.registry import DATASETS
from disvae.objectives.registry import OBJECTIVES


@functools.cache
def _sections() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # option names keep their case
    parser.read_string(
        resources.files("disvae.options").joinpath("hyperparam.ini").read_text("utf-8")
    )
    return parser


_LOSSES = tuple(loss for loss in OBJECTIVES if _sections().has_section(loss))
_DATASETS = tuple(section for section in _sections().sections() if section in DATASETS)
NAMES = (
    "custom",
    "debug",
    "best_celeba",
    "best_dsprites",
    *(f"{loss}_{dataset}" for loss in _LOSSES for dataset in _DATASETS),
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
