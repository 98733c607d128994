"""Every dataset, from small files in its true format: exact images, factors, splits."""

import gzip
import io
import tarfile
import zipfile

import h5py
import numpy as np
import pytest

from disvae.data.catalogue.registry import CATALOG, DATASETS
from disvae.data.prepare import load_dataset
from tests.data.raw_files import NAMES, encoded, noise, norb_bytes, raw, tar_of


def test_the_options_know_the_catalogue():
    assert tuple(CATALOG) == DATASETS
    assert {"dsprites", *NAMES} == set(CATALOG)


@pytest.mark.parametrize("name", CATALOG)
def test_each_entry_says_all_that_users_should_know(name):
    entry = CATALOG[name]
    assert entry.licence
    assert entry.citation
    count = sum(entry.splits.values())
    if entry.factors and name != "smallnorb":
        assert np.prod(list(entry.factors.values())) == count
    if name == "dsprites":
        return
    assert entry.download
    assert all(file.urls for file in entry.files)
    assert all(len(file.md5 or "0" * 32) == 32 for file in entry.files)


def assert_exact(name, root):
    small = raw(name)
    start = 0
    for split, count in small.splits.items():
        dataset = load_dataset(name, root, split=split)
        assert len(dataset) == count
        assert dataset.image_shape == CATALOG[name].image_shape
        part = slice(start, start + count)
        np.testing.assert_array_equal(dataset.images(slice(None)).numpy(), small.images[part])
        assert dataset.factor_names == tuple(CATALOG[name].factors)
        if small.factors is None:
            assert dataset.factors is None
        else:
            np.testing.assert_array_equal(dataset.factors, small.factors[part])
        start += count


@pytest.mark.parametrize("name", NAMES)
def test_images_and_factors_are_exact(name, offer, data, tmp_path):
    offer(name, "good")
    assert data("prepare", name)[0] == 0
    assert_exact(name, tmp_path / "data")
    assert data("verify", name)[0] == 0


@pytest.mark.parametrize("name", NAMES)
def test_files_fetched_by_hand_give_the_same(name, offer, data, tmp_path, server):
    offer(name, "good")
    for file, content in raw(name).files.items():
        (tmp_path / file).write_bytes(content)
    paths = [tmp_path / file for file in raw(name).files]
    status, said = data("import", name, *paths)
    assert (status, said) == (0, f"{name} is prepared in {tmp_path / 'data' / name}.")
    assert_exact(name, tmp_path / "data")
    assert server.seen == []
    assert "already prepared" in data("import", name, *paths)[1]


def test_an_unpacked_file_without_a_known_hash_is_not_asked_for(data, tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"")
    status, said = data("import", "fashion", tmp_path / "train-images-idx3-ubyte")
    assert status == 2
    assert "is not a file of fashion by its name; expected train-images-idx3-ubyte.gz," in said


def damaged(name, content):
    """Make files that are well packed, but hold something else."""
    small = raw(name)
    if name == "celeba":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for number in range(small.splits["train"]):
                archive.writestr(f"img_align_celeba/{number:06}.jpg", content)
        return {"celeba.zip": buffer.getvalue()}
    if name == "chairs":
        names = [f"rendered_chairs/{number}/renders/a.png" for number in range(6)]
        return {"rendered_chairs.tar": tar_of(dict.fromkeys(names, content), "w")}
    if name == "cars3d":
        names = [f"data/cars/{number}.mat" for number in range(3)]
        return {"nips2015-analogy-data.tar.gz": tar_of(dict.fromkeys(names, content), "w:gz")}
    if name == "shapes3d":
        with h5py.File(io.BytesIO(small.files["3dshapes.h5"]), "r") as file:
            images, labels = file["images"][:], file["labels"][:]
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file["images"], file["labels"] = images, labels[::-1]
        return {"3dshapes.h5": buffer.getvalue()}
    if name == "smallnorb":
        wrong = gzip.compress(norb_bytes(np.zeros((7, 2, 96, 96), np.uint8)))
        return dict.fromkeys(small.files, wrong)
    buffer = io.BytesIO()
    np.savez(buffer, images=noise(5, 64, 64, 3))
    return {file: buffer.getvalue() for file in small.files}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "fashion"])
@pytest.mark.parametrize("content", [b"", b"no image", encoded(noise(32, 32, 3), "PNG")[:-40]])
@pytest.mark.usefixtures("nothing_outside")
def test_well_packed_files_with_other_content_are_one_sentence(
    name, content, offer, data, tmp_path, monkeypatch
):
    offer(name, "good")
    files = damaged(name, content)
    monkeypatch.setattr("disvae.data.importing.verify", lambda path, *_: "md5:as-published")
    for file, bad in files.items():
        (tmp_path / file).write_bytes(bad)
    status, said = data("import", name, *(tmp_path / file for file in files))
    assert status == 2
    assert said.startswith("disvae: ")
    assert said.count("\n") == 0
    assert [path.name for path in (tmp_path / "data").iterdir()] == [f".{name}.lock"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cut", [0, 10, 0.5, 0.95])
@pytest.mark.usefixtures("nothing_outside")
def test_files_cut_short_are_one_sentence_even_without_a_hash(
    name, cut, offer, data, tmp_path, monkeypatch
):
    offer(name, "good")
    monkeypatch.setattr("disvae.data.importing.verify", lambda path, *_: "md5:as-published")
    for file, content in raw(name).files.items():
        size = cut if isinstance(cut, int) else int(cut * len(content))
        (tmp_path / file).write_bytes(content[:size])
    status, said = data("import", name, *(tmp_path / file for file in raw(name).files))
    assert status == 2
    assert said.startswith("disvae: ")
    assert said.count("\n") == 0
    assert not (tmp_path / "data" / name).exists()


def zip_of(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def link(name):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return info


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("celeba", zip_of("../../evil.jpg", b"x"), "leads out of it"),
        ("celeba", zip_of("/evil.jpg", b"x"), "leads out of it"),
        ("celeba", zip_of("img_align_celeba/000001.jpg", bytes(2**24)), "would fill 16,777,216"),
        ("celeba", zip_of("other/000001.jpg", b"x"), "its files hold 0"),
        ("chairs", tar_of({"../evil.png": b"x"}, "w"), "leads out of it"),
        ("chairs", tar_of({"rendered_chairs/a/renders/a.png": bytes(2**23)}, "w"), "would fill"),
        ("chairs", tar_of({}, "w", [link("rendered_chairs/a/renders/a.png")]), "files hold 0"),
        ("cars3d", tar_of({"cars/../../a.mat": b"x"}, "w:gz"), "leads out of it"),
        ("cars3d", tar_of({"cars/a.mat": bytes(2**26)}, "w:gz"), "would fill 67,108,864"),
    ],
)
@pytest.mark.usefixtures("nothing_outside")
def test_bombs_and_paths_that_lead_out_are_refused(
    name, content, said, offer, data, tmp_path, monkeypatch
):
    offer(name, "good")
    monkeypatch.setattr("disvae.data.importing.verify", lambda path, *_: "md5:as-published")
    (tmp_path / "archive").write_bytes(content)
    status, shown = data("import", name, tmp_path / "archive")
    assert status == 2
    assert said in shown
    assert shown.count("\n") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "data"]


@pytest.mark.parametrize("name", CATALOG)
def test_the_documented_table_is_the_catalogue(name, pytestconfig):
    page = (pytestconfig.rootpath / "docs/datasets.md").read_text("utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
    entry = CATALOG[name]
    for said in (entry.background, entry.licence, entry.download):
        assert said in row
    if "as `mpi3d_toy`" not in row:
        assert f"{entry.splits['train']:,}" in row
        assert "x".join(map(str, entry.image_shape)) in row
        assert (", ".join(f"{k} {v}" for k, v in entry.factors.items()) or "unknown") in row
        assert entry.citation in row
