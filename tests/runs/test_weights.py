"""Which weights of a run are opened, drawn and scored, and where what comes of them lies."""

import shutil

import numpy as np
import pytest
import torch

import disvae
from disvae.cli import main
from disvae.errors import UserError
from disvae.storage.tensors import read_tensors
from tests.training.test_resume import interrupted


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run of two epochs; the weights of the first differ from its last."""
    return shutil.copytree(trained.path, tmp_path / "run")


def weights(run):
    return run.model.state_dict()["encoder.conv1.weight"]


def test_an_epoch_has_its_own_weights_and_order_of_latents(run):
    first, last = disvae.open_run(run, at=1), disvae.open_run(run)
    assert torch.equal(weights(first), read_tensors(run / "model-1.pt")["encoder.conv1.weight"])
    assert not torch.equal(weights(first), weights(last))
    for at in (2, "2", "last"):
        assert torch.equal(weights(disvae.open_run(run, at=at)), weights(last))
    names = [f"kl_loss_{j}" for j in range(4)]
    assert np.array_equal(first.kl, [first.losses[name][0] for name in names])
    assert np.array_equal(last.kl, [first.losses[name][1] for name in names])


def test_the_last_epoch_needs_no_file_of_its_own(run):
    (run / "model-2.pt").unlink()
    assert torch.equal(weights(disvae.open_run(run, at=2)), weights(disvae.open_run(run)))


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (7, r"no weights of epoch 7; it has those of 1, 2 \(see --checkpoint-every\)"),
        ("best", "has no model-best.pt; a run keeps it that is trained with --val-fraction"),
        (0, "--at: expected the number of an epoch from 1, last or best, but it is 0"),
        ("first", "--at: expected the number of an epoch"),
        (True, "--at: expected the number of an epoch"),
        ("../x", "--at: expected the number of an epoch"),
    ],
)
def test_weights_that_there_are_not(run, at, said):
    with pytest.raises(UserError, match=said):
        _ = disvae.open_run(run, at=at).model


def test_what_is_drawn_and_scored_of_an_epoch_says_so(run, capsys, data_dir):
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    assert main(["plot", str(run), "traversals", "-r", "2", "--at", "1"]) == 0
    assert main(["eval", str(run), "--at", "1", "--device", "cpu"]) == 0
    scored = ["eval", str(run), "--at", "1", "--metrics", "total_correlation", "--device", "cpu"]
    assert main(scored) == 0
    made = {path.name for path in run.iterdir() if path.name[0] != "."} - set(before)
    assert made == {"prior_traversals-1.png", "test_losses-1.log", "metrics-1.log"}
    said = capsys.readouterr().out
    assert all(name in said for name in made)
    assert {name: (run / name).read_bytes() for name in before} == before
    assert "total_correlation" in disvae.open_run(run, at=1).metrics
    assert disvae.open_run(run).metrics == {}


@pytest.fixture
def stopped(data_dir, tmp_path, monkeypatch):
    """A run that stopped inside its second epoch."""
    options = {
        "dataset": "mnist", "loss": "factor", "epochs": 3, "batch_size": 8, "latent_dim": 3,
        "checkpoint_minutes": 1e-6, "device": "cpu", "data_dir": data_dir, "results_dir": tmp_path,
    }  # fmt: skip
    return interrupted(options, monkeypatch, after=9)


def test_a_stopped_run_is_opened_at_its_checkpoint(stopped, caplog, capsys):
    state = read_tensors(stopped / "checkpoint.pt")["modules"][0]
    run = disvae.open_run(stopped)
    with caplog.at_level("INFO", "disvae"):
        assert all(
            torch.equal(state[name], value) for name, value in run.model.state_dict().items()
        )
    assert f"{stopped} has not ended; its weights are those of its checkpoint." in caplog.text
    for command in (["plot", str(stopped), "reconstruct", "traversals", "losses", "-r", "2"],
                    ["eval", str(stopped), "--metrics", "total_correlation"],
                    ["eval", str(stopped)],
                    ["explore", str(stopped), "--export", str(stopped / "page.html")]):  # fmt: skip
        assert main(command) == 0
    made = {path.name for path in stopped.iterdir() if path.name[0] != "."}
    assert made == {
        "specs.json", "checkpoint.pt", "train_losses.log", "reconstruct-last.png",
        "prior_traversals-last.png", "losses-last.png", "metrics-last.log", "test_losses-last.log",
        "page.html",
    }  # fmt: skip


@pytest.mark.parametrize("damage", ["cut", "other", "nothing"])
def test_a_bad_checkpoint_is_one_sentence(stopped, damage):
    file = stopped / "checkpoint.pt"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:5000])
    elif damage == "other":
        state = read_tensors(file)
        torch.save({**state, "modules": [state["modules"][1]]}, file)
    else:
        torch.save({"version": 3}, file)
    with pytest.raises(UserError, match=r"checkpoint\.pt is") as fault:
        _ = disvae.open_run(stopped).model
    assert "\n" not in str(fault.value)
