"""`disvae runs`: what is listed, how it is filtered and sorted; archived, removed, renamed."""

import json
import subprocess
import sys
import zipfile

import pytest

import disvae
from disvae.cli import main
from disvae.errors import UserError
from disvae.runs.folder import sole_trainer
from disvae.runs.inventory import chosen, list_runs, ordered


def write_run(path, loss="VAE", recon=1.0, mig=None, state="finished"):
    path.mkdir(parents=True)
    specs = {"name": path.name, "loss": loss, "dataset": "mnist", "lr": 0.001, "latent_dim": 3}
    (path / "specs.json").write_text(json.dumps({**specs, "img_size": [1, 32, 32]}))
    (path / "train_losses.log").write_text(
        "Epoch,Loss,Value\n"
        + "".join(f"{e},{t},{9 - e}\n" for e in range(3) for t in ("loss", "x"))
    )
    if state == "finished":
        (path / "model.pt").write_bytes(b"x" * 1000)
        (path / "test_losses.log").write_text(json.dumps({"loss": recon + 1, "recon_loss": recon}))
    if state == "stopped":
        (path / "checkpoint.pt").write_bytes(b"x" * 3000)
    if mig is not None:
        score = {"value": mig, "std": None, "parts": {"gap": {"mean": mig / 2}, "rows": [1, 2]}}
        (path / "metrics.log").write_text(json.dumps({"MIG": mig, "mig": score}))


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Four runs, an archive, a damaged archive, a sweep of two runs, and other files."""
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"
    write_run(results / "a", "btcvae", 30, 0.2)
    write_run(results / "b", "btcvae", 10, 0.4)
    write_run(results / "c", "factor", 20, state="stopped")
    write_run(results / "d")
    (results / "d/specs.json").write_text("no JSON")
    write_run(results / "old", "betaH", 5, 0.9)
    assert main(["runs", "archive", "old", "--yes"]) == 0
    (results / "e.20260101-000000.zip").write_bytes(b"no archive")
    for seed in "12":
        write_run(results / "sweep" / f"s{seed}")
    (results / "sweep/sweep.json").write_text("{}")
    (results / "notes.txt").write_text("mine")
    (results / "pictures").mkdir()
    return results


def names(runs):
    return [run.name.partition(".")[0] for run in runs]


def test_runs_archives_and_sweeps_are_listed_with_what_they_came_to(results, capsys):
    runs = {run.name.partition(".")[0]: run for run in list_runs(results)}
    states = {name: run.state for name, run in runs.items()}
    assert states == {
        "a": "finished", "b": "finished", "c": "stopped", "d": "damaged", "e": "damaged",
        "old": "archived", "sweep": "sweep",
    }  # fmt: skip
    assert runs["a"].numbers["recon_loss"] == 30
    assert runs["a"].numbers["mig"] == 0.2
    assert runs["a"].numbers["mig.gap"] == 0.1
    assert runs["a"].numbers["epochs"] == 3
    assert runs["c"].numbers["loss"] == 7  # of the last epoch, where there is no test
    assert (runs["old"].option("loss"), runs["old"].numbers["mig"]) == ("betaH", 0.9)
    size = sum(path.stat().st_size for path in (results / "a").iterdir())
    assert runs["a"].numbers["size"] == size
    assert main(["runs"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split()[:6] == ["run", "state", "model", "dataset", "epochs", "loss"]
    assert said[1].split()[:6] == ["a", "finished", "btcvae", "mnist", "3", "31"]
    total = sum(run.numbers["size"] for run in runs.values()) / 1e6
    expected = "2 finished, 1 stopped, 2 damaged, 1 archived, 1 sweep"
    assert said[-1] == f"{expected}; {total:,.1f} MB."


@pytest.mark.parametrize(
    ("where", "left"),
    [
        (["loss=btcvae"], ["a", "b"]), (["loss=btcvae,factor"], ["a", "b", "c"]),
        (["name=[bc]"], ["b", "c"]), (["state!=finished", "loss=*"], ["c", "old"]),
        (["mig>0.2"], ["b", "old"]), (["mig>=0.2", "loss=btcvae"], ["a", "b"]),
        (["recon-loss<15"], ["b", "old"]), (["lr=0.001", "mig<=0.4"], ["a", "b"]),
        (["mig=0.4"], ["b"]),
        (["nothing=1"], []), (["epochs>3"], []), ([], ["a", "b", "c", "d", "e", "old", "sweep"]),
    ],
)  # fmt: skip
def test_conditions(results, where, left):
    assert names(chosen(list_runs(results), where)) == left


@pytest.mark.parametrize(
    ("key", "reverse", "first"),
    [
        ("mig", False, ["old", "b", "a"]), ("mig", True, ["a", "b", "old"]),
        ("recon_loss", False, ["old", "b", "a"]), ("loss", False, ["old", "c", "b"]),
        ("name", True, ["sweep", "old", "e"]), ("size", False, ["c"]), ("mig.gap", False, ["old"]),
    ],
)  # fmt: skip
def test_orders(results, key, reverse, first):
    runs = ordered(list_runs(results), key, reverse)
    assert names(runs)[: len(first)] == first
    assert len(runs) == 7


def test_what_cannot_be_asked_is_one_sentence(results, capsys):
    for words, said in (
        (["--where", "btcvae"], "is no condition; write it as"),
        (["--where", "mig>high"], "compares with no number"),
        (["--sort", "mug"], "No run has a number 'mug' to sort by; there are "),
        (["nowhere"], "There is no folder nowhere"),
    ):
        assert main(["runs", *words]) == 2
        assert said in capsys.readouterr().err


def answering(monkeypatch, answer):
    asked = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or answer)
    return asked


@pytest.mark.parametrize("command", [["archive", "a"], ["remove", "a"], ["rename", "a", "z"]])
def test_nothing_happens_unless_the_answer_is_yes(results, command, monkeypatch, capsys):
    before = sorted(results.rglob("*"))
    asked = answering(monkeypatch, "")
    assert main(["runs", *command]) == 0
    assert "results/a (0.0 MB)? [y/N]" in asked[0]
    assert "Nothing was changed." in capsys.readouterr().out
    assert sorted(results.rglob("*")) == before


def test_runs_are_archived_removed_and_renamed(results, monkeypatch, capsys):
    answering(monkeypatch, "y")
    assert main(["runs", "archive", "a", "results/c"]) == 0
    packed = capsys.readouterr().out.split()
    assert [zipfile.ZipFile(file).testzip() for file in packed] == [None, None]
    assert main(["runs", "rename", "b", "better"]) == 0
    assert json.loads((results / "better/specs.json").read_text())["name"] == "better"
    assert disvae.open_run("better").name == "better"
    (old,) = results.glob("old.*.zip")
    assert main(["runs", "remove", "better", old.name, packed[0]]) == 0
    left = {path.name for path in results.iterdir() if path.name[0] != "."}
    assert left == {
        "c" + packed[1][len("results/c"):], "d", "e.20260101-000000.zip", "sweep", "notes.txt",
        "pictures",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["rename", "a", "b"], "results/b is there already"),
        (["rename", "a", "../x"], "cannot be the name of a run"),
        (["rename", "sweep/s1", "s3"], "is a run of a sweep"),
        (["remove", "nothing"], "There is no run in"),
        (["remove", "notes.txt"], "There is no run in"),
        (["archive", "sweep"], "There is no run in"),
    ],
)
def test_what_must_not_be_is_refused(results, command, said, capsys):
    before = sorted(path for path in results.rglob("*") if path.suffix != ".lock")
    assert main(["runs", *command, "--yes"]) == 2
    assert said in capsys.readouterr().err
    assert sorted(path for path in results.rglob("*") if path.suffix != ".lock") == before


@pytest.mark.parametrize("command", [["archive", "a"], ["remove", "a"], ["rename", "a", "z"]])
def test_a_run_that_is_trained_is_left_alone(results, command, capsys):
    with sole_trainer(results / "a"):
        assert main(["runs", *command, "--yes"]) == 2
    assert "Another process trains" in capsys.readouterr().err
    assert (results / "a/model.pt").exists()


def test_pytorch_is_not_loaded(results):
    program = """
import sys
from pathlib import Path
from disvae.cli import main
assert main(["runs", "--sort", "mig"]) == 0
assert not {"torch", "numpy"} & set(sys.modules)
assert main(["data", "list"]) == 0
import disvae
from disvae.explore import explorer, opening, table
assert table.table(opening.find_runs(["results"], Path("results")).runs)["rows"]
assert len(disvae.open_run("a").losses["loss"]) == 3
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_hostile_files_are_listed_as_damaged_or_without_numbers(tmp_path):
    for number, content in enumerate(["[" * 10**5, '{"loss": 1e400}', "\0", '{"dataset": [1]}']):
        run = tmp_path / f"run{number}"
        run.mkdir()
        (run / "specs.json").write_text(content)
        for log in ("metrics.log", "test_losses.log", "train_losses.log"):
            (run / log).write_text(content)
    assert [run.state for run in list_runs(tmp_path)] == ["damaged", "begun", "damaged", "begun"]
    with pytest.raises(UserError, match="to sort by"):
        ordered(list_runs(tmp_path), "mig", reverse=False)
