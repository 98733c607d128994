"""Downloads from a server that misbehaves: a clean retry or one sentence, never wrong data."""

import gzip
import hashlib
import subprocess
import sys
import threading

import numpy as np
import pytest

from disvae.cli import main
from disvae.data.catalogue import registry as catalog
from disvae.data.importing import import_files
from disvae.data.prepare import load_dataset
from disvae.data.raw import download
from disvae.errors import UserError
from tests.data.raw_files import NAMES, raw, small_entry
from tests.data.server import LASTING, PASSING, serving

# the others come in files like those of one of these
KINDS = [name for name in NAMES if name not in ("fashion", "mpi3d_realistic")]


def assert_images(name, root):
    dataset = load_dataset(name, root)
    np.testing.assert_array_equal(
        dataset.images(slice(None)).numpy(), raw(name).images[: len(dataset)]
    )
    left = {path.name for path in root.iterdir()}
    assert left == {f".{name}.lock", name}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_ends_in_the_right_images(name, fault, offer, data, tmp_path):
    if fault == "wrong-once" and name == "chairs":
        pytest.skip("no hash is published: nothing tells a wrong file from the right one")
    offer(name, fault)
    assert data("prepare", name)[0] == 0
    assert_images(name, tmp_path / "data")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("fault", LASTING)
def test_the_next_source_is_tried(name, fault, offer, data, tmp_path, monkeypatch):
    if fault == "wrong" and name == "chairs":
        pytest.skip("no hash is published: nothing tells a wrong file from the right one")
    monkeypatch.setattr(download, "_TRIES", 1)
    offer(name, fault, "good")
    assert data("prepare", name)[0] == 0
    assert_images(name, tmp_path / "data")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_that_stays_is_one_sentence_that_says_what_to_do(
    name, fault, offer, data, tmp_path, monkeypatch
):
    monkeypatch.setattr(download, "_TRIES", 1)
    offer(name, fault)
    status, said = data("prepare", name)
    assert status == 2
    assert said.count("\n") == 0
    assert not (tmp_path / "data" / name).exists()
    if fault == "wrong" and name == "chairs":
        assert "cut short or damaged, or no tar file" in said
        assert [path.name for path in (tmp_path / "data").iterdir()] == [".chairs.lock"]
        return
    file = catalog.CATALOG[name].files[0]
    assert f"{file.urls[0]}: {LASTING[fault]}" in said
    assert f"fetch by hand {file.name} from {file.urls[0]}" in said
    command = said.rpartition("and run: disvae ")[2].split()
    for other in catalog.CATALOG[name].files:
        assert f"{other.name} from {other.urls[0]}" in said
        (tmp_path / other.name).write_bytes(raw(name).files[other.name])
    # the command that the sentence names works
    monkeypatch.chdir(tmp_path)
    assert main(command) == 0
    assert_images(name, tmp_path / "data")


def test_a_file_that_is_there_already_need_not_be_fetched_by_hand(offer, data, tmp_path, server):
    offer("mnist", "good")
    last = list(server.files)[-1]
    content = server.files.pop(last)
    status, said = data("prepare", "mnist")
    assert status == 2
    where = tmp_path / "data"
    assert said.endswith(f"and run: disvae data import mnist {last} --data-dir {where}")
    (tmp_path / last).write_bytes(content)
    assert data("import", "mnist", tmp_path / last)[0] == 0
    assert_images("mnist", tmp_path / "data")


def test_a_download_that_broke_off_goes_on_where_it_was(offer, data, server):
    offer("celeba", "cut-twice")
    assert data("prepare", "celeba")[0] == 0
    size = len(raw("celeba").files["celeba.zip"])
    second, third = (
        int(sent.removeprefix("bytes=").removesuffix("-")) for sent in server.ranges[1:]
    )
    assert size // 2 - 2**16 < second <= size // 2  # the last bytes before the cut may be lost
    assert second + (size - second) // 2 - 2**16 < third <= second + (size - second) // 2


def test_a_server_that_cannot_go_on_sends_all_once_more(offer, data, server):
    offer("celeba", "no-range")
    assert data("prepare", "celeba")[0] == 0
    assert [sent is None for sent in server.ranges] == [True, False]


def test_without_a_hash_a_download_starts_anew(offer, data, server):
    offer("chairs", "cut-twice")
    assert data("prepare", "chairs")[0] == 0
    assert server.ranges == [None, None, None]


def test_a_whole_download_that_was_not_yet_named_is_used(offer, data, tmp_path, server):
    offer("celeba", "good")
    downloads = tmp_path / "data/.celeba.downloads"
    downloads.mkdir(parents=True)
    (downloads / "celeba.zip.part").write_bytes(raw("celeba").files["celeba.zip"])
    assert data("prepare", "celeba")[0] == 0
    assert_images("celeba", tmp_path / "data")


def test_a_part_of_another_file_is_thrown_away(offer, data, tmp_path):
    offer("celeba", "good")
    downloads = tmp_path / "data/.celeba.downloads"
    downloads.mkdir(parents=True)
    (downloads / "celeba.zip.part").write_bytes(b"something else")
    assert data("prepare", "celeba")[0] == 0
    assert_images("celeba", tmp_path / "data")


def test_a_wrong_part_and_a_cut_connection_end_in_a_clean_try(offer, data, tmp_path, server):
    offer("celeba", "cut-once")
    downloads = tmp_path / "data/.celeba.downloads"
    downloads.mkdir(parents=True)
    (downloads / "celeba.zip.part").write_bytes(b"something else")
    assert data("prepare", "celeba")[0] == 0
    assert len(server.seen) == 3
    assert server.ranges[2] is None
    assert_images("celeba", tmp_path / "data")


def test_without_a_published_hash_the_first_is_recorded_and_checked(offer, data, tmp_path):
    offer("chairs", "good")
    assert data("prepare", "chairs")[0] == 0
    content = raw("chairs").files["rendered_chairs.tar"]
    digest = hashlib.sha256(content).hexdigest()
    assert f'"rendered_chairs.tar": "sha256:{digest}"' in (
        tmp_path / "data/chairs/manifest.json"
    ).read_text("utf-8")
    file = tmp_path / "mine.tar"
    file.write_bytes(content)
    assert "already prepared" in import_files("chairs", [file], tmp_path / "data")
    file.write_bytes(content + b"\0")
    with pytest.raises(UserError, match=r"is not the rendered_chairs\.tar that came first"):
        import_files("chairs", [file], tmp_path / "data")


def test_an_unfinished_download_without_hash_must_stay_as_it_was_recorded(
    offer, data, tmp_path, monkeypatch, server
):
    offer("chairs", "good")
    monkeypatch.setattr("disvae.data.prepare.write_entry", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        data("prepare", "chairs")
    monkeypatch.undo()
    monkeypatch.setattr(download, "_PAUSE", 0)
    offer("chairs", "good")
    archive = tmp_path / "data/.chairs.downloads/rendered_chairs.tar"
    assert archive.exists()
    archive.write_bytes(b"changed")
    assert data("prepare", "chairs")[0] == 0
    assert server.seen == ["/good/rendered_chairs.tar"] * 2
    assert_images("chairs", tmp_path / "data")


def test_a_server_that_is_not_there(data, monkeypatch, tmp_path):
    monkeypatch.setitem(catalog.CATALOG, "celeba", small_entry("celeba", "http://127.0.0.1:9/good"))
    status, said = data("prepare", "celeba")
    assert status == 2
    assert "no connection" in said
    assert [path.name for path in (tmp_path / "data").iterdir()] == [".celeba.lock"]


def test_a_proxy_that_is_not_there(offer, data, monkeypatch):
    offer("celeba", "good")
    monkeypatch.setitem(
        catalog.CATALOG, "celeba", small_entry("celeba", "http://nowhere.invalid/good")
    )
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert "no connection through the proxy" in data("prepare", "celeba")[1]


def test_what_is_prepared_is_not_fetched_again(offer, data, server):
    offer("celeba", "good")
    assert data("prepare", "celeba")[0] == 0
    assert data("prepare", "celeba")[0] == 0
    assert server.seen == ["/good/celeba.zip"]


def test_proxies_are_honoured(offer, data, server, monkeypatch, tmp_path):
    offer("celeba", "good")
    monkeypatch.setitem(
        catalog.CATALOG, "celeba", small_entry("celeba", "http://nowhere.invalid/good")
    )
    monkeypatch.setenv("http_proxy", server.url)
    assert data("prepare", "celeba")[0] == 0
    assert server.seen == ["/good/celeba.zip"]
    assert_images("celeba", tmp_path / "data")


def test_an_occupied_folder_is_left_alone_before_anything_is_fetched(offer, data, tmp_path, server):
    offer("celeba", "good")
    (tmp_path / "data/celeba").mkdir(parents=True)
    (tmp_path / "data/celeba/mine.txt").write_text("mine")
    for command in (["prepare", "celeba"], ["import", "celeba", __file__]):
        status, _ = data(*command)
        assert status == 2
    assert server.seen == []
    assert (tmp_path / "data/celeba/mine.txt").read_text() == "mine"


def test_two_at_once_fetch_and_prepare_once(offer, tmp_path, server):
    offer("celeba", "good")
    folders = []
    threads = [
        threading.Thread(target=lambda: folders.append(load_dataset("celeba", tmp_path / "data")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 4
    assert server.seen == ["/good/celeba.zip"]
    assert_images("celeba", tmp_path / "data")


def test_real_mnist_as_published_through_the_server(shared, data, tmp_path, monkeypatch):
    """The published hashes, of the true files: the content counts, however it is packed."""
    contents = {path.name: path.read_bytes() for path in (shared / "data/mnist").iterdir()}
    entry = catalog.CATALOG["mnist"]
    with serving(contents) as server:
        files = [
            download.RawFile(file.name, (f"{server.url}/cut-once/{file.name}",), file.md5,
                             file.md5_unpacked)
            for file in entry.files
        ]  # fmt: skip
        monkeypatch.setattr(download, "_TIMEOUT", 30)
        monkeypatch.setitem(entry.__dict__, "files", tuple(files))
        status, said = data("prepare", "mnist")
    assert status == 0, said
    train = load_dataset("mnist", tmp_path / "data")
    test = load_dataset("mnist", tmp_path / "data", split="test")
    assert (len(train), len(test)) == (60_000, 10_000)
    raw_images = gzip.decompress(contents["train-images-idx3-ubyte.gz"])[16:]
    first = np.frombuffer(raw_images[:784], np.uint8).reshape(28, 28)
    # resizing keeps the mean nearly
    assert train.images([0]).float().mean() == pytest.approx(first.mean(), rel=0.02)


LOCKED = """
import sys, time
from disvae.data.prepare import sole_writer
from pathlib import Path
with sole_writer(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_another_process_is_waited_for_and_its_end_frees_the_lock(
    offer, data, tmp_path, caplog, server
):
    offer("celeba", "good")
    caplog.set_level("INFO", "disvae")
    folder = str(tmp_path / "data/celeba")
    (tmp_path / "data").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", LOCKED, folder, "60"], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "locked\n"
        thread = threading.Thread(target=lambda: load_dataset("celeba", tmp_path / "data"))
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        assert server.seen == []
        other.kill()
        thread.join(20)
    assert "Another process prepares" in caplog.text
    assert_images("celeba", tmp_path / "data")
