"""What leaves disvae is read back by the programs it is for, and by disvae from a zip file."""

import logging
import shutil
import sys
import zipfile

import numpy as np
import pytest
import torch

import disvae
from disvae.cli import main
from disvae.errors import UserError
from disvae.models.vae import VAE
from disvae.runs import packed


@pytest.fixture
def run(trained, tmp_path):
    """A finished run, whose folder may be changed."""
    shutil.copytree(trained.path, tmp_path / "results/mine")
    return disvae.open_run("mine", results_dir=tmp_path / "results")


def test_safetensors_hold_the_weights_under_their_names(run):
    read = pytest.importorskip("safetensors.torch")
    (file,) = disvae.export(run, "safetensors")
    assert file == run.path / "model.safetensors"
    weights = read.load_file(file)
    assert weights.keys() == run.model.state_dict().keys()
    for name, value in run.model.state_dict().items():
        assert torch.equal(weights[name], value)


@pytest.mark.parametrize("architecture", ["Burgess", "ResNet"])
def test_onnx_computes_what_pytorch_does_for_any_batch(run, architecture, caplog):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    if architecture != "Burgess":
        run.model = VAE(run.image_shape, run.options.latent_dim, architecture).eval()
    with caplog.at_level(logging.WARNING):
        encoder, decoder = map(runtime.InferenceSession, disvae.export(run, "onnx"))
    assert not caplog.records
    ends = [*encoder.get_inputs(), *encoder.get_outputs(), *decoder.get_inputs()]
    assert [each.name for each in ends] == ["image", "mean", "logvar", "code"]
    assert {each.shape[0] for each in (*ends, *decoder.get_outputs())} == {"batch"}
    images = torch.rand(5, *run.image_shape)
    with torch.no_grad():
        posterior = run.model.encode(images)
        decoded = run.model.decode(posterior.mean)
    mean, logvar = encoder.run(["mean", "logvar"], {"image": images.numpy()})
    np.testing.assert_allclose(mean, posterior.mean, atol=1e-4)
    np.testing.assert_allclose(logvar, posterior.logvar, atol=1e-4)
    (picture,) = decoder.run(["image"], {"code": posterior.mean.numpy()})
    np.testing.assert_allclose(picture, decoded, atol=1e-4)


def test_a_zip_opens_in_place_and_its_pictures_go_elsewhere(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (run.path / "checkpoint-end.pt").write_bytes(b"of no use to others")
    assert main(["export", "mine"]) == 0
    assert capsys.readouterr().out.strip() == "results/mine.zip"
    names = zipfile.ZipFile("results/mine.zip").namelist()
    assert "mine/model.pt" in names
    assert not any("checkpoint" in name for name in names)
    shutil.move("results/mine.zip", "theirs.zip")
    there = disvae.open_run("theirs.zip", results_dir="elsewhere")
    codes = torch.randn(2, there.options.latent_dim)
    assert torch.equal(there.model.decode(codes), run.model.decode(codes))
    assert (there.name, there.losses.keys()) == ("mine", run.losses.keys())
    assert main(["plot", "theirs.zip", "losses", "--results-dir", "elsewhere"]) == 0
    there.merge_metrics({"mig": 0.5})
    assert there.metrics["mig"] == 0.5
    made = sorted(path.name for path in (tmp_path / "elsewhere/mine").glob("[!.]*"))
    assert made == ["losses.png", "metrics.log"]
    assert (
        disvae.export(there, "zip", "again.zip")[0].read_bytes()
        == (tmp_path / "theirs.zip").read_bytes()
    )


def test_nothing_is_written_into_another_run_of_that_name(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    disvae.export(run)
    before = {path.name: path.stat().st_mtime_ns for path in run.path.iterdir()}
    for words in (["plot", "mine.zip", "losses"], ["eval", "mine.zip"]):
        assert main(words) == 2
        said = capsys.readouterr().err
        assert said == (
            "disvae: results/mine is a run itself, so nothing is written there of another one; "
            "name a folder for that by --out.\n"
        )
    with pytest.raises(UserError, match="is a run itself"):
        disvae.open_run("mine.zip").merge_metrics({"mig": 1.0})
    (run.path / "metrics.log").write_text('{"mig": 0.25}')
    assert "mig" not in disvae.open_run("mine.zip").metrics
    (run.path / "metrics.log").unlink()
    assert main(["plot", "mine.zip", "losses", "--out", "pictures"]) == 0
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["losses.png"]
    assert {path.name: path.stat().st_mtime_ns for path in run.path.iterdir()} == before


def test_every_command_that_reads_a_run_reads_a_zip(run, data_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    disvae.export(run, "zip", "x.zip")
    shutil.rmtree(run.path)
    data = ["--data-dir", str(data_dir)]
    for words in (
        ["eval", "x.zip", *data],
        ["plot", "x.zip", "gif-traversals", *data, "-r", "2", "-c", "2"],
        ["grid", "grid.gif", "x.zip", "x.zip"],
        ["encode", "x.zip", "codes.npz", *data],
        ["decode", "x.zip", "codes.npz", "images.png", "-i", "0"],
        ["explore", "x.zip", "--export", "page.html"],
        ["export", "x.zip", "--to", "zip", "--out", "y.zip"],
    ):
        assert main(words) == 0, (words, capsys.readouterr().err)
    assert (tmp_path / "results/mine/test_losses.log").is_file()
    assert (tmp_path / "grid.gif").is_file()


def test_a_run_in_a_zip_is_not_changed(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    disvae.export(run)
    for words in ("train mine.zip --resume", "runs archive mine.zip", "runs remove mine.zip"):
        assert main(words.split()) == 2
        assert "There is no run in results/mine.zip" in capsys.readouterr().err
    assert (tmp_path / "results/mine.zip").is_file()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"../outside.txt": "{}"}, "leads out of it"),
        ({"/outside.txt": "{}"}, "leads out of it"),
        ({"run/deep/specs.json": "{}"}, "holds no run "),
        ({"a.txt": ""}, "holds no run "),
        ({"a/specs.json": "{}", "b/specs.json": "{}"}, "holds 2 runs "),
        ({"a/specs.json": "{}", "a/model.pt": "x" * 3000}, "more than the 2,000 that such a file"),
        (
            {"a/specs.json": "{}", **{f"a/{n}.log": "x" * 1500 for n in range(3)}},
            "would fill more than the 4,000 bytes",
        ),
        ({"a/specs.json": "["}, "not a JSON object"),
    ],
)
def test_other_zips_are_refused(tmp_path, monkeypatch, files, said):
    monkeypatch.setattr(packed, "_MOST", 2000)
    monkeypatch.setattr(packed, "_MOST_IN_ALL", 4000)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match=said) as fault:
        disvae.open_run(tmp_path / "x.zip")
    assert "\n" not in str(fault.value)
    assert not (tmp_path.parent / "outside.txt").exists()


@pytest.mark.parametrize("cut", [0, 10, 1000, -30])
def test_a_damaged_zip_is_one_sentence(run, tmp_path, cut):
    (file,) = disvae.export(run)
    content = file.read_bytes()
    damaged = content[:cut] if cut != 1000 else content[:1000] + b"\0" * 99 + content[1099:]
    (tmp_path / "x.zip").write_bytes(damaged)
    with pytest.raises(UserError, match="cut short or damaged"):
        disvae.open_run(tmp_path / "x.zip")


def test_what_is_there_stays_and_what_is_missing_is_said(run, monkeypatch, tmp_path):
    (taken := tmp_path / "taken.zip").write_bytes(b"mine")
    with pytest.raises(UserError, match="is there already"):
        disvae.export(run, "zip", taken)
    assert taken.read_bytes() == b"mine"
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(UserError, match=r"pip install 'disvae\[safetensors\]'"):
        disvae.export(run, "safetensors")
    with pytest.raises(UserError, match="no format"):
        disvae.export(run, "pickle")
    (run.path / "model.pt").unlink()
    for to in ("zip", "safetensors"):
        with pytest.raises(UserError):
            disvae.export(run, to, tmp_path / "new")
    assert not (tmp_path / "new").exists()
