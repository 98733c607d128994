"""Places that cannot be written: one sentence, status 2, nothing half-written."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from disvae.cli import main
from tests.disks import fill

TRAIN = ["train", "x", "-d", "mnist", "-e", "1", "-z", "2", "--no-test", "--device", "cpu"]


def refused(arguments, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("disvae: ")
    assert not any("Traceback" in line for line in said)
    return said[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["score", "--codes", "c.npz", "--seed", "-1"], "--seed: input should be greater than"),
        (["score", "--codes", "c.npz", "--seed", "99999999999"], "--seed: input should be less"),
        (["score", "--codes", "c.npz", "--repeats", "0"], "--repeats: input should be greater"),
        (["explore", "x", "--port", "70000"], "--port: input should be less than"),
    ],
)
def test_numbers_out_of_bounds_name_their_option(arguments, said, capsys):
    assert said in refused(arguments, capsys)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*")}  # less empty locks


def test_a_results_folder_that_is_a_file(tmp_path, data_dir, capsys):
    (tmp_path / "results").write_text("mine")
    said = refused([*TRAIN, "--results-dir", str(tmp_path / "results"),
                    "--data-dir", str(data_dir)], capsys)  # fmt: skip
    assert str(tmp_path / "results") in said
    assert (tmp_path / "results").read_text() == "mine"


def test_a_data_folder_that_is_a_file(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").write_text("mine")
    refused([*TRAIN, "--data-dir", str(tmp_path / "data")], capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_folders_without_permission(tmp_path, data_dir, capsys):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    said = refused([*TRAIN, "--results-dir", str(closed), "--data-dir", str(data_dir)], capsys)
    assert "Permission denied" in said
    said = refused([*TRAIN, "--data-dir", str(closed)], capsys)
    assert "Permission denied" in said
    assert list(closed.iterdir()) == []


def test_a_full_disk(disk, data_dir, capsys):
    fill(disk)
    said = refused([*TRAIN, "--results-dir", str(disk), "--data-dir", str(data_dir)], capsys)
    assert "No space left on device" in said
    assert [path.name for path in disk.glob("[!.]*")] == ["ballast"]
    assert not (disk / ".x.lock").read_bytes()  # an empty name is all that is left


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (["plot", "x", "traversals", "-r", "2"], "prior_traversals.png"),
        (["plot", "x", "gif-traversals", "-r", "2"], "posterior_traversals.gif"),
        (["plot", "x", "losses"], "losses.png"),
        (["eval", "x"], "test_losses.log"),
        (["eval", "x", "--metrics", "total_correlation"], "metrics.log"),
    ],
)
def test_a_full_disk_after_training(disk, trained, command, file, capsys):
    """What a run holds stays as it is, an older picture or table of the same name too."""
    run = shutil.copytree(trained.path, disk / "x")
    (run / file).write_bytes(b"{}")
    fill(disk)
    before = contents(run)
    assert "No space left on device" in refused([*command, "--results-dir", str(disk)], capsys)
    assert contents(run) == before


def test_a_full_disk_while_a_sweep_is_summarised(disk, trained, capsys):
    run = shutil.copytree(trained.path, disk / "study/x")
    planned = {"setting": {"experiment": "debug"}, "seed": 1, "options": {}}
    record = {"scores": {}, "runs": {"x": planned}}
    (disk / "study/sweep.json").write_text(json.dumps(record))
    fill(disk)
    before = contents(run)
    assert "No space left on device" in refused(
        ["summary", "study", "--results-dir", str(disk)], capsys
    )
    assert contents(run) == before
    assert {path.name for path in run.parent.iterdir()} == {"x", "sweep.json"}


@pytest.mark.parametrize(
    ("front", "said"), [("main.py", "Train and evaluate"), ("main_viz.py", "Draw what")]
)
def test_the_documented_fronts_are_these_commands(front, said, pytestconfig):
    """Their help says the name that was typed."""
    shown = subprocess.run(
        [sys.executable, pytestconfig.rootpath / front, "--help"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert shown.startswith(f"Usage: {front} [OPTIONS] NAME")
    assert said in shown
    assert "disvae train NAME" not in shown
    unknown = subprocess.run(
        [sys.executable, pytestconfig.rootpath / front, "x", "--zzzzzz"], capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert unknown.returncode == 2
    assert unknown.stderr == "disvae: Unknown option: --zzzzzz.\n"
