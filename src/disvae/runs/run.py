"""A run: one folder that holds options, weights, logs and plots."""

import logging
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int, Num
from torch import nn

from disvae.data.dataset import Dataset
from disvae.data.prepare import data_root, entry_folder, find_prepared, load_dataset, prepare_entry
from disvae.data.store import read_manifest
from disvae.errors import UserError
from disvae.models.vae import VAE
from disvae.options.run import record_for
from disvae.options.user_code import UserCode, architecture, brought, forgotten, is_code
from disvae.runs.curves import read_curves, write_curves
from disvae.runs.encode import decode, encode
from disvae.storage.files import read_json, to_json, write_text
from disvae.storage.tensors import read_tensors, require_like, write_tensors
from disvae.types import checked

if TYPE_CHECKING:
    from disvae.metrics.arrays import ArrayLike
    from disvae.metrics.codes import Codes

logger = logging.getLogger("disvae")
# of runs whose specs.json does not say it, as those of the original system
_BACKGROUNDS = {"celeba": "white", "chairs": "white"}


class Run:
    """A training run on disk; evaluation and plots read it and nothing else.

    Parameters
    ----------
    path
        The run's folder, which holds ``specs.json``.
    code
        What the user gives again of the code that the run was made with, by option.

    Attributes
    ----------
    path, name
        The folder, and its last part.
    specs, options
        All of ``specs.json`` (the options, ``img_size``, ``n_data``, versions), and its options.

    Raises
    ------
    UserError
        If the folder is no run, or ``specs.json`` is damaged.
    """

    def __init__(self, path: str | Path, code: Mapping[str, UserCode] | None = None):
        self.path = Path(path)
        self.code = dict(code or {})
        self.name = self.path.resolve().name
        if not (self.path / "specs.json").is_file():
            raise UserError(
                f"There is no run in {self.path} (no specs.json); check the name and --results-dir."
            )
        self.specs = read_json(self.path / "specs.json")
        record = record_for(own for kind, own in self.code.items() if kind == "loss")
        known = {key: value for key, value in self.specs.items() if key in record.model_fields}
        try:
            self.options = checked(record, known)
        except UserError as error:
            raise UserError(f"{self.path / 'specs.json'}: {error}") from None

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.options.loss} on {self.options.dataset})"

    def recorded_code(self, option: str) -> dict[str, str] | None:
        """Return name and hash of the code that the run was made with in place of `option`."""
        recorded = self.specs.get("user_code")
        record = recorded.get(option) if isinstance(recorded, dict) else None
        if not isinstance(record, dict) or not isinstance(record.get("name"), str):
            return None
        return {"name": record["name"], "sha256": str(record.get("sha256", ""))}

    def changed_code(self) -> dict[str, str]:
        """Return what was given again, but is not what the run was made with, by option."""
        return {
            option: own.label
            for option, own in self.code.items()
            if own.record != (self.recorded_code(option) or own.record)
        }

    def warn_of_changes(self, option: str) -> None:
        """Say so if the code that was given again for `option` differs from the run's."""
        if label := self.changed_code().get(option):
            logger.warning("%s is not the file that %s was made with.", label, self.path)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(C, H, W)`` of the images it was trained on."""
        shape = self.specs.get("img_size")
        if isinstance(shape, list) and len(shape) == 3 and all(type(n) is int for n in shape):
            channels, height, width = shape
            if channels > 0:
                return channels, height, width
        raise UserError(
            f"{self.path / 'specs.json'}: img_size should be [channels, height, width], "
            f"but it is {shape!r}."
        )

    @property
    def background(self) -> str:
        """``black`` or ``white``: the colour behind the objects of its dataset."""
        return str(self.specs.get("background") or _BACKGROUNDS.get(self.options.dataset, "black"))

    @property
    def checkpoint(self) -> Path:
        """The file that resuming needs; it is there until training ends well."""
        return self.path / "checkpoint.pt"

    @property
    def is_trained(self) -> bool:
        """Whether training has ended."""
        return (self.path / "model.pt").is_file() and not self.checkpoint.exists()

    @cached_property
    def model(self) -> VAE:
        """The trained VAE, on the CPU and in evaluation mode.

        A ``model.pt`` that is missing, damaged, or of another architecture is a `UserError`.
        """
        kind = architecture(self.options.model_type, self.code)
        self.warn_of_changes("model_type")
        vae = VAE(self.image_shape, self.options.latent_dim, kind)
        if not (path := self.path / "model.pt").exists():
            raise UserError(f"{self.path} has no model.pt yet; train the run to its end first.")
        size = sum(value.numel() * value.element_size() for value in vae.state_dict().values())
        weights = read_tensors(path, 2 * size + 2**20)  # twice: of double precision
        try:
            require_like(weights, vae.state_dict())
        except ValueError as error:
            raise UserError(
                f"{path} is not the weights of this run ({error}); "
                "restore it from a copy or train again."
            ) from None
        vae.load_state_dict(weights)
        return vae.eval()

    def dataset(self, root: str | Path | None = None, split: str = "train") -> Dataset:
        """Open the dataset that the run was trained on, or what was held out from it.

        Parameters
        ----------
        root
            Where prepared datasets lie; default: where they lay in training, if it is
            prepared there still.
        split
            ``train``, or ``test``: the images held out.

        Raises
        ------
        UserError
            If it cannot be had, or was divided otherwise in training.
        """
        # specs.json may come from anywhere: nothing is prepared in a folder that it names
        there = self._prepared_in(self.options.data_dir) if root is None else None
        if there is None and is_code(self.options.dataset):
            own, there = self.code.get("dataset"), self._prepared_in(data_root(root))
            if there is None and own is not None:
                there = prepare_entry(own.value, own.label, own.sha256, root)
            elif there is None:
                raise forgotten("dataset", self.options.dataset)
        return self._opened(there or self.options.dataset, root, split)

    def encode(
        self,
        data_dir: str | Path | None = None,
        device: torch.device | str = "cpu",
        batch_size: int = 1000,
        progress_bar: bool = False,
        indices: Int[np.ndarray, "n"] | None = None,
        split: str = "train",
    ) -> "Codes":
        """Encode the images it was trained on, or those held out.

        Parameters
        ----------
        data_dir, split
            As `dataset` has them.
        device, batch_size, progress_bar
            Where, how many images at a time, and whether a terminal shows how far it is.
        indices
            Which images, by their places in the split; default: all.

        Returns
        -------
        Codes
            float32 means and log variances ``[N, D]``, and the factors where they are known.

        Raises
        ------
        UserError
            If the dataset or the weights cannot be had.
        """
        dataset = self.dataset(data_dir, split)
        return encode(self.model, dataset, device, batch_size, progress_bar, indices)

    def decode(
        self,
        codes: "Codes | Num[ArrayLike, 'N D']",
        device: torch.device | str = "cpu",
        batch_size: int = 1000,
    ) -> Float[np.ndarray, "N C H W"]:
        """Decode codes to images: the probabilities of their pixels, in [0, 1].

        Parameters
        ----------
        codes
            An array ``[N, D]``, NumPy's or torch's, or what `encode` returns, of which the means
            are decoded.
        device, batch_size
            As for `encode`.

        Raises
        ------
        UserError
            If the codes have another number of latents, or NaN; or the weights cannot be had.
        """
        from disvae.metrics.arrays import as_rows
        from disvae.metrics.codes import Codes

        rows = as_rows(codes.mean if isinstance(codes, Codes) else codes)
        if rows.shape[1] != self.options.latent_dim:
            raise UserError(
                f"The model of {self.path} has {self.options.latent_dim} latents, but the codes "
                f"have {rows.shape[1]}; give codes of this model."
            )
        return decode(self.model, rows.astype(np.float32), device, batch_size)

    def prepared_dataset(self) -> Dataset | None:
        """Open the dataset that the run was trained on if it is prepared here."""
        folders = map(self._prepared_in, (self.options.data_dir, data_root()))
        there = next(filter(None, folders), None)
        return None if there is None else self._opened(there, None, "train")

    def _prepared_in(self, root: Path | None) -> Path | None:
        if root is None:
            return None
        if own := self.recorded_code("dataset"):
            folder = entry_folder(own["name"], own["sha256"], root)
            return folder if read_manifest(folder) is not None else None
        return find_prepared(self.options.dataset, root, self.options.image_size, self.options.fit)

    def _opened(self, name_or_path: str | Path, root: str | Path | None, split: str) -> Dataset:
        used = self.specs.get("used")
        drawn_by = used.get("seed") if isinstance(used, dict) else self.options.seed
        if drawn_by is not None and (type(drawn_by) is not int or drawn_by < 0):
            raise UserError(
                f"{self.path / 'specs.json'}: the seed in 'used' should be a number from 0, but it "
                f"is {drawn_by!r}; restore the file."
            )
        dataset = load_dataset(
            name_or_path,
            root,
            split=split,
            train_fraction=self.options.train_fraction,
            seed=drawn_by or 0,
            image_size=self.options.image_size,
            fit=self.options.fit,
        )
        n_data, n_now = self.specs.get("n_data"), len(dataset)
        if split == "train" and self.options.train_fraction < 1 and self.options.hold_out:
            n_now = len(self.options.regime.drawn(dataset))
        if split == "train" and self.options.train_fraction < 1 and n_now != n_data:
            raise UserError(
                f"{self.path} was trained on {n_data} images of '{self.options.dataset}', but its "
                f"train fraction is {n_now} now, so that others would be held out; restore the "
                "images or train again."
            )
        return dataset

    @property
    def losses(self) -> dict[str, Float[np.ndarray, "epochs"]]:
        """Mean of each term in each epoch (``train_losses.log``), nats per image.

        A log that is missing or damaged is a `UserError`.
        """
        try:
            curves = read_curves(self.path / "train_losses.log", "Loss")
        except FileNotFoundError:
            raise UserError(f"{self.path} has no train_losses.log; train the run first.") from None
        return {name: np.array(list(curve.values())) for name, curve in curves.items()}

    @property
    def training_scores(self) -> dict[str, dict[int, float]]:
        """Scores while training (``train_metrics.log``), by the epoch's number, from 0.

        Empty if none were computed; a damaged log is a `UserError`.
        """
        try:
            return read_curves(self.path / "train_metrics.log", "Metric")
        except FileNotFoundError:
            return {}

    @property
    def metrics(self) -> dict[str, Any]:
        """All of ``metrics.log``; empty if no score was computed."""
        path = self.path / "metrics.log"
        return read_json(path) if path.exists() else {}

    def write_model(self, vae: nn.Module, epoch: int | None = None) -> None:
        """Write ``model.pt``, or ``model-<epoch>.pt``."""
        state = {name: value.cpu().contiguous() for name, value in vae.state_dict().items()}
        write_tensors(self.path / ("model.pt" if epoch is None else f"model-{epoch}.pt"), state)

    def write_losses(self, epochs: list[dict[str, float]]) -> None:
        """Write ``train_losses.log``: one row a term and epoch."""
        write_curves(self.path / "train_losses.log", "Loss", dict(enumerate(epochs)))

    def write_training_scores(self, epochs: Mapping[int, Mapping[str, float]]) -> None:
        """Write ``train_metrics.log``: one row a score and epoch that was scored."""
        write_curves(self.path / "train_metrics.log", "Metric", epochs)

    def write_test_losses(self, terms: Mapping[str, float]) -> None:
        """Write ``test_losses.log``; one of the original system is kept beside it."""
        self._keep_foreign("test_losses.log")
        write_text(self.path / "test_losses.log", to_json(terms))

    def _keep_foreign(self, name: str) -> None:
        """Keep a file of a run that another program made; what disvae made names its versions."""
        path = self.path / name
        kept = path.with_stem(f"{path.stem}.original")
        if "versions" not in self.specs and path.exists() and not kept.exists():
            path.rename(kept)
            logger.info(
                "%s was not written by disvae and is kept as %s; docs/results.md says why its "
                "values are smaller.", path, kept.name,
            )  # fmt: skip

    def merge_metrics(self, scores: Mapping[str, Any]) -> None:
        """Put `scores` into ``metrics.log``; those that stand there already are replaced."""
        from disvae.metrics.log import merge_scores

        merge_scores(self.path / "metrics.log", scores)


def open_run(path: str | Path, **code: Any) -> Run:
    """Open the run in folder `path`.

    Parameters
    ----------
    path
        The folder.
    **code
        What the run was made with of your own, where it is needed again: ``loss``,
        ``model_type`` or ``dataset``, as ``FILE.py:NAME`` or the object itself.

    Raises
    ------
    UserError
        If the folder is no run.

    Examples
    --------
    >>> run = disvae.open_run("results/btcvae_dsprites")  # doctest: +SKIP
    >>> run.model.decode(torch.zeros(1, 10)).shape  # doctest: +SKIP
    torch.Size([1, 1, 64, 64])
    """
    return Run(path, brought(code))
