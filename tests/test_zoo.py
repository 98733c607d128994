"""bin/zoo.py: runs laid into the zoo, and what the repository says of them, written again."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

import disvae
from disvae import metrics
from disvae.runs import zoo as registry
from disvae.storage.files import read_json

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "bin/zoo.py"

pytestmark = [
    pytest.mark.skipif(not TOOL.is_file(), reason="needs a checkout"),
    pytest.mark.usefixtures("small_networks"),
]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("zoo_tool", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def results(data_dir, tmp_path_factory, small_networks):
    """Two finished runs, of which `scored` has factors and two scores."""
    results = tmp_path_factory.mktemp("finished")
    common = {"results_dir": results, "data_dir": data_dir, "epochs": 2, "no_progress_bar": True}
    disvae.train("plain", experiment="VAE_mnist", batch_size=48, **common)
    disvae.train(
        "scored", experiment="btcvae_dsprites", metrics=("mig", "aam"), is_metrics=True, **common
    )
    (results / "logs").mkdir()
    lines = [f"Epoch {n}: loss 3.21, {speed} images/s" for n, speed in enumerate((1, 2, 4000))]
    (results / "logs/plain.log").write_text("\n".join(lines))
    return results


def test_runs_are_laid_with_all_that_is_said_of_them(
    tool, results, data_dir, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(registry, "REGISTRY", tmp_path / "zoo.json")
    monkeypatch.setattr(tool, "MOST", 10**7)  # pictures of noise are large
    data = ["--data-dir", str(data_dir)]
    assert tool.main([str(results / "plain"), *data]) == 0
    assert tool.main([str(results / "scored"), "--hours", "2.5", *data]) == 0
    zoo = tmp_path / "zoo"
    for name in ("plain", "scored"):
        assert {path.name for path in (zoo / name).iterdir()} == tool.FILES
    assert {path.name for path in zoo.iterdir()} == {"plain", "scored", "grid.gif", "README.md"}
    # nothing of this machine
    assert str(results.parent) not in "".join(p.read_text() for p in zoo.glob("*/*.json"))
    specs = {name: read_json(zoo / name / "specs.json") for name in ("plain", "scored")}
    assert specs["plain"]["hours"] == round(100 * 2 / 2 / 3600, 2)  # by the median speed
    assert specs["scored"]["hours"] == 2.5
    written = (zoo / "README.md").read_text()
    assert written == tool.readme(zoo)
    rows = {row.split("|")[1].strip(): row for row in written.splitlines() if row[:2] == "| "}
    plain = [cell.strip() for cell in rows["[plain](plain)"].split("|")[2:-2]]
    tested = read_json(zoo / "plain/test_losses.log")
    assert plain == [
        "`disvae train plain -x VAE_mnist --batch-size 48 --epochs 2`", "2 of 400", "6", "0.0",
        f"{tested['recon_loss']:.2f}", f"{tested['kl_loss']:.2f}",
    ]  # fmt: skip
    # MIG without shape, of the codes themselves
    run = disvae.open_run(zoo / "scored")
    codes = run.encode(data_dir)
    kept = [name for name in codes.factor_names if name != "shape"]
    without = metrics.evaluate(codes, "mig", factor_subset=kept)["MIG"]
    assert f"| {without:.3f} |" in rows["scored"]
    entries = read_json(tmp_path / "zoo.json")
    assert abs(entries["scored"]["numbers"]["without_shape"] - without) < 1e-4
    assert {p.name for p in (tmp_path / "build/zoo").iterdir()} == {"plain.zip", "scored.zip"}
    assert tool.main([str(results / "plain")]) == 2
    assert "plain is there already; remove it first" in capsys.readouterr().err


def test_what_is_not_finished_or_too_large_is_refused(
    tool, results, data_dir, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "MOST", 20_000)
    assert tool.main([str(results / "plain"), "--data-dir", str(data_dir)]) == 2
    assert "a run of the zoo has all, in 20,000" in capsys.readouterr().err
    shutil.copytree(results / "plain", tmp_path / "begun")
    (tmp_path / "begun/model.pt").unlink()
    assert tool.main([str(tmp_path / "begun")]) == 2
    assert "is not trained to its end" in capsys.readouterr().err
    assert list((tmp_path / "zoo").iterdir()) == []


def test_a_film_is_shortened_to_what_it_may_fill(tool, results, tmp_path):
    film = shutil.copy(results / "plain/training.gif", tmp_path / "film.gif")
    size = film.stat().st_size
    tool.shorten(film, size, "L")
    assert film.stat().st_size == size
    tool.shorten(film, size - 1, "L")
    assert film.stat().st_size < size


def test_what_the_repository_says_of_the_zoo_comes_from_its_runs(tool, tmp_path, monkeypatch):
    zoo = ROOT / "zoo"
    assert (zoo / "README.md").read_text("utf-8") == tool.readme(zoo)
    assert json.loads(registry.REGISTRY.read_text("utf-8")) == tool.entries(zoo, tmp_path)
    for animal in registry.animals():
        assert animal.place == zoo / animal.name
        assert {path.name for path in animal.place.iterdir()} == tool.FILES
        assert sum(path.stat().st_size for path in animal.place.iterdir()) <= tool.MOST
