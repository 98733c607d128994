"""A run: one folder that holds options, weights, logs and plots."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int, Num

from disvae.errors import UserError
from disvae.options.common import Opening
from disvae.options.composition import record_for
from disvae.options.user_code import UserCode
from disvae.runs.curves import read_curves, write_curves
from disvae.runs.outputs import Outputs
from disvae.runs.weights import CHECKPOINT, END, weights_file
from disvae.storage.files import read_json
from disvae.types import checked

if TYPE_CHECKING:  # logs and scores are read without PyTorch
    import torch
    from torch import nn

    from disvae.data.dataset import Dataset
    from disvae.metrics.arrays import ArrayLike
    from disvae.metrics.codes import Codes
    from disvae.models.vae import VAE

LOGS = {"train_losses.log": "Loss", "val_losses.log": "Loss", "train_metrics.log": "Metric"}
# of runs whose specs.json does not say it, as those of the original system
_BACKGROUNDS = {"celeba": "white", "chairs": "white"}


class Run:
    """A training run on disk; evaluation and plots read it and nothing else.

    `code` is what the user gives again of the code that it was made with, by option, `at` says
    which of its weights `model` has, `outputs` is the folder for plots and scores, by default its
    own; see `open_run`. A folder that is no run, or whose ``specs.json`` is damaged, is a
    `UserError`.

    Attributes
    ----------
    path
        The folder.
    specs, options
        All of ``specs.json`` (the options, ``img_size``, ``n_data``, versions), and its options.
    outputs
        Where its pictures and tables are written and read.
    """

    def __init__(
        self,
        path: str | Path,
        code: Mapping[str, UserCode] | None = None,
        at: int | str | None = None,
        outputs: str | Path | None = None,
    ):
        self.path, self.at = Path(path), checked(Opening, {"at": at}).at
        self.outputs = Outputs(self.path, outputs, self.at)
        self.code = dict(code or {})
        if not (self.path / "specs.json").is_file():
            raise UserError(
                f"There is no run in {self.path} (no specs.json); check the name and --results-dir."
            )
        self.specs = read_json(self.path / "specs.json")
        record = record_for(own for kind, own in self.code.items() if kind == "loss")
        fields = record.model_fields  # which takes pydantic a while to say
        known = {key: value for key, value in self.specs.items() if key in fields}
        try:
            self.options = checked(record, known)
        except UserError as error:
            raise UserError(f"{self.path / 'specs.json'}: {error}") from None

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.options.loss} on {self.options.dataset})"

    @cached_property
    def name(self) -> str:
        """The last part of its folder."""
        return self.path.resolve().name

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
        return self.path / CHECKPOINT

    @property
    def end(self) -> Path:
        """The file that extending needs; it is there once training has ended."""
        return self.path / END

    @property
    def is_trained(self) -> bool:
        """Whether training has ended."""
        return (self.path / "model.pt").is_file() and not self.checkpoint.exists()

    @property
    def weights_file(self) -> Path:
        """The file with the weights of `model`; a `UserError` says that there are none."""
        epochs = self.epochs if isinstance(self.at, int) else None  # which takes a while to read
        return weights_file(self.path, self.at, epochs)

    @property
    def has_weights(self) -> bool:
        """Whether there are weights for `model`."""
        try:
            return self.weights_file.is_file()
        except UserError:
            return False

    @property
    def kl(self) -> Float[np.ndarray, "D"] | None:
        """KL of each latent in the epoch that `model` is of, nats; None if no log says it."""
        names = [f"kl_loss_{j}" for j in range(self.options.latent_dim)]
        losses = self.losses if (self.path / "train_losses.log").exists() else {}
        if not losses.keys() >= set(names):
            return None
        epoch = self.at - 1 if isinstance(self.at, int) else -1
        if self.at == "best" and "loss" in (validation := self.validation_losses):
            epoch = int(np.argmin(np.nan_to_num(validation["loss"], nan=np.inf)))
        return np.array([losses[name][epoch] for name in names])

    @cached_property
    def model(self) -> "VAE":
        """The VAE, on the CPU and in evaluation mode: trained, or where `at` says.

        Weights that are missing, damaged, or of another architecture are a `UserError`.
        """
        from disvae.runs.model import open_model

        return open_model(self)

    def dataset(self, root: str | Path | None = None, split: str = "train") -> "Dataset":
        """Open the dataset that the run was trained on, or what was held out from it.

        Prepared datasets lie in `root`, by default where they lay in training, if it is prepared
        there still. The split is ``train``, or what was held out: ``test``, or ``val`` (evaluated
        in training). A dataset that cannot be had, or was divided otherwise in training, is a
        `UserError`.
        """
        from disvae.runs.images import open_images

        return open_images(self, root, split)

    def encode(
        self,
        data_dir: str | Path | None = None,
        device: "torch.device | str" = "cpu",
        batch_size: int = 1000,
        progress_bar: bool = False,
        indices: Sequence[int] | Int[np.ndarray, "n"] | None = None,
        split: str = "train",
    ) -> "Codes":
        """Encode the images it was trained on, or those held out (see `dataset`).

        Of all images, or those at `indices` in the split, it returns float32 means and log
        variances ``[N, D]``, and the factors where they are known. On a terminal a bar shows how
        far it is. A dataset or weights that cannot be had are a `UserError`.
        """
        from disvae.runs.encode import encode

        dataset = self.dataset(data_dir, split)
        chosen = None if indices is None else np.asarray(indices)
        return encode(self.model, dataset, device, batch_size, progress_bar, chosen)

    def decode(
        self,
        codes: "Codes | Num[ArrayLike, 'N D']",
        device: "torch.device | str" = "cpu",
        batch_size: int = 1000,
    ) -> Float[np.ndarray, "N C H W"]:
        """Decode codes to images: the probabilities of their pixels, in [0, 1].

        Codes are an array ``[N, D]``, NumPy's or torch's, or what `encode` returns, of which the
        means are decoded. Those with another number of latents, or NaN, and weights that cannot
        be had, are a `UserError`.
        """
        from disvae.metrics.arrays import as_rows
        from disvae.metrics.codes import Codes
        from disvae.runs.encode import decode

        rows = as_rows(codes.mean if isinstance(codes, Codes) else codes)
        if rows.shape[1] != self.options.latent_dim:
            raise UserError(
                f"The model of {self.path} has {self.options.latent_dim} latents, but the codes "
                f"have {rows.shape[1]}; give codes of this model."
            )
        return decode(self.model, rows.astype(np.float32), device, batch_size)

    def prepared_dataset(self, root: str | Path | None = None) -> "Dataset | None":
        """Open the dataset that the run was trained on if it is prepared here, or below `root`."""
        from disvae.runs.images import open_prepared_images

        return open_prepared_images(self, root)

    @property
    def losses(self) -> dict[str, Float[np.ndarray, "epochs"]]:
        """Mean of each term in each epoch (``train_losses.log``), nats per image.

        A log that is missing or damaged is a `UserError`.
        """
        try:
            return self._curves("train_losses.log")
        except FileNotFoundError:
            raise UserError(f"{self.path} has no train_losses.log; train the run first.") from None

    @property
    def validation_losses(self) -> dict[str, Float[np.ndarray, "epochs"]]:
        """Test losses of ``val_fraction`` after each epoch (``val_losses.log``), nats per image.

        Empty without it; a damaged log is a `UserError`.
        """
        try:
            return self._curves("val_losses.log")
        except FileNotFoundError:
            return {}

    def _curves(self, log: str) -> dict[str, Float[np.ndarray, "epochs"]]:
        curves = read_curves(self.path / log, LOGS[log])
        return {name: np.array(list(curve.values())) for name, curve in curves.items()}

    @property
    def epochs(self) -> int:
        """How many epochs the log has; 0 if there is none."""
        if not (self.path / "train_losses.log").exists():
            return 0
        return max(map(len, self.losses.values()), default=0)

    @property
    def steps(self) -> int:
        """How many steps the epochs of the log had; 0 if the files do not say it."""
        used, images = self.specs.get("used"), self.specs.get("n_data")
        batch = used.get("batch_size") if isinstance(used, dict) else None
        if type(batch) is not int or type(images) is not int or batch < 1:
            return 0
        steps = self.epochs * -(-images // batch)
        return min(steps, self.options.max_steps or steps)

    @property
    def training_scores(self) -> dict[str, dict[int, float]]:
        """Scores while training (``train_metrics.log``), by the epoch's number, from 0.

        Empty if none were computed; a damaged log is a `UserError`.
        """
        try:
            return read_curves(self.path / "train_metrics.log", LOGS["train_metrics.log"])
        except FileNotFoundError:
            return {}

    @property
    def metrics(self) -> dict[str, Any]:
        """All of ``metrics.log``; empty if no score was computed."""
        logs = dict.fromkeys((self.outputs.came("metrics.log"), self.outputs.made("metrics.log")))
        return {key: v for log in logs if log.exists() for key, v in read_json(log).items()}

    def write_model(self, vae: "nn.Module", epoch: int | str | None = None) -> None:
        """Write ``model.pt``, or ``model-<epoch>.pt``, as of the best."""
        from disvae.runs.model import write_model

        write_model(self.path, vae, epoch)

    def write_log(self, name: str, epochs: Mapping[int, Mapping[str, float]]) -> None:
        """Write a log of training, one of `LOGS`: one row a term, or score, and epoch."""
        write_curves(self.path / name, LOGS[name], epochs)

    def merge_metrics(self, scores: Mapping[str, Any]) -> None:
        """Put `scores` into ``metrics.log``; those that stand there already are replaced."""
        from disvae.metrics.log import merge_scores

        merge_scores(self.outputs.file("metrics.log"), scores)
