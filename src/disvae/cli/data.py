"""The commands about datasets: list, prepare, import."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

DataDir = Annotated[
    Path | None, Parameter(help="Folder that holds the prepared datasets; else $DISVAE_DATA, data.")
]

app = App(name="data", help="List and prepare datasets.")


@app.command(name="list")
def list_datasets(*, data_dir: DataDir = None) -> None:
    """Show every dataset: prepared or not, number and size of images, factors."""
    from disvae.data.catalog import CATALOG
    from disvae.data.prepare import data_root
    from disvae.data.store import read_manifest

    for entry in CATALOG.values():
        folder = data_root(data_dir) / entry.name
        state = f"prepared in {folder}" if read_manifest(folder) else "not prepared"
        channels, height, width = entry.image_shape
        factors = ", ".join(f"{name} {size}" for name, size in entry.factors.items())
        print(
            f"{entry.name:10} {entry.splits['train']:>9,} x {channels}x{height}x{width}  "
            f"factors: {factors or 'unknown'}  [{state}]"
        )


@app.command
def prepare(names: tuple[str, ...], /, *, data_dir: DataDir = None) -> None:
    """Download or compute datasets, so that training can start at once.

    Parameters
    ----------
    names
        Names of datasets, as `list` shows them.
    """
    from disvae.data.prepare import prepare as prepare_dataset

    for name in names:
        print(f"{name} is prepared in {prepare_dataset(name, data_dir)}")


@app.command(name="import")
def import_files(name: str, files: tuple[Path, ...], /, *, data_dir: DataDir = None) -> None:
    """Prepare a dataset from files that you fetched by hand, after checking them.

    Parameters
    ----------
    name
        Name of the dataset.
    files
        The files as its authors publish them.
    """
    from disvae.data.prepare import import_files as import_dataset

    print(import_dataset(name, files, data_dir))
