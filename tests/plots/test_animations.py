"""Animations, by their frames, durations, palettes and bytes."""

import numpy as np
import pytest
import torch
from PIL import Image

import disvae
from disvae import plots
from disvae.data.prepare import load_dataset
from disvae.errors import UserError
from disvae.plots.animations import write_animation, write_gif
from tests.plots.conftest import cell, grey


def frames_of(path):
    with Image.open(path) as film:
        frames, durations = [], []
        for number in range(film.n_frames):
            film.seek(number)
            frames.append(np.asarray(film.convert("RGB")).astype(int))
            durations.append(film.info["duration"])
        assert film.info["loop"] == 0
    return frames, durations


def local_palettes(path):
    """Count the frames of a GIF that bring a palette of their own (GIF89a, section 20)."""
    content = path.read_bytes()
    at = 13 + 3 * 2 ** (1 + (content[10] & 7)) * (content[10] >> 7)
    count = 0
    while content[at] != 0x3B:
        if content[at] == 0x21:
            at += 2
        else:
            assert content[at] == 0x2C
            flags = content[at + 9]
            count += flags >> 7
            at += 11 + 3 * 2 ** (1 + (flags & 7)) * (flags >> 7)
        while content[at]:
            at += content[at] + 1
        at += 1
    return count


def test_gif_traversals_move_each_latent_of_each_image(painted, data_dir):
    frames = plots.gif_traversals(painted, n_rows=3, n_cols=2, max_traversal=3, idcs=(9, 4))
    assert len(frames) == 15
    images = load_dataset("mnist", data_dir).images([9, 4]) / 255
    means = (-3 + 4 * images.mean((1, 2, 3))).tolist()
    for number, value in enumerate(np.linspace(-3, 3, 15)):
        for row, latent in enumerate([1, 3, 0]):
            for col, mean in enumerate(means):
                codes = np.where(np.arange(4) == latent, value, mean)
                columns = cell(frames[number], row, col)[0, ::8].astype(int)
                assert (abs(columns - [grey(code) for code in codes]) <= 1).all()


def test_a_grey_gif_keeps_frames_speed_and_greys_in_one_palette(tmp_path):
    ramp = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    frames = [Image.fromarray(np.roll(ramp, 20 * i, axis=1)) for i in range(12)]
    path = tmp_path / "film.gif"
    write_animation(path, frames)
    shown, durations = frames_of(path)
    assert len(shown) == 12
    assert sum(durations) == 1000  # 12 frames a second
    assert set(durations) == {80, 90}
    for frame, pixels in zip(frames, shown, strict=True):
        assert abs(pixels - np.asarray(frame)[..., None]).max() <= 1
    assert local_palettes(path) == 0


def test_the_film_of_training_shows_one_frame_a_second(tmp_path):
    frames = [Image.fromarray(np.full((8, 8), 60 * i, np.uint8)) for i in range(4)]
    write_gif(tmp_path / "film.gif", frames, frames_per_second=1)
    assert frames_of(tmp_path / "film.gif")[1] == [1000] * 4


def test_a_colour_gif_has_one_palette_and_pure_lines(colour, tmp_path):
    codes = torch.randn(15, 2, 2, 4, generator=torch.Generator().manual_seed(0)) * 3
    frames = [
        plots.grids.image_grid(plots.samples.decode(colour.model, some), "white").to_image()
        for some in codes
    ]
    path = tmp_path / "film.gif"
    write_animation(path, frames)
    shown, _ = frames_of(path)
    assert local_palettes(path) == 0
    for frame, pixels in zip(frames, shown, strict=True):
        assert (pixels[:2] == 0).all()
        assert (pixels[:, 34:36] == 0).all()
        assert np.sqrt(((pixels - np.asarray(frame)) ** 2).mean()) < 12  # of noise; faces come to 3


@pytest.mark.parametrize("side", [100, 300])
def test_the_palette_is_sought_among_few_colours(side, tmp_path, monkeypatch):
    """Among many, Pillow takes minutes; where there are few, they stay as they are."""
    noise = np.random.default_rng(0).normal(128, 40, (side, side, 3)).clip(0, 255)
    frame = Image.fromarray(noise.astype(np.uint8))
    sheets, quantize = [], Image.Image.quantize

    def noted(image, *arguments, **settings):
        if "palette" not in settings:
            sheets.append(np.asarray(image).reshape(-1, 3))
        return quantize(image, *arguments, **settings)

    monkeypatch.setattr(Image.Image, "quantize", noted)
    write_animation(tmp_path / "film.gif", [frame, frame])
    (sheet,) = sheets
    assert len(np.unique(sheet, axis=0)) <= 2**15
    pixels = np.concatenate([np.asarray(frame)] * 2).reshape(-1, 3)
    if side == 100:
        np.testing.assert_array_equal(sheet, pixels)
    shown, _ = frames_of(tmp_path / "film.gif")
    assert np.sqrt(((shown[0] - noise) ** 2).mean()) < 12


def test_pixels_that_do_not_change_do_not_flicker(tmp_path):
    random = np.random.default_rng(0)
    still = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    frames = []
    for _ in range(6):
        moving = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        frames.append(Image.fromarray(np.concatenate([still, moving])))
    write_animation(tmp_path / "film.gif", frames)
    shown, _ = frames_of(tmp_path / "film.gif")
    for pixels in shown:
        np.testing.assert_array_equal(pixels[:16], shown[0][:16])


def test_the_same_seed_gives_the_same_bytes(trained, tmp_path):
    for name in ("a.gif", "b.gif"):
        write_animation(tmp_path / name, plots.gif_traversals(trained, n_rows=2, seed=5))
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_webp_by_suffix_and_no_other(tmp_path):
    frames = [Image.fromarray(np.full((8, 8), 60 * i, np.uint8)) for i in range(4)]
    write_animation(tmp_path / "film.webp", frames)
    shown, durations = frames_of(tmp_path / "film.webp")
    assert sum(durations) == 333
    for number, pixels in enumerate(shown):
        assert abs(pixels - 60 * number).max() <= 3
    with pytest.raises(UserError, match=r"\.gif or \.webp"):
        write_animation(tmp_path / "film.mp4", frames)
    with pytest.raises(UserError, match="There is no folder"):
        write_animation(tmp_path / "no" / "film.gif", frames)
    assert [path.name for path in tmp_path.iterdir()] == ["film.webp"]


def test_a_film_of_sprites_is_below_a_megabyte(shared, tmp_path):
    run = disvae.open_run(shared / "reference/legacy-runs/btcvae_dsprites")
    opened = plots.Opened(run)
    images = run.model.decode(torch.randn(7, 10, generator=torch.Generator().manual_seed(0)))
    opened.samples = lambda count, _: images.detach()[:count]
    write_animation(tmp_path / "film.gif", plots.gif_traversals(opened, n_rows=10))
    assert (tmp_path / "film.gif").stat().st_size < 1e6
