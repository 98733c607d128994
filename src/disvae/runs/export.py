"""A run for other programs and other people: its weights, its networks, or all of it."""

import importlib
import logging
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import get_args

import torch
from torch import Tensor, nn

from disvae.errors import UserError
from disvae.models.standard import standard
from disvae.models.vae import VAE
from disvae.runs.run import Run
from disvae.storage.files import replacing
from disvae.types import ExportFormat

# the same run gives the same bytes everywhere: the least date of zip files, and no compression,
# which differs between versions of zlib and gains little on weights and pictures
_DATE = (1980, 1, 1, 0, 0, 0)


def export(run: Run, to: ExportFormat = "zip", out: str | Path | None = None) -> list[Path]:
    """Write a run for other programs (its model) or for other people (all of it).

    Parameters
    ----------
    run
        The run; `Run.at` says which of its weights.
    to
        ``safetensors``: the weights, under the names of ``model.pt``. ``onnx``: two files, the
        encoder (``image [batch, C, H, W]`` in [0, 1] to ``mean`` and ``logvar [batch, D]``) and
        the decoder (``code [batch, D]`` to ``image``). ``zip``: the folder without checkpoints
        and exports, which `disvae.open_run` reads as it is.
    out
        File to write; two of ONNX get ``-encoder`` and ``-decoder`` before their ending. Default:
        ``model.safetensors`` or ``model-encoder.onnx`` among the plots, ``NAME.zip`` beside them.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    UserError
        If the format is unknown, a package it needs is missing, `out` is there already, or the
        run has no weights.

    Examples
    --------
    >>> disvae.export(run, "safetensors")  # doctest: +SKIP
    [PosixPath('results/first/model.safetensors')]
    """
    if to not in _WRITERS:
        raise UserError(f"{to!r} is no format of an export; there are {', '.join(_WRITERS)}.")
    if out is None:
        is_zip, outputs = to == "zip", run.outputs
        out = outputs.folder.with_name(f"{run.name}.zip") if is_zip else outputs.file(f"model.{to}")
        out.parent.mkdir(parents=True, exist_ok=True)
    return _WRITERS[to](run, Path(out))


def _safetensors(run: Run, out: Path) -> list[Path]:
    saving = _needed("safetensors.torch", "safetensors")
    weights = {name: value.contiguous() for name, value in run.model.state_dict().items()}
    with _new(out) as path:
        path.write_bytes(saving.save(weights, {"format": "pt", "run": run.name}))
    return [out]


def _onnx(run: Run, out: Path) -> list[Path]:
    _needed("onnxscript", "onnx")  # PyTorch exports by it
    model = standard(run.model)
    code, image = torch.zeros(2, model.latent_dim), torch.zeros(2, *model.image_shape)
    parts = {
        "encoder": (_Encoder(model), {"image": image}, ["mean", "logvar"]),
        "decoder": (_Decoder(model), {"code": code}, ["image"]),
    }
    files = [out.with_stem(f"{out.stem}-{part}") for part in parts]
    for file, (network, inputs, outputs) in zip(files, parts.values(), strict=True):
        with _new(file) as path, _quiet():
            program = torch.onnx.export(
                network,
                tuple(inputs.values()),
                dynamo=True,
                verbose=False,
                input_names=list(inputs),
                output_names=outputs,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
            )
            assert program is not None  # noqa: S101 - by dynamo it is the program
            shape = program.model.graph.inputs[0].shape
            if shape is None or isinstance(shape[0], int):  # its last resort
                raise UserError(
                    f"The model of {run.name} computes with the number of images, as by len(), so "
                    "that ONNX could take no other; let it use shapes without their first axis."
                )
            program.save(path)
    return files


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep from the user what PyTorch's exporter says of packages that it does not need."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)


class _Encoder(nn.Module):
    def __init__(self, model: VAE):
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.model.encode(image))


class _Decoder(nn.Module):
    def __init__(self, model: VAE):
        super().__init__()
        self.model = model

    def forward(self, code: Tensor) -> Tensor:
        return self.model.decode(code)


def _zip(run: Run, out: Path) -> list[Path]:
    _ = run.weights_file  # there is nothing to hand on without weights
    files = sorted(
        file for file in run.path.iterdir()
        if file.is_file()
        and not file.name.startswith((".", "checkpoint"))
        and file.suffix not in (".safetensors", ".onnx")
    )  # fmt: skip
    with _new(out) as path, zipfile.ZipFile(path, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(f"{run.name}/{file.name}", _DATE)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # of Unix
            archive.writestr(entry, file.read_bytes())
    return [out]


_WRITERS: dict[ExportFormat, Callable[[Run, Path], list[Path]]] = dict(
    zip(get_args(ExportFormat), (_safetensors, _onnx, _zip), strict=True)
)


@contextmanager
def _new(out: Path) -> Iterator[Path]:
    """Write `out`, whole or not at all, unless it is there already."""
    if out.exists():
        raise UserError(f"{out} is there already; move it away, or give another --out.")
    with replacing(out) as path:
        yield path


def _needed(module: str, extra: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UserError(
            f"This export needs a package that is not installed: pip install 'disvae[{extra}]'."
        ) from None
