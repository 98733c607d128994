"""How fast, and in how much memory, datasets are prepared: made raw files of the true format.

python -m benchmarks.data celeba 20000
python -m benchmarks.data mpi3d_toy 1036800     # 13 GB of disk for the raw file, 13 for the arrays
"""

import argparse
import dataclasses
import io
import json
import math
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image


def photo(seed: int, width: int, height: int) -> Image.Image:
    """Make a picture as smooth as photographs are: a JPEG of it is as long as those of CelebA."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 12, width // 12, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    grain = random.integers(-4, 5, smooth.shape)
    return Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8))


def encode(image: Image.Image, kind: str) -> bytes:
    """Return the image as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def make_celeba(path: Path, count: int) -> None:
    """Write a zip of JPEGs."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            name = f"img_align_celeba/{number:06}.jpg"
            archive.writestr(name, encode(photo(number, 178, 218), "JPEG"))


def make_chairs(path: Path, count: int) -> None:
    """Write a tar of PNGs, a picture in the middle of white."""
    with tarfile.open(path, "w") as archive:
        for number in range(count):
            image = Image.new("RGB", (600, 600), "white")
            image.paste(photo(number, 200, 250), (200, 150))
            content = encode(image, "PNG")
            info = tarfile.TarInfo(f"rendered_chairs/{number // 62:04}/renders/{number:06}.png")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def blocks(count: int) -> Iterator[np.ndarray]:
    """Yield random pictures, a thousand at a time."""
    for start in range(0, count, 1000):
        n = min(1000, count - start)
        yield np.random.default_rng(start).integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)


def make_mpi3d(path: Path, count: int) -> None:
    """Write an npz, piece by piece."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, 64, 64, 3)}
    with (
        zipfile.ZipFile(path, "w") as archive,
        archive.open("images.npy", "w", force_zip64=True) as f,
    ):
        np.lib.format.write_array_header_1_0(f, header)
        for block in blocks(count):
            f.write(block.tobytes())


def make_shapes3d(path: Path, count: int) -> None:
    """Write an HDF5 file, compressed in the pieces that h5py chooses; pictures are half empty."""
    import h5py

    with h5py.File(path, "w") as file:
        images = file.create_dataset(
            "images", (count, 64, 64, 3), np.uint8, compression="gzip", chunks=True
        )
        step = images.chunks[0]
        for start in range(0, count, step):
            n = min(step, count - start)
            images[start : start + n] = next(blocks(1)).repeat(n, 0)
        grid = np.indices(tuple(factors("shapes3d", count).values())).reshape(6, -1).T
        file["labels"] = grid.astype(np.float64)


def factors(name: str, count: int) -> dict[str, int]:
    """Return the factors of the dataset, or of a smaller one: the last has all values."""
    from disvae.data.catalogue.registry import CATALOG

    known = dict(CATALOG[name].factors)
    if known and math.prod(known.values()) != count:
        *others, last = known
        return dict.fromkeys(others, 1) | {last: count}
    return known


MAKERS: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    "celeba": ("celeba.zip", make_celeba),
    "chairs": ("rendered_chairs.tar", make_chairs),
    "shapes3d": ("3dshapes.h5", make_shapes3d),
    "mpi3d_toy": ("mpi3d_toy.npz", make_mpi3d),
}


def prepare(name: str, count: int, raw: Path, root: Path) -> None:
    """Prepare the raw file as if it were the published one; runs in a process of its own."""
    from disvae.data.catalogue import registry as catalog
    from disvae.data.importing import import_files

    entry = catalog.CATALOG[name]
    files = tuple(dataclasses.replace(file, md5=None) for file in entry.files)
    catalog.CATALOG[name] = dataclasses.replace(
        entry, files=files, splits={"train": count}, factors=factors(name, count)
    )
    before = time.perf_counter()
    import_files(name, [raw], root)
    seconds = time.perf_counter() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"dataset": name, "images": count, "raw_MB": round(raw.stat().st_size / 1e6)}
    figures |= {"seconds": round(seconds, 1), "images_per_second": round(count / seconds)}
    figures |= {"peak_MiB": round(peak), "cores": os.cpu_count() or 1}
    print(json.dumps(figures))


def main() -> None:
    """Make a raw file, prepare it in a new process and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=list(MAKERS))
    parser.add_argument("count", type=int)
    parser.add_argument("--raw", type=Path, help="a raw file made before")
    parser.add_argument("--root", type=Path)
    given = parser.parse_args()
    if given.root is not None:
        prepare(given.name, given.count, given.raw, given.root)
        return
    file, make = MAKERS[given.name]
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / file
        make(raw, given.count)
        subprocess.run(  # noqa: S603
            [sys.executable, "-m", "benchmarks.data", given.name, str(given.count),
             "--raw", str(raw), "--root", f"{folder}/data"],
            check=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
