"""Kinds of own images: formats, shapes, tables of factors, arrays, what is left out."""

import io
import logging

import numpy as np
import pytest
import torch
from PIL import Image

import disvae
from disvae.cli import main
from disvae.data.prepare import load_dataset
from disvae.errors import UserError
from tests.data.raw_files import encoded, noise


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "photos"
    path.mkdir()
    return path


def opened(path, tmp_path, **options):
    return load_dataset(path, tmp_path / "data", **options)


def framed(pages, kind, **settings):
    buffer = io.BytesIO()
    first, *rest = (Image.fromarray(page) for page in pages)
    first.save(buffer, kind, save_all=True, append_images=rest, **settings)
    return buffer.getvalue()


@pytest.mark.parametrize(("suffix", "kind"), [("tif", "TIFF"), ("TIFF", "TIFF"), ("gif", "GIF")])
def test_the_first_page_or_frame_is_taken(folder, tmp_path, suffix, kind):
    pages = [noise(64, 64, seed=seed) for seed in range(3)]
    (folder / f"a.{suffix}").write_bytes(framed(pages, kind))
    np.testing.assert_array_equal(opened(folder, tmp_path).images([0])[0, 0], pages[0])


@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg", "tiff_deflate"])
def test_tiffs_are_read_as_they_are_packed(folder, tmp_path, compression):
    pixels = np.full((64, 64, 3), (200, 100, 50), np.uint8)
    (folder / "a.tif").write_bytes(framed([pixels], "TIFF", compression=compression))
    got = opened(folder, tmp_path).images([0])[0].numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(got, pixels, atol=3)


def test_16_bits_of_a_tiff_lose_their_low_byte(folder, tmp_path):
    values = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    (folder / "a.tif").write_bytes(framed([values], "TIFF"))
    np.testing.assert_array_equal(opened(folder, tmp_path).images([0])[0, 0], values >> 8)


def test_what_is_left_out_is_named_with_its_reason(folder, tmp_path, caplog):
    (folder / "a.png").write_bytes(encoded(noise(64, 64), "PNG"))
    (folder / "float.tif").write_bytes(framed([noise(64, 64).astype(np.float32)], "TIFF"))
    (folder / "cut.gif").write_bytes(framed([noise(64, 64)], "GIF")[:-2000])
    for name in ("IMG_1.heic", "IMG_2.heic", "notes.txt", ".DS_Store"):
        (folder / name).write_text("no image")
    assert len(opened(folder, tmp_path)) == 1
    tried, others = (record.message for record in caplog.records)
    assert "2 of 3 image files" in tried
    assert "float.tif (of numbers in no fixed range; save 8 or 16 bits)" in tried
    assert "cut.gif (damaged or cut short)" in tried
    assert (
        "no kind of image that is read (.heic 2, .txt 1): IMG_1.heic, IMG_2.heic, notes.txt"
        in others
    )


WIDE = np.zeros((60, 120, 3), np.uint8)
WIDE[:, 30:90] = 200  # the middle square


@pytest.mark.parametrize("kind", ["folder", "npz", "npy", "array"])
def test_fit_keeps_shapes(folder, tmp_path, kind, caplog):
    (folder / "a.png").write_bytes(encoded(WIDE, "PNG"))
    np.savez(tmp_path / "a.npz", images=WIDE[None])
    np.save(tmp_path / "a.npy", WIDE[None])
    source = {"folder": folder, "array": WIDE[None]}.get(kind, tmp_path / f"a.{kind}")
    crop = opened(source, tmp_path, fit="crop").images([0])[0, 0]
    np.testing.assert_allclose(crop, 200, atol=8)  # the filter rings
    pad = opened(source, tmp_path, fit="pad").images([0])[0, 0]
    assert not pad[:16].any()  # margins in the colour of the background, black
    assert not pad[48:].any()
    np.testing.assert_allclose(pad[18:46, 18:46], 200, atol=20)
    assert not caplog.records
    stretched = opened(source, tmp_path)
    np.testing.assert_allclose(stretched.images([0])[0, 0][:, 18:46], 200, atol=20)
    (said,) = (record.message for record in caplog.records)
    assert "are 2.00 times as wide as high and are stretched to squares" in said
    opened(source, tmp_path)
    assert len(caplog.records) == 1  # once
    assert len(list((tmp_path / "data/own").glob("[!.]*"))) == 3


def test_nearly_square_images_and_equal_ones_are_said_as_they_are(folder, tmp_path, caplog):
    (folder / "a.png").write_bytes(encoded(noise(60, 64), "PNG"))
    opened(folder, tmp_path)
    assert not caplog.records
    (folder / "b.png").write_bytes(encoded(noise(64, 40), "PNG"))
    opened(folder, tmp_path)
    assert "from 0.62 to 1.07 times as wide" in caplog.text


def test_fit_is_for_own_images_and_stays_with_the_run(folder, tmp_path, capsys):
    for number in range(4):
        (folder / f"{number}.png").write_bytes(encoded(noise(30, 60, 3, seed=number), "PNG"))
    words = ["train", "x", "-d", str(folder), "--fit", "crop", "--image-size", "32", "--max-steps",
             "1", "-b", "2", "-z", "2", "--no-test", "--device", "cpu", "--no-progress-bar",
             "--results-dir", str(tmp_path / "results"),
             "--data-dir", str(tmp_path / "data")]  # fmt: skip
    assert main(words) == 0
    run = disvae.open_run(tmp_path / "results/x")
    assert run.specs["fit"] == "crop"
    exact = Image.open(folder / "0.png").resize((32, 32), Image.Resampling.LANCZOS, (15, 0, 45, 30))
    got = run.dataset().images([0])[0].numpy().transpose(1, 2, 0)
    np.testing.assert_array_equal(got, np.asarray(exact))
    assert main(["train", "y", "-d", "mnist", "--fit", "pad", *words[-4:]]) == 2
    assert "--fit is for images of your own" in capsys.readouterr().err
    prepared = next((tmp_path / "data/own").glob("photos-32-crop-*"))
    assert main(["data", "prepare", str(prepared), "--fit", "pad"]) == 2
    assert "are prepared with --fit crop; leave --fit out" in capsys.readouterr().err


CSV = "file,size,colour\nb.png,10,red\nsub/a.png,9,green\n./c.png,9.5,red\ngone.png,1,blue\n"


@pytest.mark.parametrize("divider", [",", ";", "\t"])
def test_factors_beside_images_are_theirs(folder, tmp_path, divider):
    (folder / "sub").mkdir()
    for name in ("c.png", "b.png", "sub/a.png"):
        (folder / name).write_bytes(encoded(noise(64, 64), "PNG"))
    (folder / "factors.csv").write_text("\ufeff" + CSV.replace(",", divider), "utf-8")
    dataset = opened(folder, tmp_path)
    assert dataset.factor_names == ("size", "colour")
    assert dataset.factor_sizes == (3, 2)
    # b.png, c.png, sub/a.png: sizes 10, 9.5, 9; red, red, green
    assert dataset.factors.tolist() == [[2, 1], [1, 1], [0, 0]]
    (folder / "factors.csv").write_text(CSV.replace("9.5", "8"))
    assert opened(folder, tmp_path).factors[:, 0].tolist() == [2, 0, 1]  # prepared anew


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no CSV file in UTF-8 with a header"),
        ("file\n0.png\n", "has no factors"),
        ("file,a\n0.png,1\n", "has no row for 1 of 2 images: 1.png"),
        ("file,a\n0.png,1\n1.png,\n", "line 3: there should be 2 values, none of them empty"),
        ("file,a\n0.png,1\n1.png,2,3\n", "line 3: there should be 2 values"),
        ("file,a\n0.png,1\n0.png,2\n", "line 3: 0.png has a row already"),
        ("file,a,a\n0.png,1,2\n1.png,2,3\n", "should differ from each other"),
        ("file,a\n0.png,nan\n1.png,2\n", "'a' holds NaN or infinite"),
        (b"file,\xff\n", "is no CSV file in UTF-8"),
    ],
)
def test_a_table_that_does_not_fit_is_one_sentence(folder, tmp_path, text, said):
    for number in range(2):
        (folder / f"{number}.png").write_bytes(encoded(noise(64, 64), "PNG"))
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "factors.csv").write_bytes(content)
    with pytest.raises(UserError, match=said):
        opened(folder, tmp_path)


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy, lambda a: a / np.float32(255)])
def test_an_array_is_a_dataset(tmp_path, convert):
    pixels = noise(5, 64, 64, 3)
    factors = [["b", "x"], ["a", "x"], ["a", "y"], ["c", "y"], ["c", "x"]]
    dataset = opened(convert(pixels), tmp_path, factors=factors, factor_names=["one", "two"])
    got = dataset.images(slice(None)).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(got, pixels)
    assert dataset.factor_names == ("one", "two")
    assert dataset.factors[:, 0].tolist() == [1, 0, 0, 2, 2]
    again = opened(convert(pixels), tmp_path, factors=factors, factor_names=["one", "two"])
    assert again.folder == dataset.folder
    assert opened(convert(pixels), tmp_path).folder != dataset.folder


@pytest.mark.parametrize(
    ("array", "options", "said"),
    [
        (np.zeros((4, 8, 8), np.int64), {}, "The array: 'images' should be uint8, or float"),
        (noise(4, 8, 8) / 1.0, {}, r"should lie in \[0, 1\]"),
        (noise(4, 8, 8), {"factors": [1, 2]}, "one row for each of the 4 images"),
        (noise(4, 8, 8), {"factor_names": ["a"]}, "without factors"),
        ("mnist", {"factors": [1]}, "beside an array of images only"),
    ],
)
def test_arrays_that_do_not_fit_are_one_sentence(tmp_path, array, options, said):
    with pytest.raises(UserError, match=said):
        opened(array, tmp_path, **options)


OPTIONS = {"max_steps": 1, "latent_dim": 2, "batch_size": 4, "no_test": True, "device": "cpu",
           "image_size": 32}  # fmt: skip


@pytest.mark.parametrize("kind", ["array", "dataset", "path", "npy"])
def test_training_takes_arrays_datasets_and_paths(folder, tmp_path, kind):
    pixels = noise(8, 32, 32)
    places = {"data_dir": tmp_path / "data", "results_dir": tmp_path / "results"}
    np.save(tmp_path / "mine.npy", pixels)
    for number, picture in enumerate(pixels):
        (folder / f"{number}.png").write_bytes(encoded(picture, "PNG"))
    given = {
        "array": pixels,
        "dataset": opened(folder, tmp_path, image_size=32),
        "path": folder,
        "npy": tmp_path / "mine.npy",
    }[kind]
    run = disvae.train("x", dataset=given, **OPTIONS, **places)
    again = disvae.open_run(run.path).dataset()
    np.testing.assert_array_equal(again.images(slice(None))[:, 0], pixels)


def test_a_dataset_of_the_catalogue_keeps_its_name_and_a_part_is_refused(data_dir, tmp_path):
    options = {**OPTIONS, "data_dir": data_dir, "results_dir": tmp_path, "image_size": None}
    run = disvae.train("x", dataset=load_dataset("mnist", data_dir), **options)
    assert run.options.dataset == "mnist"
    part = load_dataset("mnist", data_dir, train_fraction=0.5)
    with pytest.raises(UserError, match="is a part only"):
        disvae.train("y", dataset=part, **options)
    assert part.indices.tolist() == sorted(set(part.indices.tolist()))
    assert len(part.indices) == 50


def test_own_images_are_known_by_the_name_that_is_listed(folder, tmp_path, capsys, monkeypatch):
    (folder / "a.png").write_bytes(encoded(noise(64, 64), "PNG"))
    (folder / "b.heic").write_text("?")
    place = ["--data-dir", str(tmp_path / "data")]
    assert main(["data", "prepare", str(folder), *place]) == 0
    assert main(["data", "list", *place]) == 0
    listed = capsys.readouterr().out.splitlines()[-1].split()[0]
    assert listed == "photos"
    (prepared,) = (tmp_path / "data/own").glob("photos-*")
    for name in ("photos", str(folder), prepared.name, str(prepared)):
        assert main(["data", "info", name, *place]) == 0
        said = capsys.readouterr().out
        assert said.startswith("photos\n")
        assert f"in {prepared}" in said
        assert main(["data", "verify", name, *place]) == 0
        capsys.readouterr()
    monkeypatch.chdir(tmp_path / "data")
    assert main(["train", "x", "-d", "photos", *place]) == 2
    assert f"Own images of that name are prepared in {prepared}" in capsys.readouterr().err
    assert main(["data", "prepare", str(folder), "--image-size", "32", *place]) == 0
    assert main(["data", "remove", "photos", *place]) == 2
    said = capsys.readouterr().err
    assert "2 prepared datasets are called 'photos'" in said
    assert str(prepared) in said
    logging.getLogger("disvae").setLevel(logging.INFO)
