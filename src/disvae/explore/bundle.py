"""A run as the page sees it: its model as layers, its images, what is known of its latents."""

import base64
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8

from disvae.data.catalogue.registry import CATALOG
from disvae.data.dataset import Dataset
from disvae.errors import UserError
from disvae.explore import evidence
from disvae.explore.layers import decoder_network, encoder_network
from disvae.explore.network import InexpressibleError, Network, Weights
from disvae.explore.opening import RunChangedError
from disvae.runs.encode import encode
from disvae.runs.run import Run

_IMAGES_FOR_KL = 1000
_IMAGES_FOR_HISTOGRAMS = 5000
_MOST_HISTOGRAMS = 32

Stamp = tuple[int, int, int]


class Bundle:
    """An opened run; all that is read or computed of it is kept.

    A model that cannot be opened is a `UserError`.
    """

    def __init__(self, run: Run, data_dir: Path | None = None):
        self.stamp = _stamp(run)
        if "model" in vars(run):  # read anew
            run = Run(run.path, run.code, run.at, run.outputs.folder)
        self.run = run
        self.model = self.run.model
        self._data_dir = data_dir
        self._lock = threading.RLock()
        self._networks: tuple[Network | None, Network | None, str] | None = None

    def require_unchanged(self) -> None:
        """Raise `RunChangedError` if the run was removed or trained anew since it was opened."""
        name = self.run.name
        if not self.run.path.is_dir():
            raise RunChangedError(f"The folder of the run {name} is gone.")
        if not self.run.has_weights:
            raise RunChangedError(f"The run {name} is being trained anew; it has no model yet.")
        if self.is_outdated:
            raise RunChangedError(f"The run {name} was trained anew since this page opened it.")

    @property
    def is_outdated(self) -> bool:
        """Whether the model on disk is another by now."""
        return _stamp(self.run) != self.stamp

    @property
    def networks(self) -> tuple[Network | None, Network | None, str]:
        """Decoder and encoder as layers, and why one of them is None."""
        with self._lock:  # a page may ask while they are being derived
            if self._networks is None:
                self._networks = self._derive_networks()
            return self._networks

    def _derive_networks(self) -> tuple[Network | None, Network | None, str]:
        found: list[Network | None] = []
        reason = ""
        for derive in (decoder_network, encoder_network):
            try:
                found.append(derive(self.model))
            except InexpressibleError as error:
                found.append(None)
                reason = str(error)
        return found[0], found[1], reason

    @cached_property
    def dataset(self) -> Dataset | None:
        """The images that the run was trained on, if they are prepared here."""
        with self._lock:
            try:
                dataset = self._open_dataset()
            except (UserError, OSError):
                return None
        return dataset if dataset and dataset.image_shape == self.run.image_shape else None

    def _open_dataset(self) -> Dataset | None:
        return self.run.prepared_dataset(self._data_dir)

    @cached_property
    def factors(self) -> Int[np.ndarray, "N K"] | None:
        """The factors of all images, in few bytes."""
        factors = None if self.dataset is None else self.dataset.factors
        return None if factors is None else factors.astype(np.int32)

    @cached_property
    def kl(self) -> list[float] | None:
        """KL of each latent in nats, of the log, else measured on some images if they are here."""
        logged = evidence.logged_kl(self.run)
        if logged is not None or self.dataset is None:
            return logged
        measured: list[float] = (
            encode(self.model, self.dataset, indices=self._some(_IMAGES_FOR_KL)).kl().tolist()
        )
        return measured

    @cached_property
    def order(self) -> list[int]:
        """The latents, largest KL first."""
        return evidence.order_of(self.kl, self.run.options.latent_dim)

    @cached_property
    def histograms(self) -> dict[str, Any] | None:
        """Histograms of the posterior means of some images; None if they are not here."""
        with self._lock:
            if self.dataset is None:
                return None
            some = self._some(_IMAGES_FOR_HISTOGRAMS)
            codes = encode(self.model, self.dataset, indices=some)
            means = np.asarray(codes.mean)
            return evidence.histograms(means, self.order[:_MOST_HISTOGRAMS])

    def facts(self) -> dict[str, Any]:
        """Return what the page shows of the run at once, without its layers."""
        run = self.run
        return {
            "name": run.name,
            "loss": run.options.loss,
            "dataset": evidence.text(run.options.dataset),
            "shape": run.image_shape,
            "background": run.background,
            "latents": run.options.latent_dim,
            "kl": self.kl,
            "order": self.order,
            "known": evidence.known_factors(run),
            "scores": evidence.scores(run),
            "matrices": evidence.matrices(run),
            "losses": evidence.losses(run),
            "test": evidence.test_losses(run),
            "options": evidence.options(run),
            "images": self.images_facts(),
        }

    def images_facts(self) -> dict[str, Any] | None:
        """Describe the dataset: its number of images, its factors, its licence."""
        dataset = self.dataset
        if dataset is None:
            return None
        return {
            "count": len(dataset),
            "factors": [evidence.text(name) for name in dataset.factor_names],
            "sizes": dataset.factor_sizes,
            "licence": licence_line(dataset.name),
        }

    def images(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """Return images of the dataset with their factors; none there is a `UserError`."""
        dataset = self._needed_dataset()
        if any(index < 0 for index in indices):
            raise UserError(f"Dataset '{dataset.name}' has the images 0 to {len(dataset) - 1}.")
        pixels = dataset.images(list(indices)).numpy()
        factors = self.factors
        return [
            {
                "index": index,
                "pixels": base64.b64encode(image.tobytes()).decode("ascii"),
                "factors": [] if factors is None else factors[index].tolist(),
            }
            for index, image in zip(indices, pixels, strict=True)
        ]

    def find(self, wanted: Sequence[int], first: int = 0) -> int:
        """Return the image whose factors come nearest to `wanted`: number `first` above all."""
        dataset, factors = self._needed_dataset(), self.factors
        if factors is None or len(wanted) != factors.shape[1]:
            raise UserError(f"The images of '{dataset.name}' cannot be found by such factors.")
        distance = np.zeros(len(factors), dtype=np.int64)
        for k, value in enumerate(np.clip(wanted, 0, 2**31 - 1)):
            differs = np.abs(factors[:, k].astype(np.int64) - value)
            distance += differs + (differs > 0) * (10**12 if k == first else 10**9)
        return int(distance.argmin())

    @torch.inference_mode()
    def decode(self, codes: Float[np.ndarray, "B D"]) -> UInt8[np.ndarray, "B C H W"]:
        """Decode on the server, for models that the page cannot compute."""
        decoded = torch.nan_to_num(self.model.decode(torch.tensor(codes))).clamp(0, 1)
        pixels: UInt8[np.ndarray, "B C H W"] = (decoded * 255).round().to(torch.uint8).numpy()
        return pixels

    @torch.inference_mode()
    def encode(
        self, images: UInt8[np.ndarray, "B C H W"]
    ) -> Float[np.ndarray, "B means_and_logvars"]:
        """Encode on the server: means, then log variances."""
        posterior = self.model.encode(torch.tensor(images).float() / 255)
        return torch.cat(list(posterior), dim=1).numpy()

    def weights(
        self, precision: str = "float32", encoder: bool = True
    ) -> tuple[dict[str, Any], bytes]:
        """Return the layers of both networks, and their weights."""
        decoder, encoder_layers, reason = self.networks
        blob = Weights(precision)
        described = {
            "decoder": None if decoder is None else blob.describe(decoder),
            "encoder": (
                None if encoder_layers is None or not encoder else blob.describe(encoder_layers)
            ),
            "reason": reason,
        }
        return described, blob.content()

    def _needed_dataset(self) -> Dataset:
        if self.dataset is None:
            raise UserError(
                f"The images of '{evidence.text(self.run.options.dataset)}' are not prepared here."
            )
        return self.dataset

    def _some(self, count: int) -> Int[np.ndarray, "n"]:
        assert self.dataset is not None  # noqa: S101
        return np.sort(np.random.default_rng(0).permutation(len(self.dataset))[:count])


def licence_line(dataset: str) -> str:
    """Say what the authors of a dataset allow, and whom to cite."""
    entry = CATALOG.get(dataset)
    if entry is None:
        return f"Images of {evidence.text(dataset)}: their licence is not known here."
    return f"Images of {dataset}. Licence: {entry.licence}. {entry.citation}".strip()


def _stamp(run: Run) -> Stamp:
    try:
        state = run.weights_file.stat()
    except (OSError, UserError):
        return 0, 0, 0
    return state.st_mtime_ns, state.st_size, state.st_ino
