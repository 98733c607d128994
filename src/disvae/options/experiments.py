"""The predefined experiments of ``hyperparam.ini``, as plain option values."""

import configparser
import functools
from importlib import resources

LOSSES = ("VAE", "betaH", "betaB", "factor", "btcvae")
DATASETS = (
    "dsprites", "mnist", "fashion", "celeba", "chairs", "shapes3d", "cars3d", "smallnorb",
    "mpi3d_toy", "mpi3d_realistic", "mpi3d_real",
)  # fmt: skip


@functools.cache
def _sections() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # option names keep their case
    parser.read_string(
        resources.files("disvae.options").joinpath("hyperparam.ini").read_text("utf-8")
    )
    return parser


_STUDIED = tuple(section for section in _sections().sections() if section in DATASETS)
NAMES = (
    "custom",
    "debug",
    "best_celeba",
    "best_dsprites",
    *(f"{loss}_{dataset}" for loss in LOSSES for dataset in _STUDIED),
)


def experiment_options(name: str) -> dict[str, str]:
    """Return the options that experiment `name` sets, as written in the file.

    Parameters
    ----------
    name
        One of `NAMES`; ``custom`` sets nothing.

    Returns
    -------
    dict
        Option name to its text; `disvae.options.Options` gives it its type.
    """
    sections = _sections()
    own = dict(sections[name]) if sections.has_section(name) else {}
    base = own.pop("base", name)
    loss, _, dataset = base.partition("_")
    if not dataset or loss not in LOSSES:
        return own
    merged: dict[str, str] = {}
    for section in ("Common", dataset, loss, base):
        merged |= dict(sections[section]) if sections.has_section(section) else {}
    return {**merged, "loss": loss, "dataset": dataset, **own}
