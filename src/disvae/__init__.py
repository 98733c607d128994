"""Disentangled representation learning with variational autoencoders."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from disvae import metrics, objectives, plots
    from disvae.data.dataset import Dataset
    from disvae.data.prepare import load_dataset
    from disvae.errors import UserError
    from disvae.explore import explore
    from disvae.models.architecture import Architecture
    from disvae.models.vae import VAE
    from disvae.posterior import Posterior
    from disvae.runs.export import export
    from disvae.runs.find import open_run
    from disvae.runs.run import Run
    from disvae.signatures import train
    from disvae.training.keeping import EpochEnd

__version__ = "0.2.0"

__all__ = [
    "VAE", "Architecture", "Dataset", "EpochEnd", "Posterior", "Run", "UserError", "explore",
    "export", "load_dataset", "metrics", "objectives", "open_run", "plots", "train",
]  # fmt: skip

_HOMES = {
    "Architecture": "disvae.models.architecture",
    "VAE": "disvae.models.vae",
    "Dataset": "disvae.data.dataset",
    "EpochEnd": "disvae.training.keeping",
    "Posterior": "disvae.posterior",
    "Run": "disvae.runs.run",
    "UserError": "disvae.errors",
    "export": "disvae.runs.export",
    "load_dataset": "disvae.data.prepare",
    "open_run": "disvae.runs.find",
    "train": "disvae.training.train",
}
_GIVE_RUNS = {"Run", "open_run", "train"}


def __getattr__(name: str) -> Any:
    """Import public names when they are first asked for: `--help` needs no PyTorch."""
    if name in _GIVE_RUNS:  # runs know nothing of plots, by which notebooks show them
        import_module("disvae.runs.run").Run._repr_html_ = _html
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"disvae.{name}")
    raise AttributeError(f"module 'disvae' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name what is public, for completion and documentation."""
    return [*__all__, "__doc__", "__version__"]


def _html(run: "Run") -> str | None:
    from disvae.plots.notebook import run_html

    return run_html(run)
