"""Named datasets at other sizes: exact, beside their own size, refused where there is no source."""

import numpy as np
import pytest

import disvae
from disvae.data.catalogue.registry import CATALOG, all_sizes
from disvae.data.prepare import load_dataset, prepare
from disvae.data.prepared import find_prepared
from disvae.errors import UserError
from disvae.options import Options
from tests.data.raw_files import raw

SOURCES = {"celeba": 178, "chairs": 400, "cars3d": 128, "smallnorb": 96}  # pixels of a side


def test_no_size_is_larger_than_the_source():
    for name, entry in CATALOG.items():
        sizes = {size for size in (32, 64, 128, 256) if size <= SOURCES.get(name, 0)}
        assert {*entry.other_sizes} == sizes - {entry.image_shape[-1]}
        for size in entry.other_sizes:
            assert Options(image_size=size).image_size == size


@pytest.mark.parametrize(
    ("name", "size"),
    [("celeba", 128), ("celeba", 32), ("chairs", 256), ("cars3d", 128), ("smallnorb", 32)],
)
def test_images_and_factors_are_exact(name, size, offer, tmp_path):
    offer(name, "good")
    wanted = raw(name, size=size)
    start = 0
    for split, count in wanted.splits.items():
        dataset = load_dataset(name, tmp_path, split=split, image_size=size)
        images = dataset.images(slice(None)).numpy()
        np.testing.assert_array_equal(images, wanted.images[start : start + count])
        assert dataset.factor_names == tuple(CATALOG[name].factors)
        if wanted.factors is not None:
            np.testing.assert_array_equal(dataset.factors, wanted.factors[start : start + count])
        start += count
    assert prepare(name, tmp_path, size) == tmp_path / f"{name}-{size}"
    assert prepare(f"{name}-{size}", tmp_path) == tmp_path / f"{name}-{size}"


def test_sizes_lie_beside_each_other(offer, data, tmp_path, monkeypatch):
    offer("celeba", "good")
    own, larger = tmp_path / "data/celeba", tmp_path / "data/celeba-128"
    assert data("prepare", "celeba", "--image-size", "128") == (
        0, f"celeba is prepared in {larger}",
    )  # fmt: skip
    assert not own.exists()
    assert find_prepared("celeba", own.parent) is None
    assert data("prepare", "celeba", "--image-size", "64")[0] == 0
    assert find_prepared("celeba", own.parent) == find_prepared("celeba", own.parent, 64) == own
    assert find_prepared("celeba", own.parent, 128) == larger
    assert find_prepared("celeba", own.parent, 32) is None
    assert disvae.load_dataset("celeba", own.parent).image_shape == (3, 64, 64)

    listed = data("list")[1]
    assert f"40 x 3x64x64  factors: unknown  [prepared in {own}]" in listed
    assert f"40 x 3x128x128  factors: unknown  [prepared in {larger}]" in listed
    assert "celeba-32" not in listed
    said = data("info", "celeba-128")[1]
    assert "images: train 40; 3x128x128, white background" in said
    assert "licence: non-commercial" in said
    assert "other sizes: 32, 128" in data("info", "celeba")[1]
    assert data("verify", "celeba-128", "celeba")[0] == 0
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert data("remove", "celeba-128")[0] == 0
    assert not larger.exists()
    assert data("verify", "celeba")[0] == 0
    status, said = data("verify", "celeba-128")
    assert status == 2
    assert said.endswith("run: disvae data prepare celeba-128")


def test_files_fetched_by_hand(offer, data, tmp_path):
    offer("celeba", "good")
    (tmp_path / "celeba.zip").write_bytes(raw("celeba").files["celeba.zip"])
    status, said = data("import", "celeba-128", tmp_path / "celeba.zip")
    assert (status, said) == (0, f"celeba-128 is prepared in {tmp_path / 'data/celeba-128'}.")
    assert prepare("celeba", tmp_path / "data", 128) == tmp_path / "data/celeba-128"


def test_a_run_finds_its_size(offer, tmp_path):
    offer("celeba", "good")
    prepare("celeba", tmp_path / "data")
    run = disvae.train(
        "run", dataset="celeba", image_size=128, loss="VAE", max_steps=1, batch_size=2,
        no_test=True, device="cpu", results_dir=tmp_path, data_dir=tmp_path / "data",
    )  # fmt: skip
    assert run.specs["img_size"] == [3, 128, 128]
    assert (run.specs["dataset"], run.specs["image_size"]) == ("celeba", 128)
    assert run.background == "white"
    opened = disvae.open_run(run.path)
    assert opened.dataset().image_shape == opened.prepared_dataset().image_shape == (3, 128, 128)
    assert opened.model.encode(opened.dataset().images([0]).float() / 255).mean.shape == (1, 10)


@pytest.mark.parametrize(
    ("name", "size", "sizes"),
    [
        ("mnist", 64, "32"), ("dsprites", 128, "64"), ("shapes3d", 32, "64"),
        ("mpi3d_toy", 128, "64"), ("celeba", 256, "32, 64 or 128"), ("smallnorb", 128, "32 or 64"),
        ("cars3d", 256, "32, 64 or 128"), ("celeba-128", 64, "128"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("nothing_outside")
def test_other_sizes_are_one_sentence_before_anything_is_fetched(name, size, sizes, tmp_path):
    said = f"The images of '{name}' can be had at {sizes} pixels, not at {size}; choose another"
    for action in (prepare, find_prepared):
        with pytest.raises(UserError, match=said):
            action(name, tmp_path, size)
    assert list(tmp_path.iterdir()) == []


def test_a_prepared_folder_has_the_size_that_it_has(data_dir):
    assert len(load_dataset(data_dir / "mnist", image_size=32)) == 100
    with pytest.raises(
        UserError, match="are prepared with --image-size 32; leave --image-size out"
    ):
        load_dataset(data_dir / "mnist", image_size=64)


def test_each_size_is_a_dataset_of_its_own_name():
    names = [name for name in all_sizes() if name not in CATALOG]
    assert names[:2] == ["celeba-32", "celeba-128"]
    assert all(entry.name == name for name, entry in all_sizes().items())


def test_small_pictures_made_large_take_little_memory_at_a_time(tmp_path, monkeypatch):
    from disvae.data.own import arrays
    from disvae.data.store import Builder

    monkeypatch.setattr(arrays, "_BLOCK_BYTES", 2**20)
    np.savez(
        tmp_path / "own.npz", images=np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)
    )
    written, append = [], Builder.append
    monkeypatch.setattr(
        Builder,
        "append",
        lambda builder, rows: written.append(rows.nbytes) or append(builder, rows),
    )
    dataset = load_dataset(tmp_path / "own.npz", tmp_path / "data", image_size=256)
    assert dataset.images([59]).shape == (1, 1, 256, 256)
    assert max(written) <= 2**20
