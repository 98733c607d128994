"""3D Shapes (Burgess and Kim 2018): every combination of six factors, 480,000 images."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from disvae.data.catalogue.entry import Entry
from disvae.data.raw.files import RawFile
from disvae.data.raw.images import channels_first
from disvae.data.store import Builder
from disvae.errors import UserError

SIZE = 64
_FOLDER = "https://storage.googleapis.com/3d-shapes/"
_MD5 = "099a2078d58cec4daad0702c55d06868"
FACTORS = {
    "floor_hue": 10, "wall_hue": 10, "object_hue": 10, "scale": 8, "shape": 4, "orientation": 15,
}  # fmt: skip
_BLOCK = 256  # images
_MAX_SLAB = 2**15  # images: 400 MB


def _write(files: Mapping[str, Path], builder: Builder) -> None:
    builder.extend(channels_first, _blocks(files["3dshapes.h5"], builder))
    builder.write_factor_grid()


def _blocks(path: Path, builder: Builder) -> Iterator[UInt8[np.ndarray, "n 64 64 3"]]:
    import h5py  # slow to import, and only needed here

    sizes = tuple(builder.manifest.factors.values())
    count, written = builder.manifest.n_images, builder.written
    wrong = UserError(
        f"{path} is damaged or not the 3D Shapes file (HDF5 with 'images', uint8 "
        f"{count}x{SIZE}x{SIZE}x3, and 'labels', {count}x{len(sizes)}, in order); fetch it again."
    )
    try:
        with h5py.File(path, "r") as file:
            images, labels = file["images"], file["labels"]
            fits = images.shape == (count, SIZE, SIZE, 3) and images.dtype == np.uint8
            if not fits or not _is_grid(labels[:], sizes):
                raise wrong
            # compressed together with so many neighbours: read each of HDF5's chunks once
            together = images.chunks[0] if images.chunks else 1
            slab = min(max(together, _BLOCK // together * together), _MAX_SLAB)
            for start in range(written // slab * slab, count, slab):
                rows = images[start : start + slab]
                for first in range(max(0, written - start), len(rows), _BLOCK):
                    yield rows[first : first + _BLOCK]
    except (OSError, RuntimeError, KeyError, AttributeError, TypeError):
        raise wrong from None


def _is_grid(labels: np.ndarray, sizes: tuple[int, ...]) -> bool:
    """Whether the factor values `labels` [N, K] enumerate all combinations, last fastest."""
    if labels.shape != (np.prod(sizes), len(sizes)):
        return False
    expected = np.indices(sizes).reshape(len(sizes), -1)
    return all(
        np.array_equal(np.unique(column, return_inverse=True)[1], ranks)
        for column, ranks in zip(labels.T, expected, strict=True)
    )


# of Montero et al. 2021, and of Roth et al. 2023
HOLD_OUTS = {
    "montero_extrapolation": "floor_hue>4",
    "montero_range": "shape=3 & object_hue>4",
    "montero_range_floor": "shape=3 & floor_hue>4",
    "montero_range_hues": "object_hue>7 & wall_hue<3",
    "montero_element": "object_hue>7 & wall_hue>7 & floor_hue>7 & scale>4 & shape=1 & "
    "orientation>11",
    "roth_v1": "shape=3 & object_hue>=0.5",
    "roth_v2": "floor_hue<0.25 & wall_hue>0.75",
    "roth_v3": "shape=3 & wall_hue>0.75",
    "roth_v4": "shape=3 & floor_hue<0.25",
    "roth_fair_v1": "object_hue>=0.5",
    "roth_fair_v2": "floor_hue>=0.5",
    "roth_fair_v3": "wall_hue>=0.5",
    "roth_fair_v4": "floor_hue>=0.5 & wall_hue>=0.5",
    "roth_fair_v5": "scale>=0.5",
    "roth_fair_v6": "orientation>=0.5",
    "roth_fair_v7": "object_hue>=0.5 & wall_hue>=0.5",
}

ENTRY = Entry(
    name="shapes3d",
    image_shape=(3, SIZE, SIZE),
    splits={"train": 480_000},
    background="white",
    write=_write,
    factors=FACTORS,
    hold_outs=HOLD_OUTS,
    files=(RawFile.under((_FOLDER,), "3dshapes.h5", _MD5),),
    download="270 MB",
    licence="Apache 2.0",
    citation="Burgess, Kim: 3D Shapes dataset, 2018; Kim, Mnih: Disentangling by factorising, "
    "ICML 2018",
)
