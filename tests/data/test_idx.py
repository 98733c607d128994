"""MNIST's files in their true format: read, resized, refused when damaged."""

import dataclasses
import gzip
import hashlib
import struct

import numpy as np
import pytest
from PIL import Image

from disvae.cli import main
from disvae.data.catalogue import mnist
from disvae.data.catalogue import registry as catalog
from disvae.data.prepare import load_dataset
from disvae.data.raw.files import RawFile
from disvae.errors import UserError

COUNTS = {"train": 12, "t10k": 5}


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """Write four small files in MNIST's format, known to the catalogue as `mnist`."""
    random = np.random.default_rng(0)
    folder = tmp_path / "raw"
    folder.mkdir()
    images, files = {}, []
    for stem, count in COUNTS.items():
        images[stem] = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = random.integers(0, 10, count, dtype=np.uint8)
        for kind, array in (("images-idx3", images[stem]), ("labels-idx1", labels)):
            name = f"{stem}-{kind}-ubyte.gz"
            (folder / name).write_bytes(gzip.compress(idx_bytes(array), mtime=0))
            packed = hashlib.md5((folder / name).read_bytes()).hexdigest()  # noqa: S324
            unpacked = hashlib.md5(idx_bytes(array)).hexdigest()  # noqa: S324
            files.append(RawFile(name, (f"http://127.0.0.1:9/{name}",), packed, unpacked))
    entry = dataclasses.replace(
        catalog.CATALOG["mnist"], files=tuple(files), splits={"train": 12, "test": 5}
    )
    monkeypatch.setitem(catalog.CATALOG, "mnist", entry)
    return folder, images


def run_import(folder, data_dir, names=None):
    paths = sorted(str(path) for path in folder.iterdir()) if names is None else names
    return main(["data", "import", "mnist", *paths, "--data-dir", str(data_dir)])


def test_imported_images_are_the_originals_resized_by_pillow(digits, tmp_path, capsys):
    folder, images = digits
    assert run_import(folder, tmp_path / "data") == 0
    assert "mnist is prepared in" in capsys.readouterr().out
    dataset = load_dataset("mnist", tmp_path / "data")
    assert len(dataset) == 12
    assert dataset.factors is None
    for ours, original in zip(dataset.images(slice(0, 12)).numpy(), images["train"], strict=True):
        exact = Image.fromarray(original).resize((32, 32), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(ours[0], np.asarray(exact))


def test_unpacked_and_newly_packed_files_are_taken_too(digits, tmp_path):
    folder, _ = digits
    for number, path in enumerate(sorted(folder.iterdir())):
        content = gzip.decompress(path.read_bytes())
        if number % 2:
            path.with_suffix("").write_bytes(content)
            path.unlink()
        else:
            path.write_bytes(gzip.compress(content, compresslevel=1, mtime=5))
    assert run_import(folder, tmp_path / "data") == 0
    assert len(load_dataset("mnist", tmp_path / "data")) == 12


def test_what_is_prepared_is_not_touched_again(digits, tmp_path, capsys):
    folder, _ = digits
    assert run_import(folder, tmp_path / "data") == 0
    stamp = (tmp_path / "data/mnist/images.npy").stat().st_mtime_ns
    assert run_import(folder, tmp_path / "data") == 0
    assert "already prepared" in capsys.readouterr().out
    assert (tmp_path / "data/mnist/images.npy").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("fault", ["cut", "changed", "missing", "foreign", "absent"])
@pytest.mark.usefixtures("nothing_outside")
def test_bad_files_are_one_sentence_and_nothing_is_prepared(digits, tmp_path, capsys, fault):
    folder, _ = digits
    victim = folder / "train-images-idx3-ubyte.gz"
    names = None
    if fault == "cut":
        victim.write_bytes(victim.read_bytes()[:-100])
    elif fault == "changed":
        victim.write_bytes(gzip.compress(b"something else"))
    elif fault == "missing":
        victim.unlink()
    elif fault == "foreign":
        (folder / "notes.txt").write_text("hello")
    else:
        names = [str(folder / "nothing.gz")]
    assert run_import(folder, tmp_path / "data", names) == 2
    shown = capsys.readouterr().err
    said = {
        "cut": "is damaged or not the published train-images-idx3-ubyte.gz",
        "changed": "is damaged or not the published train-images-idx3-ubyte.gz",
        "missing": "name these files too: train-images-idx3-ubyte.gz",
        "foreign": "is not a file of mnist",
        "absent": "There is no file",
    }[fault]
    assert said in shown
    assert shown.count("\n") == 1
    assert not (tmp_path / "data/mnist").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (idx_bytes(np.zeros((2, 3, 3), np.uint8))[:-1], "cut short"),
        (idx_bytes(np.zeros((2, 3, 3), np.uint8)) + b"x", "announces"),
        (idx_bytes(np.zeros(4, np.uint8)), "not an IDX file"),
        (b"", "not an IDX file"),
        (b"\x00\x00\x08\x03\x00", "not an IDX file"),
        (gzip.compress(idx_bytes(np.zeros((2, 3, 3), np.uint8)), mtime=0)[:-12], "cut short"),
        (struct.pack(">4B3I", 0, 0, 8, 3, 2**31, 2**31, 2**31), "cut short"),
    ],
)
@pytest.mark.usefixtures("nothing_outside")
def test_the_reader_refuses_what_is_no_whole_idx_file(tmp_path, content, said):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UserError, match=said):
        mnist.read_idx(path, 3)


def test_the_real_files_are_accepted(shared, tmp_path):
    assert run_import(shared / "data/mnist", tmp_path / "data") == 0
    dataset = load_dataset("mnist", tmp_path / "data")
    assert len(dataset) == 60_000
    # mean of the original 28x28 training images is 33.3184; resizing keeps it nearly
    mean = np.mean(
        [dataset.images(slice(i, i + 6000)).float().mean() for i in range(0, 60_000, 6000)]
    )
    assert mean == pytest.approx(33.3184, rel=0.01)
