"""The page with its runs in one file: no server, no network."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from disvae.errors import UserError
from disvae.explore.bundle import Bundle
from disvae.explore.opening import find_runs
from disvae.explore.page import single_page
from disvae.options import UserCode
from disvae.runs.run import Run
from disvae.storage.files import write_text

_MOST_RUNS = 12
_HALF_MAX = 65504  # the largest number of half precision


def export(
    runs: Sequence[Run | str | Path],
    path: str | Path,
    results_dir: str | Path = "results",
    data_dir: str | Path | None = None,
    images: int = 0,
    encoder: bool = False,
    precision: str = "half",
    code: Mapping[str, UserCode] | None = None,
    at: int | str | None = None,
) -> str:
    """Write the explorer's page with some runs to one file that decodes in the browser.

    Parameters
    ----------
    runs
        Runs, names, or folders; see `disvae.explore`.
    path
        The file, ``.html``; one that is there is replaced.
    results_dir, data_dir
        Where runs and prepared datasets lie.
    images
        How many images of each dataset to put in, at equal distances; 0: none.
    encoder
        Whether to put the encoder in, so that the page takes images of one's own.
    precision
        Of the weights: ``half`` or ``single``.
    code
        Code of the user's own that the runs were made with; see `disvae.Run`.
    at
        Which of their weights; see `disvae.open_run`.

    Returns
    -------
    str
        What was written, its size, and the licence of the images in it.

    Raises
    ------
    UserError
        If the page could not compute a model, images are not here, or the file cannot be named so.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"The page is an .html file, but {path} is not; rename it.")
    if not path.parent.is_dir():
        raise UserError(f"There is no folder {path.parent} for {path.name}; make it first.")
    asked = find_runs(runs, Path(results_dir), code, at)
    if len(asked.runs) > _MOST_RUNS:
        raise UserError(
            f"A file holds at most {_MOST_RUNS} runs, but these are {len(asked.runs)}; name fewer."
        )
    bundles = [Bundle(run, None if data_dir is None else Path(data_dir)) for run in asked.runs]
    data = {"runs": [_embedded(bundle, images, encoder, precision) for bundle in bundles]}
    names = ", ".join(run.name for run in asked.runs)
    write_text(path, single_page(data, f"{names} – disvae"))
    said = [f"The page is in {path} ({path.stat().st_size / 1e6:.2f} MB); open it in any browser."]
    licences = (entry["facts"]["images"] for entry in data["runs"])
    said += dict.fromkeys(there["licence"] for there in licences if there)
    return "\n".join(said)


def _embedded(bundle: Bundle, images: int, encoder: bool, precision: str) -> dict[str, Any]:
    """Describe one run with all that the page needs of it."""
    decoder, encoder_layers, reason = bundle.networks
    name = bundle.run.name
    if decoder is None or (encoder and encoder_layers is None):
        raise UserError(
            f"{name} cannot go into a file, as the page cannot compute its model ({reason}); "
            f"explore it with the server: disvae explore {name}."
        )
    largest = max(float(weights.abs().max()) for weights in bundle.model.state_dict().values())
    dtype = "float16" if precision == "half" and largest < _HALF_MAX else "float32"
    layers, weights = bundle.weights(dtype, encoder)
    facts = {**bundle.facts(), **layers}
    chosen = _chosen_images(bundle, images) if images else []
    facts["images"] = {**facts["images"], "count": len(chosen)} if chosen else None
    return {
        "facts": facts,
        "weights": base64.b64encode(weights).decode("ascii"),
        "precision": dtype,
        "images": chosen,
        "histograms": bundle.histograms,
    }


def _chosen_images(bundle: Bundle, count: int) -> list[dict[str, Any]]:
    """Take images from the first to the last, with their posteriors."""
    if bundle.dataset is None:
        raise UserError(
            f"The images of '{bundle.run.options.dataset}' are not prepared here; prepare them "
            "(disvae data prepare), or leave --images out."
        )
    indices = np.unique(np.linspace(0, len(bundle.dataset) - 1, count).astype(int)).tolist()
    posteriors = bundle.encode(bundle.dataset.images(indices).numpy())
    if not torch.from_numpy(posteriors).isfinite().all():
        raise UserError(f"{bundle.run.name} encodes images to values that are not finite.")
    latents = bundle.model.latent_dim
    return [
        {
            **image,
            "place": place,
            "mean": [round(float(v), 5) for v in posterior[:latents]],
            "logvar": [round(float(v), 5) for v in posterior[latents:]],
        }
        for place, (image, posterior) in enumerate(
            zip(bundle.images(indices), posteriors, strict=True)
        )
    ]
