"""The images that a run was trained on, and those that were held out from it."""

from pathlib import Path

from disvae.data.catalogue.registry import find
from disvae.data.dataset import Dataset
from disvae.data.places import data_root
from disvae.data.prepare import load_dataset, prepare_entry
from disvae.data.prepared import entry_folder, find_prepared
from disvae.data.store import read_manifest
from disvae.errors import UserError
from disvae.options.user_code import forgotten, is_code
from disvae.runs.code import Described, recorded_code


def open_images(run: Described, root: str | Path | None, split: str) -> Dataset:
    """Open a dataset of `run`; prepare it where it is not; see `Run.dataset`."""
    name, own = run.options.dataset, run.code.get("dataset")
    there = _prepared(run, root)
    if there is None and is_code(name):
        if own is None:
            raise forgotten("dataset", name)
        there = prepare_entry(own.value, own.label, own.sha256, root)
    if there is None and find(name, run.options.image_size) is None:
        raise UserError(
            f"The images that {run.path} was trained on ({name[:200]!r}) are not prepared here, "
            "and a folder that specs.json names is not looked through; prepare them first, by "
            "disvae data prepare, or name your --data-dir."
        )
    return _opened(run, there or name, root, split)


def open_prepared_images(run: Described, root: str | Path | None = None) -> Dataset | None:
    """Open the images that `run` was trained on if they are prepared here."""
    there = _prepared(run, root)
    return None if there is None else _opened(run, there, None, "train")


def _prepared(run: Described, root: str | Path | None) -> Path | None:
    """Find them below `root`, else where they lay in training, else where yours lie."""
    roots = (run.options.data_dir, data_root()) if root is None else (Path(root),)
    return next(filter(None, (_prepared_in(run, place) for place in roots)), None)


def _prepared_in(run: Described, root: Path | None) -> Path | None:
    if root is None:
        return None
    if own := recorded_code(run, "dataset"):
        folder = entry_folder(own["name"], own["sha256"], root)
        return folder if read_manifest(folder) is not None else None
    # specs.json may come from anywhere: no folder that it names is looked through
    known, options = str(run.specs.get("images_sha256")), run.options
    return find_prepared(options.dataset, root, options.image_size, options.fit, known)


def _opened(
    run: Described, name_or_path: str | Path, root: str | Path | None, split: str
) -> Dataset:
    used, options = run.specs.get("used"), run.options
    drawn_by = used.get("seed") if isinstance(used, dict) else options.seed
    if drawn_by is not None and (type(drawn_by) is not int or drawn_by < 0):
        raise UserError(
            f"{run.path / 'specs.json'}: the seed in 'used' should be a number from 0, but it "
            f"is {drawn_by!r}; restore the file."
        )
    dataset = load_dataset(
        name_or_path,
        root,
        split=split,
        train_fraction=options.train_fraction,
        val_fraction=options.val_fraction,
        seed=drawn_by or 0,
        image_size=options.image_size,
        fit=options.fit,
    )
    n_data, n_now = run.specs.get("n_data"), len(dataset)
    is_part = options.train_fraction < 1 or options.val_fraction > 0
    if split == "train" and is_part and options.hold_out:
        n_now = len(options.regime.drawn(dataset))
    if split == "train" and is_part and n_now != n_data:
        raise UserError(
            f"{run.path} was trained on {n_data} images of '{options.dataset}', but its "
            f"train fraction is {n_now} now, so that others would be held out; restore the "
            "images or train again."
        )
    return dataset
