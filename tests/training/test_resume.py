"""Interrupted runs go on and end as if nothing had happened, bit for bit."""

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from filelock import FileLock

import disvae
from disvae.cli import main
from disvae.errors import UserError
from disvae.training import checkpoint

LOSSES = ("VAE", "betaH", "betaB", "factor", "btcvae")
KILLS = int(os.environ.get("DISVAE_KILLS", "2"))  # of each loss; make fuzz tries more
FILES = ("model.pt", "model-2.pt", "train_losses.log", "training.gif", "test_losses.log")


@pytest.fixture
def options(data_dir, tmp_path):
    """A run of 21 steps in three epochs, with a checkpoint after each step."""
    return {
        "dataset": "mnist", "epochs": 3, "batch_size": 16, "latent_dim": 3, "reg_anneal": 15,
        "checkpoint_every": 2, "checkpoint_minutes": 1e-6, "device": "cpu",
        "data_dir": data_dir, "results_dir": tmp_path,
    }  # fmt: skip


def outcome(run):
    return {name: (run / name).read_bytes() for name in FILES}


def as_arguments(options):
    return [
        word
        for name, value in options.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]


def process_of(name, options, **more):
    """Start a process that trains; it comes from one which has PyTorch loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["disvae.lifecycle"])
    process = context.Process(target=disvae.train, args=(name,), kwargs=options | more)
    process.start()
    return process


@pytest.mark.parametrize("loss", LOSSES)
def test_killed_at_random_moments(loss, options, tmp_path):
    options = {**options, "loss": loss, "epochs": 3 + KILLS // 2, "no_progress_bar": True}
    undisturbed = process_of("undisturbed", options)
    undisturbed.join()
    assert undisturbed.exitcode == 0
    moments = np.random.default_rng(LOSSES.index(loss))
    run = tmp_path / "killed"
    kills = 0
    while kills < KILLS:
        process = process_of("killed", options, resume=(run / "specs.json").exists())
        while process.is_alive() and not (run / "checkpoint.pt").exists():
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        process.join()
        assert process.exitcode != 0  # it was killed before its end
        kills += 1
        for file in run.glob("[!.]*.pt"):
            torch.load(file, weights_only=True)
    process = process_of("killed", options, resume=True)
    process.join()
    assert process.exitcode == 0
    assert outcome(run) == outcome(tmp_path / "undisturbed")
    assert not (run / "checkpoint.pt").exists()
    assert not list(run.glob(".*"))
    assert not list(tmp_path.glob("killed*.zip"))


def test_a_signal_leaves_a_checkpoint_and_says_how_to_go_on(options, tmp_path, capsys):
    undisturbed = disvae.train("undisturbed", **options)
    arguments = as_arguments({**options, "epochs": 3})
    process = subprocess.Popen(
        [sys.executable, "-m", "disvae", "train", "asked", *arguments],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "asked/checkpoint.pt").exists():
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    assert process.returncode == 143
    assert "disvae train asked --resume" in said
    places = ["--results-dir", str(tmp_path)]
    assert main(["train", "asked", "--resume", *places]) == 0
    assert outcome(tmp_path / "asked") == outcome(undisturbed.path)
    # and once more: nothing is left to do
    before = (tmp_path / "asked/model.pt").stat().st_mtime_ns
    assert main(["train", "asked", "--resume", *places]) == 0
    assert (tmp_path / "asked/model.pt").stat().st_mtime_ns == before


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
    assert all(np.isfinite(value) for terms in state["log"] for value in terms.values())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 4}, "begun with epochs 3, so it cannot go on with 4"),
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


def test_a_clock_that_is_set_back_changes_nothing(options, monkeypatch):
    undisturbed = disvae.train("undisturbed", **options)
    hours = iter(range(10**6, 0, -1))
    monkeypatch.setattr(time, "time", lambda: 3600.0 * next(hours))
    run = disvae.train("run", **options)
    again = disvae.train("run", **options)  # the first goes to a zip named by the time
    monkeypatch.undo()
    assert outcome(run.path) == outcome(again.path) == outcome(undisturbed.path)
    assert len(list(run.path.parent.glob("run.*.zip"))) == 1
