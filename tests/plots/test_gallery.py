"""The commands that draw: their files, all or none."""

import base64
import io
import re
import shutil
import struct

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

import disvae
from disvae import plots
from disvae.cli import main
from disvae.plots import gallery
from disvae.plots.figures import to_image
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
        names = {name.replace(".png", ".svg") for name in DOCUMENTED}
        written.append({name: (results / "run" / name).read_bytes() for name in names})
    assert written[0] == written[1]


HEADS = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml", "gif": b"GIF89a", "webp": b"RIFF"}


@pytest.mark.parametrize(
    ("wanted", "still", "film"),
    [("png", "png", "gif"), ("pdf", "pdf", "gif"), ("svg", "svg", "gif"), ("webp", "png", "webp")],
)
def test_every_picture_has_the_format_that_is_wanted(results, capsys, wanted, still, film):
    arguments = ["plot", "run", "all", "-r", "4", "-c", "2", "--is-posterior", "--format", wanted]
    assert main([*arguments, "--results-dir", str(results)]) == 0
    named = {name.replace("prior", "posterior") for name in DOCUMENTED}
    expected = {name.replace(".png", f".{still}").replace(".gif", f".{film}") for name in named}
    printed = capsys.readouterr().out.splitlines()
    assert {line.rpartition("/")[2] for line in printed} == expected
    for name in expected:
        content = (results / "run" / name).read_bytes()
        assert content.startswith(HEADS[name.rpartition(".")[2]]), name


@pytest.mark.parametrize("suffix", ["svg", "pdf"])
@pytest.mark.parametrize("factor", ["1", "2"])
def test_vector_files_hold_the_images_pixel_by_pixel_and_labels_as_text(results, suffix, factor):
    arguments = ["plot", "run", "traversals", "-r", "3", "-c", "2", "--is-show-loss", "-u", factor]
    arguments += ["--results-dir", str(results), "--title", "β of $4", "--dpi", "100"]
    assert main([*arguments, "--format", suffix]) == 0
    assert main(arguments) == 0
    content = (results / "run" / f"prior_traversals.{suffix}").read_bytes()
    with Image.open(results / "run/prior_traversals.png") as drawn:
        whole = np.asarray(drawn)
        assert drawn.info["dpi"] == pytest.approx((100, 100), abs=0.1)
    height, width = (n * (32 * int(factor) + 2) + 2 for n in (3, 2))
    if suffix == "svg":
        encoded = re.search(rb'data:image/png;base64,\s*([^"]+)"', content)[1]
        inside = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("L"))
        np.testing.assert_array_equal(inside, whole[-height:, :width])
        page = float(re.search(rb'<svg [^>]*width="([\d.]+)pt"', content)[1])
        assert page == pytest.approx(whole.shape[1] * 0.72)
        assert len(set(re.findall(rb"<!-- (z\d): KL [\d.]+ -->", content))) == 3
        assert "β of $4".encode() in content
    else:
        (image,) = re.findall(rb"/Subtype /Image /Width (\d+) /Height (\d+)", content)
        assert tuple(map(int, image)) == (width, height)


def test_a_title_stands_above_every_picture_and_moves_nothing(results):
    base = ["plot", "run", "all", "-s", "1", "-r", "4", "-c", "2", "--results-dir", str(results)]
    drawn = []
    for title in ([], ["--title", "β-VAE"]):
        assert main([*base, *title]) == 0
        drawn.append({name: Image.open(results / "run" / name).copy() for name in DOCUMENTED})
    for name in DOCUMENTED - {"losses.png", "latents.png"}:
        bare, titled = (np.asarray(pictures[name].convert("L")) for pictures in drawn)
        above = len(titled) - len(bare)
        assert above > 10
        np.testing.assert_array_equal(titled[above:, : bare.shape[1]], bare)
        strip = titled[:above]
        assert (strip < 128).sum() > 30  # ink on paper
        assert (strip[[0, -1]] == 255).all()  # not cut


def test_dpi_is_the_resolution_of_diagrams_and_too_many_pixels_are_refused(results, capsys):
    base = ["plot", "run", "losses", "--results-dir", str(results)]
    sizes = []
    for dpi in ("100", "200"):
        assert main([*base, "--dpi", dpi]) == 0
        with Image.open(results / "run/losses.png") as picture:
            assert picture.info["dpi"] == pytest.approx((int(dpi),) * 2, abs=0.1)
            sizes.append(np.array(picture.size))
    np.testing.assert_allclose(sizes[1], 2 * sizes[0], atol=1)
    assert main([*base, "--dpi", "2400"]) == 2
    assert "lower --dpi" in capsys.readouterr().err


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


def test_every_picture_is_a_matplotlib_figure_too(trained):
    stills = [name.replace("-", "_") for name, plot in gallery.PLOTS.items() if not plot.is_film]
    for name in stills:
        options = {"n_rows": 2, "n_cols": 3, "seed": 1, "dpi": 80, "title": "mine"}
        plot = getattr(plots, name)
        figure, image = plot.figure(trained, **options), plot(trained, **options)
        pixels = np.asarray(to_image(figure).convert(image.mode))
        assert pixels.shape == np.asarray(image).shape
        if name not in ("losses", "latents"):  # all but the title, which another library draws
            np.testing.assert_array_equal(pixels[-70:, :104], np.asarray(image)[-70:, :104])
        texts = [text.get_text() for text in figure.findobj(Text)]
        assert "mine" in texts
    assert plots.matrix.figure([[1.0, 0.0]], ["a"], title="m").axes[0].get_title() == "m"


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
        (
            ["plot", "run", "traversals", "losses", "--format", "gif"],
            "pictures, which are png, pdf",
        ),
        (["plot", "run", "gif-traversals", "--format", "pdf"], "films: gif or webp"),
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
