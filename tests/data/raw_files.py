"""Small raw files in the true format of each dataset, and what should become of them."""

import dataclasses
import functools
import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from typing import NamedTuple

import h5py
import numpy as np
import scipy.io
from PIL import Image

from disvae.data.catalogue.entry import Entry
from disvae.data.catalogue.registry import CATALOG

NAMES = (
    "mnist", "fashion", "celeba", "chairs", "shapes3d", "cars3d", "smallnorb",
    "mpi3d_toy", "mpi3d_realistic", "mpi3d_real",
)  # fmt: skip


class Raw(NamedTuple):
    """Raw files by name; the images [N, C, H, W] and factors [N, K] or None they stand for."""

    files: dict[str, bytes]
    splits: dict[str, int]
    images: np.ndarray
    sizes: dict[str, int]
    factors: np.ndarray | None


def noise(*shape, seed=0):
    """Make smooth random pixels: neighbours resemble each other, as in pictures."""
    coarse = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return np.maximum(coarse, np.roll(coarse, 1, axis=-1))


def encoded(pixels, kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def shrunk(picture, mode, resampling=Image.Resampling.LANCZOS, size=64):
    """Resize by Pillow; [C, H, W]."""
    resized = np.asarray(picture.convert(mode).resize((size, size), resampling))
    return resized.reshape(size, size, -1).transpose(2, 0, 1)


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def grid(sizes):
    return np.indices(tuple(sizes.values())).reshape(len(sizes), -1).T


def mnist():
    files, images = {}, []
    splits = {"train": 12, "test": 5}
    for stem, count in (("train", 12), ("t10k", 5)):
        pixels = noise(count, 28, 28, seed=count)
        labels = np.arange(count, dtype=np.uint8) % 10
        for kind, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            files[f"{stem}-{kind}-ubyte.gz"] = gzip.compress(idx_bytes(array), mtime=0)
        images += [
            shrunk(Image.fromarray(one), "L", Image.Resampling.BILINEAR, 32) for one in pixels
        ]
    return Raw(files, splits, np.stack(images), {}, None)


def celeba(count=40, size=64):
    jpegs = {
        f"img_align_celeba/{number:06}.jpg": encoded(noise(218, 178, 3, seed=number), "JPEG")
        for number in range(1, count + 1)
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("img_align_celeba/"), "")
        for name in reversed(jpegs):  # the order in the archive does not matter
            archive.writestr(zipfile.ZipInfo(name), jpegs[name])
        archive.writestr(zipfile.ZipInfo("__MACOSX/img_align_celeba/._000001.jpg"), b"no image")
    images = [shrunk(Image.open(io.BytesIO(jpeg)), "RGB", size=size) for jpeg in jpegs.values()]
    return Raw({"celeba.zip": buffer.getvalue()}, {"train": count}, np.stack(images), {}, None)


def tar_of(members, mode, specials=()):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in specials:
            archive.addfile(info)
    return buffer.getvalue()


def chairs(size=64):
    members, images = {"rendered_chairs/all_chair_names.mat": b"names"}, []
    members["rendered_chairs/1a2/renders/._image_000.png"] = b"no image"
    for chair in ("1a2", "1b3"):
        for view in range(3):
            pixels = np.full((600, 600, 3), 255, np.uint8)
            pixels[100 + view : 450, 150:400] = noise(350 - view, 250, 3, seed=view)
            name = f"rendered_chairs/{chair}/renders/image_{view:03}_p020_t011_r096.png"
            members[name] = encoded(pixels, "PNG", compress_level=1)
            cropped = Image.fromarray(pixels).crop((100, 100, 500, 500))
            resized = cropped.resize((size, size), Image.Resampling.LANCZOS)
            images.append(np.asarray(resized.convert("L"))[None])
    shuffled = dict(reversed(members.items()))
    files = {"rendered_chairs.tar": tar_of(shuffled, "w")}
    return Raw(files, {"train": 6}, np.stack(images), {}, None)


def shapes3d():
    sizes = dict(zip(CATALOG["shapes3d"].factors, (3, 2, 2, 2, 1, 3), strict=True))
    count = 72
    images = noise(count, 64, 64, 3)
    labels = np.stack(  # real values, as in the file: not ranks
        [
            np.linspace(-30, 30, size)[column]
            for size, column in zip(sizes.values(), grid(sizes).T, strict=True)
        ],
        axis=1,
    )
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("images", data=images, chunks=(20, 16, 16, 3), compression="gzip")
        file.create_dataset("labels", data=labels)
    files = {"3dshapes.h5": buffer.getvalue()}
    return Raw(files, {"train": count}, images.transpose(0, 3, 1, 2), sizes, grid(sizes))


def cars3d(size=64):
    sizes = {"elevation": 4, "azimuth": 24, "object": 3}
    members, cars = {"data/cars/list.txt": b"car_001_mesh\n"}, []
    members["data/cars/._car_000_mesh.mat"] = b"no car"
    for car in range(3):
        pixels = noise(4, 24, 16, 16, 3, seed=car).repeat(8, 2).repeat(8, 3)
        buffer = io.BytesIO()
        content = {"im": pixels.transpose(2, 3, 4, 1, 0), "mask": np.zeros((2, 2))}
        scipy.io.savemat(buffer, content, do_compression=True)
        undated = b"MATLAB 5.0 MAT-file".ljust(116) + buffer.getvalue()[116:]
        members[f"data/cars/car_{car:03}_mesh.mat"] = undated
        cars.append(pixels)
    images = [
        shrunk(Image.fromarray(cars[car][elevation, azimuth]), "RGB", size=size)
        for elevation, azimuth, car in grid(sizes)
    ]
    shuffled = dict(reversed(members.items()))
    files = {"nips2015-analogy-data.tar.gz": gzip.compress(tar_of(shuffled, "w"), mtime=0)}
    return Raw(files, {"train": len(images)}, np.stack(images), sizes, grid(sizes))


def norb_bytes(array):
    magic = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54}[array.dtype.name]
    shape = array.shape + (1,) * (3 - array.ndim)
    return struct.pack(f"<{2 + len(shape)}i", magic, array.ndim, *shape) + array.tobytes()


def smallnorb(size=64):
    files, images, factors = {}, [], []
    random = np.random.default_rng(0)
    for stem, toys, count in (
        ("smallnorb-5x46789x9x18x6x2x96x96-training", (4, 6, 7, 8, 9), 30),
        ("smallnorb-5x01235x9x18x6x2x96x96-testing", (0, 1, 2, 3, 5), 20),
    ):
        pairs = noise(count, 2, 96, 96, seed=count)
        instance = np.arange(count) % 5
        category, elevation, azimuth, lighting = (
            random.integers(0, size, count) for size in (5, 9, 18, 6)
        )
        info = np.stack([np.array(toys)[instance], elevation, 2 * azimuth, lighting], axis=1)
        for kind, array in (
            ("dat", pairs), ("cat", category.astype(np.int32)), ("info", info.astype(np.int32)),
        ):  # fmt: skip
            files[f"{stem}-{kind}.mat.gz"] = gzip.compress(norb_bytes(array), mtime=0)
        images += [shrunk(Image.fromarray(left), "L", size=size) for left in pairs[:, 0]]
        factors.append(np.stack([category, instance, elevation, azimuth, lighting], axis=1))
    sizes = dict(CATALOG["smallnorb"].factors)
    splits = {"train": 30, "test": 20}
    return Raw(files, splits, np.stack(images), sizes, np.concatenate(factors))


def mpi3d(kind):
    sizes = dict(zip(CATALOG[f"mpi3d_{kind}"].factors, (2, 2, 2, 1, 3, 2, 2), strict=True))
    images = noise(96, 64, 64, 3)
    buffer = io.BytesIO()
    save = np.savez if kind == "toy" else np.savez_compressed
    save(buffer, images=images)
    files = {f"mpi3d_{kind}.npz": buffer.getvalue()}
    return Raw(files, {"train": 96}, images.transpose(0, 3, 1, 2), sizes, grid(sizes))


@functools.cache
def raw(name: str, **size: int) -> Raw:
    """Make the raw files of dataset `name`, small, and its images, at another `size` if given."""
    makers = {"fashion": mnist} | {
        f"mpi3d_{kind}": functools.partial(mpi3d, kind) for kind in ("toy", "realistic", "real")
    }
    made: Raw = makers.get(name, globals().get(name))(**size)
    assert list(made.files) == [file.name for file in CATALOG[name].files]
    return made


def small_entry(name: str, *addresses: str) -> Entry:
    """Return the catalogue's entry, with the hashes of the small files, found at `addresses`."""
    entry, small = CATALOG[name], raw(name)
    files = tuple(
        dataclasses.replace(
            file,
            urls=tuple(f"{address}/{file.name}" for address in addresses),
            md5=file.md5 and hashlib.md5(small.files[file.name]).hexdigest(),  # noqa: S324
            md5_unpacked=None,
        )
        for file in entry.files
    )
    return dataclasses.replace(entry, files=files, splits=small.splits, factors=small.sizes)
