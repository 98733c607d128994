"""Runs that end later, or sooner, than they were begun to: as if begun so, bit for bit."""

import json
from pathlib import Path

import pytest

import disvae
from disvae.cli import main
from disvae.errors import UserError
from disvae.storage.tensors import read_tensors, write_tensors
from tests.training.test_killed import as_arguments
from tests.training.test_resume import interrupted

pytestmark = pytest.mark.usefixtures("small_networks")
FILES = ("model.pt", "train_losses.log", "training.gif", "test_losses.log")


@pytest.fixture
def options(data_dir, tmp_path):
    """A run of two epochs of seven steps."""
    return {
        "dataset": "mnist", "loss": "betaB", "epochs": 2, "batch_size": 16, "latent_dim": 3,
        "reg_anneal": 20, "device": "cpu", "data_dir": data_dir, "results_dir": tmp_path,
    }  # fmt: skip


def outcome(path):
    return {name: (path / name).read_bytes() for name in FILES}


def specs(path):
    found = json.loads((path / "specs.json").read_text())
    return {key: value for key, value in found.items() if key != "name"}


def at_once(options, **changed):
    return disvae.train("at-once", **{**options, **changed}).path


def further(options, **changed):
    """Extend the run by the options changed alone: it has the others."""
    return disvae.train("run", resume=True, results_dir=options["results_dir"], **changed).path


@pytest.mark.parametrize("loss", ["betaB", "factor", "control"])
def test_a_finished_run_that_is_extended_is_that_which_was_asked_for_at_once(options, loss):
    options = {**options, "loss": loss}
    disvae.train("run", **options)
    run, whole = further(options, epochs=4), at_once(options, epochs=4)
    assert outcome(run) == outcome(whole)
    assert specs(run) == specs(whole)
    assert not (run / "checkpoint.pt").exists()


@pytest.mark.parametrize("changed", [{"max_steps": 17}, {"max_steps": 14}, {"max_steps": None}])
def test_a_run_that_max_steps_cut_short_goes_on_inside_its_epoch(options, changed):
    options = {**options, "epochs": 3, "metrics_every": 2, "metrics": ("total_correlation",)}
    disvae.train("run", **options, max_steps=9, checkpoint_every=2)
    run, whole = further(options, **changed), at_once(options, **changed, checkpoint_every=2)
    for name in (*FILES, "train_metrics.log", "model-2.pt"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()
    assert specs(run) == specs(whole)


@pytest.mark.parametrize("epochs", [2, 5])
def test_an_interrupted_run_may_end_sooner_or_later(options, monkeypatch, epochs):
    options = {**options, "epochs": 3, "checkpoint_minutes": 1e-6}
    interrupted(options, monkeypatch, after=9)
    assert outcome(further(options, epochs=epochs)) == outcome(at_once(options, epochs=epochs))


def test_twice_and_by_the_command_line(options, caplog):
    disvae.train("run", **options)
    path = options["results_dir"] / "run"
    for epochs in ("3", "4"):
        assert main(["train", str(path), "--resume", "-e", epochs]) == 0
    assert outcome(path) == outcome(at_once(options, epochs=4))
    arguments = as_arguments({"results_dir": options["results_dir"], "epochs": 4})
    with caplog.at_level("INFO", "disvae"):
        assert main(["train", "run", "--resume", *arguments]) == 0
    assert "is finished; there is nothing to resume" in caplog.text


def test_what_the_earlier_end_came_to_is_kept_under_its_epoch(options):
    run = disvae.train("run", **options)
    run.merge_metrics({"mine": {"value": 1.0}})
    before = {name: (run.path / name).read_bytes() for name in ("model.pt", "test_losses.log")}
    further(options, epochs=3)
    assert (run.path / "model-2.pt").read_bytes() == before["model.pt"]
    kept = disvae.open_run(run.path, at=2)
    assert kept.metrics == {"mine": {"value": 1.0}}
    assert json.loads((run.path / "test_losses-2.log").read_text()) == json.loads(
        before["test_losses.log"]
    )
    assert disvae.open_run(run.path).metrics == {}


@pytest.mark.parametrize("moment", range(4))
def test_a_kill_while_it_is_taken_up_again_changes_nothing(options, monkeypatch, moment):
    """At each change to the folder: of logs, of the model, of the checkpoint, of the options."""
    disvae.train("run", **options)
    real, count = Path.replace, iter(range(100))

    def replace(self, target):
        if next(count) == moment:
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        further(options, epochs=3)
    monkeypatch.undo()
    assert outcome(further(options, epochs=3)) == outcome(at_once(options, epochs=3))


@pytest.mark.parametrize(
    ("begun", "asked", "said"),
    [
        ({}, {"epochs": 1}, "is at step 14 in epoch 2 already, beyond the end of epochs 1"),
        ({}, {"max_steps": 9}, "is at step 14 in epoch 2 already, beyond the end of epochs 2, max"),
        ({"max_steps": 9}, {"epochs": 5}, "stays at step 9 in epoch 2, its end by epochs 5, max"),
        ({"lr_schedule": "cosine"}, {"epochs": 5}, "has the --lr-schedule cosine, of which each"),
        ({"no_extend": True}, {"epochs": 5}, r"is finished and has no checkpoint-end\.pt"),
        ({}, {"patience": 3}, "--patience watches images that are held out"),
        ({}, {"epochs": 5, "lr": 0.1}, "begun with lr 0.0005, so it cannot go on with 0.1"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_the_run_as_it_was(options, begun, asked, said):
    run = disvae.train("run", **options, **begun).path
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    with pytest.raises(UserError, match=said):
        further(options, **asked)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_run_without_its_end_state_is_small(options):
    run = disvae.train("run", **options, no_extend=True).path
    assert {path.name for path in run.glob("*.pt")} == {"model.pt"}


@pytest.mark.parametrize("value", [10**9, -1, 1.5, None])
def test_a_tampered_end_is_refused(options, value):
    run = disvae.train("run", **options)
    state = read_tensors(run.end)
    state["position"]["epoch"] = value
    write_tensors(run.end, state)
    with pytest.raises(UserError, match=r"checkpoint-end\.pt is damaged or not of this run"):
        further(options, epochs=3)
    assert run.is_trained
