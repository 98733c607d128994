"""Interrupted runs go on and end as if nothing had happened, bit for bit."""

import logging
import shutil

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

import disvae
from disvae.cli import main
from disvae.data.prepare import prepare
from disvae.errors import UserError
from disvae.models.registry import ARCHITECTURES
from disvae.storage.tensors import read_tensors, write_tensors
from disvae.training import checkpoint
from disvae.training import train as training
from tests.conftest import blobs

pytestmark = pytest.mark.usefixtures("small_networks")
FILES = ("model.pt", "model-2.pt", "train_losses.log", "training.gif", "test_losses.log")


def three_epochs(data_dir, results_dir):
    """A run of 21 steps, with a checkpoint after each."""
    return {
        "dataset": "mnist", "epochs": 3, "batch_size": 16, "latent_dim": 3, "reg_anneal": 15,
        "checkpoint_every": 2, "checkpoint_minutes": 1e-6, "device": "cpu",
        "data_dir": data_dir, "results_dir": results_dir,
    }  # fmt: skip


@pytest.fixture
def options(data_dir, tmp_path):
    return three_epochs(data_dir, tmp_path)


def as_arguments(options):
    return [
        word
        for name, value in options.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]


def outcome(run):
    return {name: (run / name).read_bytes() for name in FILES}


def interrupted(options, monkeypatch, after=4):
    """Make a run that stopped at its `after`-th checkpoint."""
    real, count = checkpoint.save, iter(range(1, 1000))

    def save(*arguments):
        real(*arguments)
        if next(count) == after:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", save)
    with pytest.raises(KeyboardInterrupt):
        disvae.train("run", **options)
    monkeypatch.setattr(checkpoint, "save", real)
    return options["results_dir"] / "run"


def test_a_full_disk_leaves_the_last_checkpoint(options, monkeypatch, capsys):
    run = interrupted(options, monkeypatch)
    before = (run / "checkpoint.pt").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device", "checkpoint.pt")

    monkeypatch.setattr(checkpoint, "write_tensors", full)
    arguments = ["train", "run", "--resume", "--results-dir", str(run.parent)]
    assert main(arguments) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert (run / "checkpoint.pt").read_bytes() == before
    monkeypatch.undo()
    assert main(arguments) == 0


def test_a_loss_that_is_not_finite_leaves_the_last_good_checkpoint(options):
    with pytest.raises(UserError, match="not finite"):
        disvae.train("run", **{**options, "lr": 1.0, "rec_dist": "gaussian", "epochs": 50})
    state = torch.load(options["results_dir"] / "run/checkpoint.pt", weights_only=True)
    assert all(np.isfinite(value) for terms in state["history"]["log"] for value in terms.values())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"batch_size": 8}, "begun with batch_size 16, so it cannot go on with 8"),
        ({"loss": "VAE"}, "begun with loss betaB"),
        ({"latent_dim": 5}, "begun with latent_dim 3"),
    ],
)
def test_other_options_are_refused(options, monkeypatch, given, said):
    interrupted(options, monkeypatch)
    with pytest.raises(UserError, match=said):
        disvae.train("run", resume=True, **{**options, **given})


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_a_damaged_checkpoint_is_one_sentence(options, monkeypatch, content):
    run = interrupted(options, monkeypatch)
    file = run / "checkpoint.pt"
    file.write_bytes(file.read_bytes()[:-1000] if content is None else content)
    with pytest.raises(UserError, match=r"checkpoint\.pt is damaged or no file of weights"):
        disvae.train("run", resume=True, results_dir=run.parent)


def test_there_must_be_a_run(tmp_path, capsys):
    assert main(["train", "none", "--resume", "--results-dir", str(tmp_path)]) == 2
    assert "There is no run" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_run_killed_before_its_first_checkpoint_begins_anew(options, monkeypatch, tmp_path):
    undisturbed = disvae.train("undisturbed", **options)
    run = interrupted(options, monkeypatch)
    (run / "checkpoint.pt").unlink()
    disvae.train("run", resume=True, results_dir=tmp_path)
    assert outcome(run) == outcome(undisturbed.path)


def test_two_at_once_are_refused(options, tmp_path):
    with FileLock(tmp_path / ".run.lock"), pytest.raises(UserError, match="Another process"):
        disvae.train("run", **options)
    assert not (tmp_path / "run").exists()


def test_a_finished_run_is_left_alone(options, caplog):
    run = disvae.train("run", **options)
    before = outcome(run.path)
    with caplog.at_level(logging.INFO, "disvae"):
        disvae.train("run", resume=True, results_dir=options["results_dir"])
    assert "is finished" in caplog.text
    assert outcome(run.path) == before


def test_a_run_that_another_process_ends_meanwhile_is_left_alone(options, monkeypatch):
    run = interrupted(options, monkeypatch)
    prepare, outcomes = training.prepare, []

    def prepare_late(*arguments):
        monkeypatch.setattr(training, "prepare", prepare)
        disvae.train("run", resume=True, results_dir=run.parent)
        outcomes.append(outcome(run))
        return prepare(*arguments)

    monkeypatch.setattr(training, "prepare", prepare_late)
    disvae.train("run", resume=True, results_dir=run.parent)
    assert outcome(run) == outcomes[0]


def test_a_run_that_another_process_began_anew_is_refused(options, monkeypatch):
    run = interrupted(options, monkeypatch)
    prepare = training.prepare

    def prepare_late(*arguments):
        monkeypatch.setattr(training, "prepare", prepare)
        disvae.train("run", **{**options, "lr": 2e-3})
        return prepare(*arguments)

    monkeypatch.setattr(training, "prepare", prepare_late)
    with pytest.raises(UserError, match="Another process began"):
        disvae.train("run", resume=True, results_dir=run.parent)


def test_many_latents_are_no_hindrance(options, monkeypatch):
    """Their film shows the first hundred: a GIF has an end."""
    options = {**options, "latent_dim": 120, "loss": "VAE"}
    run = interrupted(options, monkeypatch, after=9)
    disvae.train("run", resume=True, results_dir=run.parent)
    with Image.open(run / "training.gif") as film:
        assert film.n_frames == 3
        assert 3300 < film.height < 3600


@pytest.mark.parametrize("loss", ["VAE", "factor"])
def test_a_model_that_counts_its_batches(options, monkeypatch, tmp_path, loss):
    monkeypatch.setitem(ARCHITECTURES, "MLP", "tests.models.normalised")
    options = {**options, "model_type": "MLP", "loss": loss}
    undisturbed = disvae.train("undisturbed", **options)
    counts = undisturbed.model.state_dict()["encoder.1.num_batches_tracked"]
    assert counts.dtype == torch.int64
    assert counts > 0
    run = interrupted(options, monkeypatch)
    disvae.train("run", resume=True, results_dir=tmp_path)
    assert outcome(run) == outcome(undisturbed.path)
    weights = read_tensors(run / "model.pt")
    opened = disvae.open_run(run).model.state_dict()
    assert all(torch.equal(opened[name], value) for name, value in weights.items())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("encoder.1.num_batches_tracked", torch.tensor(3.0)),
        ("encoder.1.num_batches_tracked", torch.tensor(3, dtype=torch.int32)),
        ("encoder.1.running_var", torch.full((4,), torch.inf)),
        ("encoder.1.running_var", torch.ones(4, dtype=torch.int64)),
    ],
)
def test_its_tampered_buffers_are_refused(options, monkeypatch, name, value):
    monkeypatch.setitem(ARCHITECTURES, "MLP", "tests.models.normalised")
    run = interrupted({**options, "model_type": "MLP"}, monkeypatch)
    state = read_tensors(run / "checkpoint.pt")
    state["modules"][0][name] = value
    write_tensors(run / "checkpoint.pt", state)
    write_tensors(run / "model.pt", state["modules"][0])
    with pytest.raises(UserError, match=r"checkpoint\.pt is damaged or not of this run"):
        disvae.train("run", resume=True, results_dir=run.parent)
    with pytest.raises(UserError, match=name):
        _ = disvae.open_run(run).model


def test_other_images_of_the_same_number_are_refused(tmp_path, monkeypatch):
    images = tmp_path / "own.npz"
    np.savez(images, images=blobs(40, 32)[:, 0])
    options = {
        "dataset": str(images), "image_size": 32, "loss": "VAE", "epochs": 2, "batch_size": 16,
        "latent_dim": 2, "checkpoint_minutes": 1e-6, "device": "cpu", "no_test": True,
        "data_dir": tmp_path / "data", "results_dir": tmp_path,
    }  # fmt: skip
    interrupted(options, monkeypatch)
    np.savez(images, images=blobs(40, 32, seed=1)[:, 0])
    (prepared,) = (tmp_path / "data/own").glob("own-*")
    other = prepare(images, tmp_path / "data", 32)
    for folder, said in ((other, "begun on 40 other images"), (None, "are not prepared here")):
        shutil.rmtree(prepared)
        if folder is not None:
            specs = tmp_path / "run/specs.json"
            specs.write_text(specs.read_text().replace(str(images), str(folder)))
            prepared = folder
        with pytest.raises(UserError, match=said):
            disvae.train("run", resume=True, results_dir=tmp_path)


@pytest.mark.parametrize("more", [{}, {"train_fraction": 0.01}])
def test_one_image_is_too_few(tmp_path, more):
    images = tmp_path / "own.npz"
    np.savez(images, images=blobs(100 if more else 1, 32)[:, 0])
    with pytest.raises(UserError, match="has 1 images to train on"):
        disvae.train(
            "run", dataset=str(images), image_size=32, device="cpu", results_dir=tmp_path,
            data_dir=tmp_path / "data", seed=0, **more,
        )  # fmt: skip
    assert not (tmp_path / "run").exists()
