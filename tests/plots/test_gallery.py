"""The commands that draw: their files, all or none."""

import shutil
import struct

import numpy as np
import pytest
from PIL import Image

import disvae
from disvae import plots
from disvae.cli import main
from disvae.plots import gallery
from disvae.runs.run import Run

DOCUMENTED = {
    "samples.png", "data_samples.png", "reconstruct.png", "prior_traversals.png",
    "reconstruct_traverse.png", "posterior_traversals.gif", "losses.png", "latents.png",
}  # fmt: skip


@pytest.fixture
def results(trained, tmp_path):
    """A results folder with the run `run`."""
    shutil.copytree(trained.path, tmp_path / "run")
    return tmp_path


def test_the_command_writes_the_documented_files_or_none(results, capsys):
    before = set((results / "run").iterdir())
    arguments = ["plot", "run", "all", "-s", "1", "-c", "3", "--results-dir", str(results)]
    assert main([*arguments, "-r", "3"]) == 2  # odd rows for reconstruct
    assert capsys.readouterr().err.startswith("disvae: reconstruct draws")
    assert set((results / "run").iterdir()) == before
    assert main([*arguments, "-r", "4", "-i", "1", "2", "--is-show-loss"]) == 0
    assert {path.name for path in set((results / "run").iterdir()) - before} == DOCUMENTED
    printed = capsys.readouterr().out.splitlines()
    assert {line.rpartition("/")[2] for line in printed} == DOCUMENTED


def test_the_same_seed_writes_the_same_bytes(results):
    written = []
    for _ in range(2):
        arguments = ["plot", "run", "all", "-s", "1", "-r", "4", "-c", "2", "--format", "svg"]
        assert main([*arguments, "--results-dir", str(results)]) == 0
        names = {name.replace("losses.png", "losses.svg").replace("latents.png", "latents.svg")
                 for name in DOCUMENTED}  # fmt: skip
        written.append({name: (results / "run" / name).read_bytes() for name in names})
    assert written[0] == written[1]


def test_posterior_and_pdf_have_files_of_their_own(results):
    arguments = ["plot", "run", "traversals", "latents", "--is-posterior", "--format", "pdf"]
    assert main([*arguments, "--results-dir", str(results)]) == 0
    assert (results / "run" / "posterior_traversals.png").exists()
    assert (results / "run" / "latents.pdf").read_bytes().startswith(b"%PDF")


def test_all_opens_data_and_model_once_and_shows_the_same_images(results, monkeypatch):
    opened = []
    dataset = Run.dataset
    monkeypatch.setattr(Run, "dataset", lambda *args: opened.append(1) or dataset(*args))
    arguments = ["plot", "run", "all", "-r", "4", "-c", "3", "--results-dir", str(results)]
    assert main(arguments) == 0  # without a seed
    assert len(opened) == 1
    row = (0, 0, 3 * 34 + 2, 34)
    tops = {
        Image.open(results / "run" / name).crop(row).tobytes()
        for name in ("data_samples.png", "reconstruct.png", "reconstruct_traverse.png")
    }
    assert len(tops) == 1


def test_every_documented_plot_is_a_function_too():
    for name in gallery.PLOTS:
        assert callable(getattr(plots, name.replace("-", "_")))


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_grid_puts_films_side_by_side_under_their_names(trained, colour, results, suffix):
    shutil.copytree(colour.path, results / "colour")
    small = np.full((20, 30), 255, np.uint8)
    small[2:-2, 2:-2] = 0
    small = [Image.fromarray(small) for _ in range(4)]
    small[3].putpixel((15, 10), 120)  # the first three are equal, and stay three in time
    plots.write_animation(results / "run" / "posterior_traversals.gif", small)
    red, blue = np.zeros((2, 40, 60, 3), np.uint8)
    red[..., 0] = blue[..., 2] = 255
    plots.write_animation(
        results / "colour" / "posterior_traversals.gif",
        [Image.fromarray(red), Image.fromarray(blue)],
    )
    out = results / f"grid.{suffix}"
    arguments = ["grid", str(out), "run", "colour", "run", "--columns", "2"]
    assert main([*arguments, "--results-dir", str(results)]) == 0
    with Image.open(out) as film:
        assert film.n_frames == 4  # of the longest
        pages = []
        for number in range(4):
            film.seek(number)
            pages.append(np.asarray(film.convert("RGB")).astype(int))
    for page, dominant in zip(pages, (0, 2, 0, 2), strict=True):  # the short film starts again
        shade = np.flatnonzero(((page.max(-1) > 200) & (page.min(-1) < 60)).any(0))
        assert shade[-1] - shade[0] + 1 == pytest.approx(60, abs=2)
        top = np.flatnonzero(((page.max(-1) > 200) & (page.min(-1) < 60)).any(1))[0]
        middle = page[top + 20, (shade[0] + shade[-1]) // 2]
        assert middle.argmax() == dominant
        # the small film is magnified to the width of the other, and its name stands above
        black = page[top + 20, : page.shape[1] // 2].max(-1) < 60
        assert black.sum() == pytest.approx(52, abs=2)
        assert (page[: top - 1, : page.shape[1] // 2] < 128).sum() > 50
    np.testing.assert_allclose(pages[0][0], 255, atol=2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grid", "g.gif", "run"], "posterior_traversals.gif is missing; draw it first"),
        (["grid", "g.mp4", "run"], "is a .gif or .webp file"),
        (["grid", "no/g.gif", "run"], "There is no folder no"),
        (["grid", "g.gif", "nobody"], "There is no run in"),
        (["grid", "g.gif", "run", "--columns", "0"], "at least one run and one column"),
        (["grid", "g.gif"], "RUNS requires an argument"),
        (["plot", "run", "everything"], "everything"),
        (["plot", "run", "traversals", "-t", "-1"], "--max-traversal"),
        (["plot", "run", "traversals", "-r", "5"], "--n-rows can be at most 4"),
        (["plot", "run", "data-samples", "-i", "100"], "--idcs: mnist has the images 0 to 99"),
    ],
)
def test_bad_commands_are_one_sentence(results, arguments, said, capsys, monkeypatch):
    monkeypatch.chdir(results)
    before = sorted(results.rglob("*"))
    if "RUNS" not in said:
        arguments = [*arguments, "--results-dir", str(results)]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("disvae: ")
    assert error.count("\n") == 1
    assert said in error
    assert sorted(results.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "width", "said"), [("w.gif", 65_536, "65,535"), ("w.webp", 16_384, "16,383")]
)
def test_films_larger_than_their_format_are_refused(tmp_path, name, width, said):
    with pytest.raises(disvae.UserError, match=f"at most {said} a side"):
        plots.write_animation(tmp_path / name, [Image.new("L", (width, 2))])
    with pytest.raises(disvae.UserError, match="no frame"):
        plots.write_animation(tmp_path / name, [])
    assert list(tmp_path.iterdir()) == []


def test_a_film_that_would_fill_the_memory_is_refused(results, monkeypatch):
    path = results / "run/posterior_traversals.gif"
    path.write_bytes(
        b"GIF89a"
        + struct.pack("<HHBBB", 20000, 20000, 0, 0, 0)
        + b","
        + struct.pack("<HHHHB", 0, 0, 20000, 20000, 0)
        + b"\x08\x01\x00\x00;"
    )
    with pytest.raises(disvae.UserError, match="is damaged; draw it again"):
        plots.grid([disvae.open_run(results / "run")])
    pages = [Image.new("L", (64, 64), grey) for grey in (0, 90, 180)]
    plots.write_animation(path, pages)
    monkeypatch.setattr("disvae.plots.montage._MOST_PIXELS", 2 * 64 * 64)
    with pytest.raises(disvae.UserError, match="too large a film"):
        plots.grid([disvae.open_run(results / "run")])


def test_a_damaged_film_is_one_sentence(results, capsys):
    (results / "run" / "posterior_traversals.gif").write_bytes(b"GIF89a")
    run = disvae.open_run(results / "run")
    with pytest.raises(disvae.UserError, match="is damaged; draw it again"):
        plots.grid([run])
