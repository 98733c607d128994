"""Places that cannot be written: one sentence, status 2, nothing half-written."""

import os
import subprocess
import sys

import pytest

from disvae.cli import main

TRAIN = ["train", "x", "-d", "mnist", "-e", "1", "-z", "2", "--no-test", "--device", "cpu"]


def refused(arguments, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("disvae: ")
    assert said.count("\n") == 1
    return said


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


@pytest.fixture
def full_disk(tmp_path):
    """A mounted file system with 4 kB left."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small file system needs root on Linux")
    (disk / "ballast").write_bytes(b"x" * (60 * 1024))
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk(full_disk, data_dir, capsys):
    (full_disk / "more").write_bytes(b"x" * 4096)
    said = refused([*TRAIN, "--results-dir", str(full_disk), "--data-dir", str(data_dir)], capsys)
    assert "No space left on device" in said
    assert sorted(path.name for path in full_disk.glob("[!.]*")) == ["ballast", "more"]
    assert not (full_disk / ".x.lock").read_bytes()  # an empty name is all that is left


@pytest.mark.parametrize(("front", "documented"), [("main.py", "train"), ("main_viz.py", "plot")])
def test_the_documented_fronts_are_these_commands(front, documented, pytestconfig):
    shown = subprocess.run(
        [sys.executable, pytestconfig.rootpath / front, "--help"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert f"disvae {documented}" in shown
    unknown = subprocess.run(
        [sys.executable, pytestconfig.rootpath / front, "x", "--what"], capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert unknown.returncode == 2
    assert unknown.stderr == "disvae: Unknown option: --what.\n"
