"""The user's own images, from a folder or an .npz file."""

import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image

import disvae
from disvae.cli import main
from disvae.data.prepare import load_dataset
from disvae.data.raw import images
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
    pixels[:4, :, 3] = 128
    got = only_image(folder_of(tmp_path, encoded(pixels, "PNG")), tmp_path)
    assert (got[:, 4:, :32] == 0).all()
    assert (got[:, 4:, 32:] == 255).all()
    assert (got[:, :4] == 127).all()


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


@pytest.mark.usefixtures("nothing_outside")
def test_an_image_too_large_is_named(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(images, "MAX_PIXELS", 10_000)
    folder = folder_of(tmp_path, encoded(noise(101, 100), "PNG"), encoded(noise(99, 100), "PNG"))
    assert len(opened(folder, tmp_path)) == 1
    assert "0.png (too large: 100 x 101 pixels)" in caplog.text


@pytest.mark.usefixtures("nothing_outside")
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
    monkeypatch.setattr("disvae.data.own.folder.ImageFolder.look", lambda *_: 1 / 0)
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
@pytest.mark.usefixtures("nothing_outside")
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
