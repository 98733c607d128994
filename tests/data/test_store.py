"""Prepared datasets: whole or not there, read back exactly, damage said clearly."""

import json

import numpy as np
import pytest
import torch

from disvae.data import store
from disvae.data.dataset import Dataset
from disvae.data.store import Manifest, building, read_manifest
from disvae.errors import UserError
from tests.conftest import blobs, store_images


@pytest.mark.parametrize("packed", [False, True])
def test_images_come_back_as_they_were(tmp_path, packed):
    images = blobs(20, 32)
    folder = store_images(tmp_path / "mnist", images, {"a": 4, "b": 5}, packed)
    dataset = Dataset(folder, read_manifest(folder))
    assert len(dataset) == 20
    assert dataset.image_shape == (1, 32, 32)
    for indices in ([3, 0, 3], np.array([19]), torch.tensor([1, 2]), slice(4, 9)):
        got = dataset.images(indices)
        assert got.dtype == torch.uint8
        picked = np.asarray(indices) if not isinstance(indices, slice) else indices
        np.testing.assert_array_equal(got.numpy(), images[picked])
    assert dataset.factors.tolist()[6] == [1, 1]


def test_an_image_that_is_changed_stays_as_it_was_on_disk(data_dir):
    dataset = Dataset(data_dir / "mnist", read_manifest(data_dir / "mnist"))
    before = dataset.images([0]).clone()
    dataset.images([0]).zero_()
    dataset.images(slice(0, 1)).zero_()
    assert torch.equal(dataset.images([0]), before)


def test_splits_are_parts_of_one_array(tmp_path):
    images = blobs(10, 32)
    folder = store_images(tmp_path / "d", images, {}, packed=False)
    manifest = read_manifest(folder).model_copy(update={"splits": {"train": 7, "test": 3}})
    assert len(Dataset(folder, manifest)) == 7
    test = Dataset(folder, manifest, split="test")
    np.testing.assert_array_equal(test.images(slice(0, 3)).numpy(), images[7:])
    with pytest.raises(UserError, match="no split 'all'; choose among train, test"):
        Dataset(folder, manifest, split="all")


@pytest.fixture
def manifest():
    return Manifest(
        name="d", image_shape=(1, 32, 32), splits={"train": 4}, background="black",
        factors={}, packed=False, source={},
    )  # fmt: skip


def test_a_failed_preparation_leaves_nothing(tmp_path, manifest):
    too_few = pytest.raises(UserError, match="should have 4 images, but its files hold 2")
    with too_few, building(tmp_path / "d", manifest) as builder:
        builder.append(blobs(2, 32))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_preparation_goes_on(tmp_path, manifest, monkeypatch):
    monkeypatch.setattr(store, "_COMMIT_BYTES", 1)
    images = blobs(4, 32)
    with pytest.raises(KeyboardInterrupt), building(tmp_path / "d", manifest) as builder:
        builder.append(images[:3])
        raise KeyboardInterrupt
    assert not (tmp_path / "d").exists()
    with building(tmp_path / "d", manifest) as builder:
        assert builder.written == 3
        builder.append(images[3:])
    assert [path.name for path in tmp_path.iterdir()] == ["d"]
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == [
        "images.npy", "manifest.json",
    ]  # fmt: skip
    dataset = Dataset(tmp_path / "d", read_manifest(tmp_path / "d"))
    np.testing.assert_array_equal(dataset.images(slice(None)).numpy(), images)


def test_bytes_after_the_last_commit_do_not_count(tmp_path, manifest, monkeypatch):
    monkeypatch.setattr(store, "_COMMIT_BYTES", 2048)
    images = blobs(4, 32)
    with pytest.raises(KeyboardInterrupt), building(tmp_path / "d", manifest) as builder:
        builder.append(images[:2])
        builder.append(np.full_like(images[:1], 7))  # as if power had failed in this write
        raise KeyboardInterrupt
    with building(tmp_path / "d", manifest) as builder:
        assert builder.written == 2
        builder.append(images[2:])
    dataset = Dataset(tmp_path / "d", read_manifest(tmp_path / "d"))
    np.testing.assert_array_equal(dataset.images(slice(None)).numpy(), images)


@pytest.mark.parametrize("progress", ["", "[]", "{}", '{"written": 3, "manifest": {}}'])
def test_a_damaged_record_of_progress_starts_anew(tmp_path, manifest, progress):
    (tmp_path / ".d.partial").mkdir()
    (tmp_path / ".d.partial/progress.json").write_text(progress)
    with building(tmp_path / "d", manifest) as builder:
        assert builder.written == 0
        builder.append(blobs(4, 32))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": 3}'])
def test_a_damaged_manifest_is_one_sentence(tmp_path, content):
    folder = store_images(tmp_path / "d", blobs(2, 32), {}, packed=False)
    (folder / "manifest.json").write_text(content)
    with pytest.raises(UserError, match="is damaged; remove the folder"):
        read_manifest(folder)


def test_a_manifest_without_done_counts_as_not_prepared(tmp_path):
    folder = store_images(tmp_path / "d", blobs(2, 32), {}, packed=False)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"done": False}))
    assert read_manifest(folder) is None


def test_a_shortened_array_is_one_sentence(tmp_path):
    folder = store_images(tmp_path / "d", blobs(2, 32), {}, packed=False)
    raw = (folder / "images.npy").read_bytes()
    (folder / "images.npy").write_bytes(raw[:-10])
    with pytest.raises(UserError, match=r"images.npy is damaged"):
        Dataset(folder, read_manifest(folder))


@pytest.mark.parametrize("index", [100, -101])
def test_an_index_outside_is_one_sentence(data_dir, index):
    dataset = Dataset(data_dir / "mnist", read_manifest(data_dir / "mnist"))
    with pytest.raises(UserError, match="has the images 0 to 99"):
        dataset.images([index])
