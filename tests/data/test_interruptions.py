"""Kill -9 at any time: the next call completes, with the same bytes as an undisturbed one."""

import json
import signal
import time

import numpy as np
import pytest

from disvae.data import store
from disvae.data.catalogue import registry as catalog
from disvae.data.prepare import load_dataset, prepare
from tests import processes
from tests.data.interrupted import prepare_and_die
from tests.data.raw_files import encoded, noise, raw, small_entry
from tests.data.server import serving

KILLED = -signal.SIGKILL


def start(name, address, root, appends):
    return processes.start(prepare_and_die, name, address, root, appends)


def status_of(process):
    process.join(60)
    return process.exitcode


def hashes(folder):
    return json.loads((folder / "manifest.json").read_bytes())["hashes"]


@pytest.fixture
def undisturbed(offer, tmp_path, monkeypatch):
    """Prepare a dataset in one go; return the hashes of its arrays."""

    def run(name):
        offer(name, "good")
        return hashes(prepare(name, tmp_path / "undisturbed"))

    return run


@pytest.mark.parametrize(
    "name", ["mnist", "celeba", "chairs", "mpi3d_real", "shapes3d", "smallnorb", "cars3d"]
)
def test_killed_in_the_middle_of_a_preparation(name, undisturbed, tmp_path, server, monkeypatch):
    wanted = undisturbed(name)
    address, root = f"{server.url}/good", tmp_path / "data"
    server.seen.clear()
    assert status_of(start(name, address, root, 1)) == KILLED
    assert not (root / name).exists()
    assert (root / f".{name}.partial").is_dir()
    written = []
    append = store.Builder.append
    monkeypatch.setattr(
        store.Builder,
        "append",
        lambda builder, rows: written.append(len(rows)) or append(builder, rows),
    )
    assert hashes(prepare(name, root)) == wanted
    n_images = sum(raw(name).splits.values())
    assert 0 < sum(written) < n_images  # it went on where it was
    assert len(server.seen) == len(raw(name).files)  # and fetched nothing twice
    assert {path.name for path in root.iterdir()} == {name, f".{name}.lock"}
    np.testing.assert_array_equal(
        load_dataset(name, root).images(slice(None)).numpy(),
        raw(name).images[: raw(name).splits["train"]],
    )


def test_killed_again_and_again(undisturbed, tmp_path, server):
    wanted = undisturbed("celeba")
    for appends, status in ((2, KILLED), (2, KILLED), (0, 0)):
        process = start("celeba", f"{server.url}/good", tmp_path / "data", appends)
        assert status_of(process) == status
    assert hashes(tmp_path / "data/celeba") == wanted


@pytest.mark.parametrize("name", ["celeba", "chairs"])
def test_killed_in_the_middle_of_a_download(name, undisturbed, tmp_path, server):
    wanted = undisturbed(name)
    root = tmp_path / "data"
    process = start(name, f"{server.url}/stall", root, 0)
    assert server.half_sent.wait(60)
    part = next(iter(raw(name).files)) + ".part"
    while not (root / f".{name}.downloads" / part).exists():
        assert process.is_alive()
        time.sleep(0.01)
    process.kill()
    assert status_of(process) == KILLED
    assert not (root / name).exists()
    assert hashes(prepare(name, root)) == wanted
    assert {path.name for path in root.iterdir()} == {name, f".{name}.lock"}


def test_killed_in_the_middle_of_a_folder_of_own_images(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(20):
        (photos / f"{number}.png").write_bytes(encoded(noise(20, 30, 3, seed=number), "PNG"))
    wanted = hashes(prepare(photos, tmp_path / "undisturbed"))
    assert status_of(start(str(photos), "", tmp_path / "data", 2)) == KILLED
    assert list((tmp_path / "data/own").glob("photos*")) == []
    assert hashes(prepare(photos, tmp_path / "data")) == wanted


def test_the_rest_of_other_raw_files_is_not_mixed_in(tmp_path, monkeypatch):
    """A preparation broke off; then the authors published other files."""
    with serving(dict(raw("celeba").files)) as server:
        assert status_of(start("celeba", f"{server.url}/good", tmp_path, 2)) == KILLED
        progress = tmp_path / ".celeba.partial/progress.json"
        before = json.loads(progress.read_bytes())
        before["manifest"]["source_hashes"] = {"celeba.zip": "md5:other"}
        progress.write_text(json.dumps(before))
        with (tmp_path / ".celeba.partial/images.npy").open("r+b") as file:
            file.seek(200)
            file.write(b"x" * 5000)
        monkeypatch.setitem(
            catalog.CATALOG,
            "celeba",
            small_entry("celeba", f"{server.url}/good"),
        )
        dataset = load_dataset("celeba", tmp_path)
    np.testing.assert_array_equal(dataset.images(slice(None)).numpy(), raw("celeba").images)
