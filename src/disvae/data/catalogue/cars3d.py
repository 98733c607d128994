"""Cars3D (Reed et al. 2015): 183 cars from 4 x 24 sides, 128x128."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from scipy.io import loadmat

from disvae.data.catalogue.entry import Entry
from disvae.data.parallel import map_in_order
from disvae.data.raw.archives import stream_tar_gz
from disvae.data.raw.files import RawFile
from disvae.data.raw.images import to_array
from disvae.data.store import Builder
from disvae.errors import UserError

SIZE = 64
_FOLDER = "http://www.scottreed.info/files/"
_MD5 = "4e866a7919c1beedf53964e6f7a23686"
FACTORS = {"elevation": 4, "azimuth": 24, "object": 183}
_SIDES = (128, 128, 3, 24, 4)  # row, column, colour, azimuth, elevation
_MAX_BYTES = 2**25  # of one car; it has about 5 MB


def _views(car: tuple[str, bytes], size: int) -> tuple[str, UInt8[np.ndarray, "96 3 S S"]]:
    name, content = car
    try:
        sides = loadmat(io.BytesIO(content), variable_names=["im"])["im"]
    except Exception:  # the MAT reader raises many kinds
        sides = None
    if sides is None or sides.shape != _SIDES or sides.dtype != np.uint8:
        raise UserError(
            f"{name} of dataset 'cars3d' is not a MAT file with 'im', uint8 "
            f"{'x'.join(map(str, _SIDES))}; fetch its file again."
        )
    pictures = np.ascontiguousarray(sides.transpose(4, 3, 0, 1, 2)).reshape(-1, *_SIDES[:3])
    return name, np.stack([to_array(Image.fromarray(picture), 3, size) for picture in pictures])


def _write(files: Mapping[str, Path], builder: Builder) -> None:
    # the object, one a file, is the fastest factor: all are kept (216 MB at 64 pixels, 864 MB at
    # 128), then written in order
    path = files["nips2015-analogy-data.tar.gz"]
    cars = stream_tar_gz(path, r"(.*/)?cars/[^/.][^/]*\.mat", _MAX_BYTES)
    views = dict(map_in_order(lambda car: _views(car, builder.size), cars))
    builder.expect(len(views) * 4 * 24)
    for side in range(builder.written // len(views), 4 * 24):  # elevation, azimuth
        builder.append(np.stack([views[name][side] for name in sorted(views)]))
    builder.write_factor_grid()


ENTRY = Entry(
    name="cars3d",
    image_shape=(3, SIZE, SIZE),
    splits={"train": 17_568},
    background="white",
    write=_write,
    other_sizes=(32, 128),
    factors=FACTORS,
    files=(RawFile.under((_FOLDER,), "nips2015-analogy-data.tar.gz", _MD5),),
    download="300 MB",
    licence="none stated by its authors",
    citation="Reed, Zhang, Zhang, Lee: Deep visual analogy-making, NeurIPS 2015",
)
