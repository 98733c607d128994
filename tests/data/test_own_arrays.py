"""The user's own images as arrays in an .npz file, with and without factors."""

import contextlib
import io
import json
import os
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import disvae
from disvae.data.own import arrays as own_arrays
from disvae.data.prepare import load_dataset
from disvae.errors import UserError
from tests.data.raw_files import noise


def opened(path, tmp_path, **options):
    return load_dataset(path, tmp_path / "data", **options)


def npz(tmp_path, save=np.savez, **arrays):
    save(tmp_path / "own.npz", **arrays)
    return tmp_path / "own.npz"


@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "NHW"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64, ">f4"])
def test_arrays_of_all_layouts_and_types(tmp_path, layout, dtype):
    pixels = noise(6, 64, 64, 3) if layout != "NHW" else noise(6, 64, 64)
    values = pixels if dtype == np.uint8 else (pixels / 255).astype(dtype)
    if layout == "NCHW":
        values = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
    dataset = opened(npz(tmp_path, images=values), tmp_path)
    wanted = pixels[:, None] if layout == "NHW" else pixels.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(dataset.images(slice(None)).numpy(), wanted)
    assert dataset.name == "own"
    assert dataset.factors is None


def test_large_factors_capitals_and_names_that_are_no_utf8(tmp_path):
    """As of hashed identifiers, and of other systems."""
    odd = b"own\xff.NPZ" if sys.platform == "linux" else b"own.NPZ"  # others allow text only
    path = tmp_path / os.fsdecode(odd)
    factors = np.array([2**63, 2**63 + 3, 2**64 - 1, 2**63], np.uint64)
    with path.open("wb") as stream:
        np.savez(stream, images=noise(32, 32, 4).transpose(2, 0, 1), factors=factors)
    dataset = load_dataset(path, tmp_path / "data", image_size=32)
    assert dataset.factors.ravel().tolist() == [0, 1, 2, 0]


def test_arrays_of_another_size_are_resized_and_grey_found(tmp_path):
    grey = noise(5, 40, 30)
    path = npz(tmp_path, images=np.repeat(grey[..., None], 3, axis=3))
    dataset = opened(path, tmp_path, image_size=32)
    assert dataset.image_shape == (1, 32, 32)
    exact = Image.fromarray(grey[2]).resize((32, 32), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(dataset.images([2])[0, 0].numpy(), np.asarray(exact))


def test_factors_become_ranks_whatever_their_values(tmp_path):
    path = npz(
        tmp_path,
        images=noise(4, 64, 64),
        factors=np.array([[0.5, 7, -1], [0.5, 9, -1], [1.5, 7, 3], [2.5, 7, 4]]),
        factor_names=np.array(["angle", "colour", "place"]),
    )
    dataset = opened(path, tmp_path)
    assert dataset.factor_names == ("angle", "colour", "place")
    assert dataset.factor_sizes == (3, 2, 3)
    assert dataset.factors.dtype == np.int64
    assert dataset.factors.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 1], [2, 0, 2]]


@pytest.mark.parametrize("factors", [np.arange(4), np.array(["b", "a", "d", "c"])])
def test_one_factor_without_a_name(tmp_path, factors):
    dataset = opened(npz(tmp_path, images=noise(4, 64, 64), factors=factors), tmp_path)
    assert dataset.factor_names == ("factor_0",)
    assert dataset.factor_sizes == (4,)
    assert dataset.factors[:, 0].tolist() == np.argsort(np.argsort(factors)).tolist()


GOOD = {"images": noise(4, 64, 64)}
SMALL = {"images": noise(4, 8, 8), "factors": np.arange(4), "factor_names": np.array(["a"])}


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"pictures": noise(4, 8, 8)}, "has no array 'images', but: pictures"),
        ({"images": noise(4, 8, 8, 4)}, r"with C = 1 or 3 .*but it has \[4, 8, 8, 4\]"),
        ({"images": noise(4, 8)}, r"should have the shape"),
        ({"images": np.zeros((0, 8, 8), np.uint8)}, r"should have the shape"),
        ({"images": np.zeros((4, 8, 8), np.int64)}, "should be uint8, or float in"),
        ({"images": noise(4, 8, 8) / 1.0}, r"should lie in \[0, 1\], but they go from"),
        ({"images": np.full((4, 8, 8), np.nan)}, r"should lie in \[0, 1\]"),
        ({"images": np.ones((4, 8, 8), np.uint8)}, "no value exceeds 1"),
        ({"images": np.array([None, "a"], object)}, "plain array"),
        ({"images": np.asfortranarray(noise(4, 8, 8))}, "plain array"),
        ({"images": np.uint8(3)}, "plain array"),
        (GOOD | {"factors": np.zeros((3, 2))}, "one row for each of the 4 images"),
        (GOOD | {"factors": np.zeros((4, 2, 2))}, r"\[N, K\], .*but it is float64 \[4, 2, 2\]"),
        (GOOD | {"factors": np.zeros((4, 0))}, "should be numbers or texts"),
        (GOOD | {"factors": np.zeros((4, 2), complex)}, "should be numbers or texts"),
        (GOOD | {"factors": np.zeros((4, 2), "M8[s]")}, "should be numbers or texts"),
        (GOOD | {"factors": np.full((4, 2), np.nan)}, "NaN or infinite"),
        (GOOD | {"factors": np.array([[{}]] * 4)}, "plain array"),
        (GOOD | {"factors": np.zeros((4, 2)), "factor_names": np.array(["a"])}, "2 texts"),
        (GOOD | {"factors": np.zeros((4, 2)), "factor_names": np.array([1, 2])}, "2 texts"),
        (GOOD | {"factors": np.zeros((4, 2)), "factor_names": np.array(["a", "a"])}, "differ"),
    ],
)
@pytest.mark.usefixtures("nothing_outside")
def test_arrays_that_are_not_as_they_should_be_are_one_sentence(tmp_path, arrays, said):
    with pytest.raises(UserError, match=said):
        opened(npz(tmp_path, **arrays), tmp_path)
    assert not list((tmp_path / "data").glob("own/[!.]*"))


@pytest.mark.parametrize("cut", [0, 20, 1000, 15_000])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.usefixtures("nothing_outside")
def test_a_damaged_npz_is_one_sentence(tmp_path, cut, save):
    save(tmp_path / "own.npz", **GOOD)
    content = (tmp_path / "own.npz").read_bytes()
    (tmp_path / "own.npz").write_bytes(content[:cut])
    with pytest.raises(UserError, match=r"is cut short or damaged, or no \.npz file"):
        opened(tmp_path / "own.npz", tmp_path)
    middle = bytearray(content)
    middle[8000:8100] = bytes(100)
    (tmp_path / "own.npz").write_bytes(middle)
    with pytest.raises(UserError, match=r"is cut short or damaged, or no \.npz file"):
        opened(tmp_path / "own.npz", tmp_path)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.booleans())
@pytest.mark.usefixtures("nothing_outside")
def test_changed_bytes_of_an_npz_are_found_or_do_no_harm(tmp_path_factory, choose, compressed):
    folder = tmp_path_factory.mktemp("npz")
    path = npz(folder, np.savez_compressed if compressed else np.savez, **SMALL)
    content = bytearray(path.read_bytes())
    content[choose.draw(st.integers(0, len(content) - 1))] = choose.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(UserError):
        own_arrays.ArrayFile(path).look(64, "stretch")


@pytest.mark.usefixtures("nothing_outside")
def test_a_bomb_of_factors_is_refused_before_it_is_read(tmp_path):
    path = npz(tmp_path, **GOOD)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        buffer = io.BytesIO()
        header = {"descr": f"<U{2**26}", "fortran_order": False, "shape": (4, 1)}
        np.lib.format.write_array_header_1_0(buffer, header)
        archive.writestr("factors.npy", buffer.getvalue())
    with pytest.raises(UserError, match=r"at most 1,073,741,824 are read"):
        opened(path, tmp_path)


def test_an_own_dataset_lists_describes_verifies_and_goes(tmp_path, data, monkeypatch):
    path = npz(tmp_path, **GOOD, factors=np.arange(4))
    assert data("prepare", path)[0] == 0
    (folder,) = (tmp_path / "data/own").glob("own-64-*")
    assert f"prepared in {folder}" in data("list")[1]
    assert "factors: factor_0 4" in data("info", folder)[1]
    assert json.loads((folder / "manifest.json").read_text())["source"] == {"own.npz": str(path)}
    assert data("verify", folder)[0] == 0
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert data("remove", folder)[0] == 0
    assert not folder.exists()
    assert path.exists()


def test_factors_of_own_arrays_are_scored(tmp_path):
    ranks = np.stack(np.unravel_index(np.arange(40), (8, 5)), axis=1)
    images = np.zeros((40, 32, 32), np.uint8)
    for image, (x, y) in zip(images, ranks, strict=True):
        image[4 * y : 4 * y + 6, 3 * x : 3 * x + 6] = 255
    file = tmp_path / "squares.npz"
    np.savez(file, images=images, factors=ranks * 0.5, factor_names=["x", "y"])
    run = disvae.train(
        "squares", dataset=str(file), image_size=32, loss="VAE", epochs=1, batch_size=8,
        no_test=True, is_metrics=True, data_dir=tmp_path, results_dir=tmp_path, device="cpu",
    )  # fmt: skip
    rows = run.metrics["mig"]["parts"]["per_factor"]
    assert [row["factor"] for row in rows] == ["x", "y"]
    assert [row["entropy"] for row in rows] == pytest.approx([np.log(8), np.log(5)])
    assert "dci" in disvae.metrics.evaluate(run, ["dci"], settings={"dci": {"num_train": 60}})
