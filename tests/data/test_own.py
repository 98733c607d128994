"""The user's own images, from a folder or an .npz file."""

import io
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

import disvae
from disvae.cli import main
from disvae.data import images, load_dataset
from disvae.errors import UserError
from tests.data.raw_files import encoded, noise

MODES = ("L", "RGB", "P", "RGBA", "LA", "1", "CMYK", "I;16")
KINDS = {"png": "PNG", "jpg": "JPEG", "JPEG": "JPEG", "webp": "WEBP", "bmp": "BMP"}


def picture(number):
    """One of many sizes, modes and formats: content and suffix."""
    mode = MODES[number % len(MODES)]
    suffix = "jpg" if mode == "CMYK" else list(KINDS)[number % len(KINDS)]
    if mode in ("P", "RGBA", "LA", "1", "I;16"):
        suffix = "png"
    pixels = noise(10 + number % 90, 20 + number % 70, 3, seed=number)
    if mode == "I;16":
        return encoded(pixels[..., 0].astype(np.uint16) * 257, "PNG"), suffix
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, KINDS[suffix])
    return buffer.getvalue(), suffix


@pytest.fixture
def photos(tmp_path):
    """200 images in nested folders; 4 of them broken."""
    folder = tmp_path / "my photos"
    for number in range(196):
        place = folder / f"{number % 3}" / f"{number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        content, suffix = picture(number)
        (place / f"{number:03}.{suffix}").write_bytes(content)
    (folder / "cut.png").write_bytes(picture(1)[0][:-30])
    (folder / "cut.jpg").write_bytes(encoded(noise(60, 60, 3), "JPEG")[:-400])
    (folder / "notes.png").write_text("these are notes")
    (folder / "empty.webp").touch()
    (folder / "README.txt").write_text("no image, and not meant as one")
    (folder / ".hidden.png").write_text("hidden")
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails/1.png").write_text("hidden")
    return folder


def test_a_folder_of_200_mixed_images_trains(photos, tmp_path, caplog):
    caplog.set_level("INFO", "disvae")
    status = main(
        ["train", "x", "-d", str(photos), "-e", "1", "-z", "2", "--image-size", "32",
         "--device", "cpu", "--no-progress-bar", "--results-dir", str(tmp_path / "results"),
         "--data-dir", str(tmp_path / "data")]
    )  # fmt: skip
    assert status == 0
    said = next(record.message for record in caplog.records if "left out" in record.message)
    assert said.startswith(f"4 of 200 image files in {photos} cannot be read and are left out: ")
    for broken in ("cut.jpg (damaged or cut short)", "cut.png (damaged or cut short)",
                   "empty.webp (not an image)", "notes.png (not an image)"):  # fmt: skip
        assert broken in said
    run = disvae.open_run(tmp_path / "results/x")
    assert run.specs["n_data"] == 196
    assert run.image_shape == (3, 32, 32)
    assert run.dataset().image_shape == (3, 32, 32)
    assert sorted(path.name for path in photos.iterdir()) == [
        ".hidden.png", ".thumbnails", "0", "1", "2", "README.txt", "cut.jpg", "cut.png",
        "empty.webp", "notes.png",
    ]  # fmt: skip


def test_a_run_finds_its_images_from_another_folder(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(photos.parent)
    options = {"epochs": 1, "max_steps": 1, "latent_dim": 2, "device": "cpu", "no_test": True}
    run = disvae.train("x", dataset=photos.name, data_dir=tmp_path / "data", **options)
    monkeypatch.chdir("/")
    assert len(disvae.open_run(tmp_path / run.path).dataset()) == 196


def folder_of(tmp_path, *contents, suffix="png"):
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, content in enumerate(contents):
        (folder / f"{number}.{suffix}").write_bytes(content)
    return folder


def opened(path, tmp_path, **options):
    return load_dataset(path, tmp_path / "data", **options)


def only_image(path, tmp_path, **options):
    dataset = opened(path, tmp_path, **options)
    assert len(dataset) == 1
    return dataset.images([0]).numpy()[0]


def test_colour_images_are_resized_whole(tmp_path):
    pixels = noise(100, 50, 3)
    got = only_image(folder_of(tmp_path, encoded(pixels, "PNG")), tmp_path)
    exact = Image.fromarray(pixels).resize((64, 64), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(got, np.asarray(exact).transpose(2, 0, 1))


@pytest.mark.parametrize("size", [32, 64])
def test_images_of_the_right_size_are_not_touched(tmp_path, size):
    pixels = noise(size, size, 3)
    got = only_image(folder_of(tmp_path, encoded(pixels, "PNG")), tmp_path, image_size=size)
    np.testing.assert_array_equal(got, pixels.transpose(2, 0, 1))


def test_grey_is_found_by_looking_even_where_files_say_colour(tmp_path):
    grey = noise(64, 64)
    coloured = np.repeat(grey[..., None], 3, axis=2)
    folder = folder_of(tmp_path, encoded(grey, "PNG"), encoded(coloured, "PNG"))
    dataset = opened(folder, tmp_path)
    assert dataset.image_shape == (1, 64, 64)
    np.testing.assert_array_equal(dataset.images([0, 1]).numpy()[:, 0], [grey, grey])


def test_one_coloured_image_makes_colour(tmp_path):
    folder = folder_of(tmp_path, encoded(noise(64, 64), "PNG"), encoded(noise(64, 64, 3), "PNG"))
    assert opened(folder, tmp_path).image_shape == (3, 64, 64)


def test_16_bits_lose_their_low_byte(tmp_path):
    values = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    got = only_image(folder_of(tmp_path, encoded(values, "PNG")), tmp_path)
    np.testing.assert_array_equal(got[0], values >> 8)


def test_what_is_transparent_becomes_white(tmp_path):
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, :32, 3] = 255
    got = only_image(folder_of(tmp_path, encoded(pixels, "PNG")), tmp_path)
    assert (got[:, :, :32] == 0).all()
    assert (got[:, :, 32:] == 255).all()


def test_a_camera_held_sideways_is_turned_upright(tmp_path):
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the top is at the right
    folder = folder_of(tmp_path, encoded(pixels, "PNG", exif=exif))
    got = only_image(folder, tmp_path)[0]
    assert got[:, -8:].min() == 255
    assert got[:, :-8].max() == 0


@pytest.mark.parametrize(("level", "background"), [(10, "black"), (245, "white")])
def test_the_background_is_found_at_the_border(tmp_path, level, background):
    pixels = np.full((64, 64), level, np.uint8)
    pixels[10:50, 10:50] = 255 - level
    folder = folder_of(tmp_path, encoded(pixels, "PNG"))
    assert opened(folder, tmp_path).background == background
    np.savez(tmp_path / "own.npz", images=pixels[None])
    assert opened(tmp_path / "own.npz", tmp_path).background == background


def test_the_order_is_that_of_sorted_names(tmp_path):
    levels = [40, 80, 120]
    folder = folder_of(tmp_path, *(encoded(np.full((64, 64), v, np.uint8), "PNG") for v in levels))
    (folder / "0.png").rename(folder / "z.png")
    dataset = opened(folder, tmp_path)
    assert dataset.images([0, 1, 2])[:, 0, 0, 0].tolist() == [80, 120, 40]


def test_an_image_too_large_is_named(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(images, "MAX_PIXELS", 10_000)
    folder = folder_of(tmp_path, encoded(noise(101, 100), "PNG"), encoded(noise(99, 100), "PNG"))
    assert len(opened(folder, tmp_path)) == 1
    assert "0.png (too large: 100 x 101 pixels)" in caplog.text


def test_a_compressed_bomb_is_named(tmp_path, caplog):
    bomb = encoded(np.zeros((20_000, 20_000), np.uint8), "PNG")
    folder = folder_of(tmp_path, bomb, encoded(noise(30, 30), "PNG"))
    assert len(opened(folder, tmp_path)) == 1
    assert "0.png (too large" in caplog.text


def test_the_same_images_are_prepared_once_and_changed_ones_anew(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, *(encoded(noise(30, 30, seed=seed), "PNG") for seed in range(3)))
    first = opened(folder, tmp_path).images([0])
    moved = tmp_path / "elsewhere/folder"
    shutil.copytree(folder, moved)
    monkeypatch.setattr("disvae.data.own.look", lambda *_: 1 / 0)
    assert (opened(moved, tmp_path).images([0]) == first).all()
    monkeypatch.undo()
    (folder / "0.png").write_bytes(encoded(noise(30, 30, seed=9), "PNG"))
    assert (opened(folder, tmp_path).images([0]) != first).any()
    assert len(list((tmp_path / "data/own").glob("folder-*"))) == 2


def test_a_picture_folder_with_a_manifest_of_its_own_is_no_prepared_dataset(tmp_path):
    folder = folder_of(tmp_path, encoded(noise(30, 30), "PNG"))
    (folder / "manifest.json").write_text("[]")
    assert len(opened(folder, tmp_path)) == 1


@pytest.mark.parametrize("case", ["empty", "no images", "all broken", "text", "missing"])
def test_a_folder_without_images_is_one_sentence(tmp_path, case):
    path = folder_of(tmp_path)
    said = "holds no images"
    if case == "no images":
        (path / "a.txt").write_text("text")
    elif case == "all broken":
        (path / "a.png").write_text("text")
        said = "None of the 1 image files in .* can be read"
    elif case == "text":
        path = path / "a.txt"
        path.write_text("text")
        said = "There is no dataset '.*a.txt'; choose among dsprites, .*or name a folder of images"
    elif case == "missing":
        path = tmp_path / "photos.npz"
        said = "There is no file"
    with pytest.raises(UserError, match=said):
        opened(path, tmp_path)
    assert not list((tmp_path / "data").glob("own/[!.]*"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither")
def test_pipes_and_links_to_nowhere_are_named(tmp_path, caplog):
    folder = folder_of(tmp_path, encoded(noise(30, 30), "PNG"))
    os.mkfifo(folder / "pipe.png")
    (folder / "link.png").symlink_to("nowhere.png")
    (folder / "good.png").symlink_to("0.png")
    assert len(opened(folder, tmp_path)) == 2
    assert "link.png (no regular file), pipe.png (no regular file)" in caplog.text


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path, caplog):
    folder = folder_of(tmp_path, *[encoded(noise(30, 30), "PNG")] * 2)
    (folder / "0.png").chmod(0)
    assert len(opened(folder, tmp_path)) == 1
    assert "0.png (Permission denied)" in caplog.text


def npz(tmp_path, **arrays):
    np.savez(tmp_path / "own.npz", **arrays)
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
        (GOOD | {"factors": np.zeros((4, 2, 2))}, "should have the shape"),
        (GOOD | {"factors": np.full((4, 2), np.nan)}, "NaN or infinite"),
        (GOOD | {"factors": np.array([[{}]] * 4)}, "plain array"),
        (GOOD | {"factors": np.zeros((4, 2)), "factor_names": np.array(["a"])}, "2 texts"),
        (GOOD | {"factors": np.zeros((4, 2)), "factor_names": np.array([1, 2])}, "2 texts"),
        (GOOD | {"factors": np.zeros((4, 2)), "factor_names": np.array(["a", "a"])}, "differ"),
    ],
)
def test_arrays_that_are_not_as_they_should_be_are_one_sentence(tmp_path, arrays, said):
    with pytest.raises(UserError, match=said):
        opened(npz(tmp_path, **arrays), tmp_path)
    assert not list((tmp_path / "data").glob("own/[!.]*"))


@pytest.mark.parametrize("cut", [0, 20, 1000, 15_000])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_npz_is_one_sentence(tmp_path, cut, save):
    save(tmp_path / "own.npz", **GOOD)
    content = (tmp_path / "own.npz").read_bytes()
    (tmp_path / "own.npz").write_bytes(content[:cut])
    with pytest.raises(UserError, match=r"is damaged or no \.npz file"):
        opened(tmp_path / "own.npz", tmp_path)
    middle = bytearray(content)
    middle[8000:8100] = bytes(100)
    (tmp_path / "own.npz").write_bytes(middle)
    with pytest.raises(UserError, match=r"is damaged or no \.npz file"):
        opened(tmp_path / "own.npz", tmp_path)


def test_the_size_of_named_datasets_cannot_be_chosen(data_dir):
    assert len(load_dataset("mnist", data_dir, image_size=32)) == 100
    with pytest.raises(UserError, match="are prepared at 32 pixels; only own images"):
        load_dataset("mnist", data_dir, image_size=64)


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
