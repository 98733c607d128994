"""Small datasets and runs that the tests share.

How tests stay fast, for all of them must end in minutes on two cores:

- Where the network does not matter, train `small_networks`; where a run is only read, take
  `trained`; else a few steps on the datasets of `data_dir`.
- Processes come from `tests.processes`, where PyTorch is loaded; a new Python takes seconds for it.
- Hypothesis tries 100 examples, which is too many where each trains or draws.
- ``pytest --durations=40`` shows the slowest: look at yours.
"""

import gc
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

from disvae.devices.process import spin_briefly

spin_briefly()  # before PyTorch is imported: others may use this machine
gc.set_threshold(100_000, 50, 50)  # a collection looks at all that PyTorch and others loaded
if "PYTEST_XDIST_WORKER" in os.environ:  # each of the processes has a core
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.shapes import shaped_modules  # noqa: E402

install_import_hook(shaped_modules(), "tests.shapes.check_shapes")  # before they are imported

from disvae.data.store import Manifest, building  # noqa: E402
from disvae.models.registry import ARCHITECTURES  # noqa: E402
from disvae.objectives import discriminator  # noqa: E402
from tests.watch import watching  # noqa: E402

_files = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]  # tests on files are slow
settings.register_profile("default", deadline=None, suppress_health_check=_files)
settings.register_profile("fuzz", parent=settings.get_profile("default"), max_examples=5000)
settings.load_profile("default")


def pytest_xdist_auto_num_workers() -> int:
    """One more process than there are cores: some tests wait for others' time limits."""
    return joblib.cpu_count() + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits the longest: a cluster's machines are missed only after seconds."""
    items.sort(key=lambda item: item.path.name != "test_cluster.py")


SHARED = Path(__file__).parents[2] / "shared"
N_DIGITS = 100
N_SPRITES = 96


def store_images(folder: Path, images: np.ndarray, factors: dict[str, int], packed: bool) -> Path:
    """Store uint8 images [N, C, H, W] as the prepared dataset `folder`."""
    manifest = Manifest(
        name=folder.name,
        image_shape=images.shape[1:],
        splits={"train": len(images)},
        background="black",
        factors=factors,
        packed=packed,
        source={"images": "made by the tests"},
    )
    with building(folder, manifest) as builder:
        rows = np.packbits(images.reshape(len(images), -1) > 0, axis=1) if packed else images
        builder.append(rows)
        if factors:
            grid = np.indices(tuple(factors.values()), dtype=np.uint8)
            builder.write_factors(grid.reshape(len(factors), -1).T)
    return folder


def blobs(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Make bright squares at random places, uint8 [count, 1, size, size]."""
    random = np.random.default_rng(seed)
    images = np.zeros((count, 1, size, size), np.uint8)
    for image in images:
        top, left = random.integers(0, size - 8, 2)
        image[0, top : top + 8, left : left + 8] = 255
    return images


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory) -> Path:
    """Prepared datasets `mnist` (32 pixels, no factors) and `dsprites` (64, packed), small."""
    root = tmp_path_factory.mktemp("data")
    store_images(root / "mnist", blobs(N_DIGITS, 32), {}, packed=False)
    sprites = {"shape": 3, "scale": 2, "orientation": 4, "posX": 2, "posY": 2}
    store_images(root / "dsprites", blobs(N_SPRITES, 64, seed=1), sprites, packed=True)
    return root


@pytest.fixture(scope="session")
def trained(data_dir, tmp_path_factory):
    """A run of two epochs on the small `mnist`; do not change its folder."""
    import disvae

    results = tmp_path_factory.mktemp("results")
    return disvae.train(
        "trained", loss="btcvae", epochs=2, batch_size=16, latent_dim=4,
        checkpoint_every=1, results_dir=results, data_dir=data_dir, device="cpu",
    )  # fmt: skip


@pytest.fixture(scope="module")
def small_networks(trained):
    """Few weights instead of Burgess's and of the discriminator's, for a whole module.

    For tests of what is around a network: their trainings take a tenth of the time. Processes
    that they start have the real ones, and so has `trained`, which is made before.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "Burgess", "tests.models.small")
        patch.setattr(discriminator, "_UNITS", 20)
        yield


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A mounted file system of 16 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small file system needs root on Linux")
    yield path
    subprocess.run(["umount", str(path)], check=True)


@pytest.fixture
def nothing_outside(tmp_path_factory):
    """Fail a test that writes, removes, starts or connects to anything but its own folders."""
    with watching(tmp_path_factory.getbasetemp()) as outside:
        yield
    assert outside == []


@pytest.fixture
def shared() -> Path:
    """The published runs and real images, which lie beside some checkouts only."""
    if not SHARED.is_dir():
        pytest.skip("the published runs and real images are not beside this checkout")
    return SHARED
