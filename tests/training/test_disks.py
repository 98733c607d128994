"""Disks that fill up, close or go away in the middle of a training."""

import shutil
import subprocess

import pytest

from disvae.cli import main
from disvae.training import checkpoint
from tests.disks import fill

pytestmark = pytest.mark.usefixtures("small_networks")

TRAIN = ["train", "x", "-d", "mnist", "-l", "VAE", "-e", "3", "-b", "16", "-z", "2", "--no-test",
         "--device", "cpu", "--checkpoint-minutes", "1e-6", "--no-progress-bar"]  # fmt: skip


@pytest.fixture
def at_tenth_checkpoint(monkeypatch):
    """Let something happen before a checkpoint of the second of three epochs."""
    acts = []
    count = iter(range(1, 1000))
    real = checkpoint.save

    def save(*arguments):
        if next(count) == 10:
            acts[0]()
        real(*arguments)

    monkeypatch.setattr(checkpoint, "save", save)
    return acts.append


def arguments(results, data_dir):
    return [*TRAIN, "--results-dir", str(results), "--data-dir", str(data_dir)]


def contents(run):
    return {
        path.name: path.read_bytes()
        for path in run.iterdir()
        if path.name not in ("specs.json", "checkpoint-end.pt")
    }


def refused(words, capsys):
    assert main(words) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("disvae: ")
    return said


def closed(folder):
    """Make `folder` read-only, for root too; return what opens it."""
    subprocess.run(["mount", "--bind", "-o", "ro", str(folder), str(folder)], check=True)
    return lambda: subprocess.run(["umount", str(folder)], check=True)


def filled(disk):
    fill(disk)
    return (disk / "ballast").unlink


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_disk_that_cannot_be_written_and_then_can_changes_nothing(
    fault, disk, tmp_path, data_dir, at_tenth_checkpoint, capsys
):
    mend = []
    break_it, said = {
        "full": (lambda: mend.append(filled(disk)), "No space left on device"),
        "read-only": (lambda: mend.append(closed(disk / "x")), "Read-only file system"),
    }[fault]
    at_tenth_checkpoint(break_it)
    assert said in refused(arguments(disk, data_dir), capsys)
    left = contents(disk / "x")
    assert left.keys() == {"checkpoint.pt", "train_losses.log"}
    assert left["train_losses.log"].endswith(b"\n")
    resumed = [*arguments(disk, data_dir), "--resume"]
    assert said in refused(resumed, capsys)  # still
    assert contents(disk / "x") == left
    mend[0]()
    assert main(resumed) == 0
    assert main(arguments(tmp_path / "calm", data_dir)) == 0
    assert contents(disk / "x") == contents(tmp_path / "calm/x")


def test_a_folder_that_is_removed(tmp_path, data_dir, at_tenth_checkpoint, capsys):
    run = tmp_path / "results/x"
    at_tenth_checkpoint(lambda: shutil.rmtree(run))
    said = refused(arguments(run.parent, data_dir), capsys)
    assert "No such file or directory" in said
    assert str(run) in said
    assert [path.name for path in run.parent.iterdir()] == [".x.lock"]
    resumed = [*arguments(run.parent, data_dir), "--resume"]
    assert "There is no run" in refused(resumed, capsys)
