"""The rendering against real images, a published count, and another polygon filler."""

from pathlib import Path

import numpy as np
import pytest

from disvae.cli import main
from disvae.data.catalogue import dsprites
from disvae.data.prepare import load_dataset
from disvae.errors import UserError

FIXTURE = Path(__file__).with_name("real_dsprites.npz")


def rendered(indices):
    blocks = {block: dsprites.render_block(block) for block in np.unique(indices // 1024)}
    return np.stack([blocks[i // 1024][i % 1024] for i in indices])


def test_real_images_come_out_bit_for_bit():
    real = np.load(FIXTURE)
    assert len(real["images"]) == 48
    np.testing.assert_array_equal(rendered(real["indices"]), real["images"])


def test_all_real_images_at_hand_come_out_bit_for_bit(shared):
    real = np.load(shared / "data/dsprites_real_tiles.npz")
    images = np.unpackbits(rendered(real["indices"]), axis=1).reshape(-1, 64, 64)
    assert len(images) == 236
    np.testing.assert_array_equal(images, real["images"].reshape(-1, 64, 64))


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return load_dataset("dsprites", tmp_path_factory.mktemp("data"))


def test_all_images_together_have_the_known_number_of_pixels(everything):
    """The whole rendering, as prepared: 128,328,864 pixels on, in rows and columns 2 to 61."""
    assert len(everything) == 737_280
    total, ink = 0, np.zeros((64, 64), dtype=bool)
    for start in range(0, len(everything), 8192):
        images = everything.images(slice(start, start + 8192)).numpy()[:, 0] > 0
        total += int(images.sum())
        ink |= images.any(0)
    assert total == 128_328_864
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (2, 61, 2, 61)


def test_factors_enumerate_the_grid_last_fastest(everything):
    factors = everything.factors
    assert everything.factor_names == ("shape", "scale", "orientation", "posX", "posY")
    assert everything.factor_sizes == (3, 6, 40, 32, 32)
    index = np.ravel_multi_index(tuple(factors.T), everything.factor_sizes)
    np.testing.assert_array_equal(index, np.arange(737_280))
    assert factors.dtype == np.int64


def test_factors_describe_the_images(everything):
    """Larger scale, more ink; larger posX, further right; larger posY, further down."""
    factors = everything.factors
    square = (factors[:, 0] == 0) & (factors[:, 2] == 0)
    chosen = np.flatnonzero(square)
    images = everything.images(chosen).numpy()[:, 0] > 0
    ink = images.sum((1, 2))
    np.testing.assert_allclose(  # the area of the square is (2 * 9.6 * scale)^2
        ink, (19.2 * np.linspace(0.5, 1, 6)[factors[chosen, 1]]) ** 2, rtol=0.15
    )
    centre_x = (images.any(1) * np.arange(64)).sum(1) / images.any(1).sum(1) + 0.5
    np.testing.assert_allclose(centre_x, 16 + 32 * factors[chosen, 3] / 31, atol=0.6)
    centre_y = (images.any(2) * np.arange(64)).sum(1) / images.any(2).sum(1) + 0.5
    np.testing.assert_allclose(centre_y, 16 + 32 * factors[chosen, 4] / 31, atol=0.6)


def test_first_and_last_orientation_coincide(everything):
    grid = everything.factors
    first = everything.images(np.flatnonzero((grid[:, 0] == 2) & (grid[:, 2] == 0)))
    last = everything.images(np.flatnonzero((grid[:, 0] == 2) & (grid[:, 2] == 39)))
    assert (first == last).all()


def official(path, images):
    np.savez_compressed(path, imgs=images)
    return path


def test_the_official_file_is_compared_with_the_rendering(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dsprites, "_BLOCKS", 3)
    images = np.concatenate([dsprites.render_block(block) for block in range(3)])
    images = np.unpackbits(images, axis=1).reshape(-1, 64, 64)
    path = official(tmp_path / "official.npz", images)
    assert dsprites.count_differences(path) == 0
    images[[5, 2000], 0, 0] = 1
    assert dsprites.count_differences(official(path, images)) == 2


@pytest.mark.parametrize("fault", ["no archive", "other arrays", "cut short"])
def test_a_file_that_is_not_the_official_one_is_refused(tmp_path, fault):
    path = tmp_path / "wrong.npz"
    if fault == "no archive":
        path.write_bytes(b"hello")
    else:
        np.savez(path, imgs=np.zeros((2, 64, 64), np.uint8))
    if fault == "cut short":
        path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UserError, match="is not the official dSprites archive"):
        dsprites.count_differences(path)


def test_import_says_how_many_images_differ(tmp_path, monkeypatch, capsys, everything):
    seen = []
    entry = dsprites.ENTRY
    monkeypatch.setitem(entry.__dict__, "compare", lambda path: seen.append(path) or 7)
    monkeypatch.setattr("disvae.data.importing.prepare", lambda name, root: seen.append(name))
    file = tmp_path / "official.npz"
    file.touch()
    assert main(["data", "import", "dsprites", str(file), "--data-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("7 of 737,280 images in ")
    assert seen == [file, "dsprites"]
