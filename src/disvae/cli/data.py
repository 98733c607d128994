"""The commands about datasets: list, info, prepare, import, verify, remove."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from disvae.types import Fit

DataDir = Annotated[
    Path | None, Parameter(help="Folder that holds the prepared datasets; else $DISVAE_DATA, data.")
]
Known = Annotated[
    str,
    Parameter(help="Name of a dataset as `list` shows it, or the folder of a prepared one."),
]


def make_app() -> App:
    """Compose the commands below."""
    app = App(name="data", help="List, prepare, check and remove datasets.")
    app.command(list_datasets, name="list")
    app.command(import_files, name="import")
    for command in (info, prepare, verify, remove):
        app.command(command)
    return app


def list_datasets(*, data_dir: DataDir = None) -> None:
    """Show every dataset: prepared or not, number and size of images, factors."""
    from disvae.data.maintain import known_datasets
    from disvae.data.store import read_manifest

    for folder, about in known_datasets(data_dir):
        state = f"prepared in {folder}" if read_manifest(folder) else "not prepared"
        channels, height, width = about.image_shape
        factors = ", ".join(f"{name} {size}" for name, size in about.factors.items())
        print(
            f"{about.name:15} {about.splits['train']:>9,} x {channels}x{height}x{width}  "
            f"factors: {factors or 'unknown'}  [{state}]"
        )


def info(name: Known, /, *, data_dir: DataDir = None) -> None:
    """Show all about a dataset; if it is prepared, draw a sample of it beside its arrays."""
    from disvae.data.maintain import describe, find_folder
    from disvae.data.store import read_manifest

    print(describe(name, data_dir))
    folder = find_folder(name, data_dir)
    if read_manifest(folder) is None:
        return
    from disvae.data.prepare import load_dataset
    from disvae.plots.figures import write_image
    from disvae.plots.samples import dataset_samples

    write_image(folder / "samples.png", dataset_samples(load_dataset(folder)))
    print(f"  sample: {folder / 'samples.png'}")


def prepare(
    names: tuple[str, ...],
    /,
    *,
    data_dir: DataDir = None,
    image_size: Literal[32, 64, 128, 256] | None = None,
    fit: Fit = "stretch",
) -> None:
    """Download or compute datasets, so that training can start at once.

    Parameters
    ----------
    names
        Names of datasets, as `list` shows them; or a folder, .npz or .npy file of own images.
    image_size
        Side to resize the images to, as for `train`.
    fit
        How own images become squares, as for `train`.
    """
    from disvae.data.prepare import prepare as prepare_dataset

    for name in names:
        print(f"{name} is prepared in {prepare_dataset(name, data_dir, image_size, fit)}")


def import_files(name: str, files: tuple[Path, ...], /, *, data_dir: DataDir = None) -> None:
    """Prepare a dataset from files that you fetched by hand, after checking them.

    Parameters
    ----------
    name
        Name of the dataset.
    files
        The files as its authors publish them.
    """
    from disvae.data.importing import import_files as import_dataset

    print(import_dataset(name, files, data_dir))


def verify(names: tuple[str, ...], /, *, data_dir: DataDir = None) -> None:
    """Check that prepared datasets are as they were written.

    Parameters
    ----------
    names
        Names of datasets, or folders of prepared ones, as `list` shows them.
    """
    from disvae.data.maintain import check

    for name in names:
        print(check(name, data_dir))


def remove(name: Known, /, *, data_dir: DataDir = None) -> None:
    """Delete a prepared dataset, and what was downloaded for it, after asking."""
    from disvae.data.maintain import removable
    from disvae.data.maintain import remove as remove_dataset

    folders, size = removable(name, data_dir)
    places = " and ".join(map(str, folders))
    try:
        answer = input(f"Delete {places} ({size / 1e6:,.1f} MB)? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        print("Nothing was deleted.")
        return
    remove_dataset(name, data_dir)
    print(f"{places} deleted.")
