"""MPI3D (Gondal et al. 2019): a robot arm in every combination of seven factors, three ways."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from disvae.data.catalogue.entry import Entry
from disvae.data.raw.files import RawFile
from disvae.data.raw.images import channels_first
from disvae.data.raw.npz import open_stream
from disvae.data.store import Builder
from disvae.errors import UserError

SIZE = 64
FACTORS = {
    "object_color": 6, "object_shape": 6, "object_size": 2, "camera_height": 3,
    "background_color": 3, "horizontal_axis": 40, "vertical_axis": 40,
}  # fmt: skip
# of Montero et al. 2021, who use no image of axis 20; cylinders, red ones, and an olive, large
# cylinder before sea green, seen from the centre
HOLD_OUTS = {
    "montero_extrapolation": "horizontal_axis>19",
    "montero_range_shape": "object_shape=2 & horizontal_axis<20",
    "montero_range_color": "object_color=2 & horizontal_axis<20",
    "montero_element": "object_color=5 & object_shape=2 & object_size=1 & camera_height=1 & "
    "background_color=1 & horizontal_axis>35 & vertical_axis>35",
}
_BLOCK = 256  # images
_FOLDERS = (
    "https://storage.googleapis.com/mpi3d_disentanglement_dataset/data/",
    "https://storage.googleapis.com/disentanglement_dataset/Final_Dataset/",
)


def _write(files: Mapping[str, Path], builder: Builder) -> None:
    (path,) = files.values()
    shape = (builder.manifest.n_images, SIZE, SIZE, 3)
    with open_stream(path, "images") as images:
        if images.shape != shape or images.dtype != np.uint8:
            raise UserError(
                f"{path}: 'images' should be uint8 {'x'.join(map(str, shape))}, but is "
                f"{images.dtype} {'x'.join(map(str, images.shape))}; fetch it again."
            )
        builder.extend(channels_first, images.blocks(_BLOCK, builder.written))
    builder.write_factor_grid()


def _entry(kind: str, md5: str) -> Entry:
    return Entry(
        name=f"mpi3d_{kind}",
        image_shape=(3, SIZE, SIZE),
        splits={"train": 1_036_800},
        background="black",
        write=_write,
        factors=FACTORS,
        hold_outs=HOLD_OUTS,
        files=(RawFile.under(_FOLDERS, f"mpi3d_{kind}.npz", md5),),
        download="up to 12.7 GB",
        licence="CC BY 4.0",
        citation="Gondal et al.: On the transfer of inductive bias from simulation to the real "
        "world, NeurIPS 2019",
    )


TOY = _entry("toy", "55889cb7c7dfc655d6e0277beee88868")
REALISTIC = _entry("realistic", "59a6225b88b635365f70c91b3e52f70f")
REAL = _entry("real", "0f33f609918fb5c97996692f91129802")
