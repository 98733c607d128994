"""The watch that other tests rely on sees what it should."""

import os
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest

from tests.watch import watching

ACTS = {
    "file": lambda at: at.joinpath("a").write_text("x"),
    "append": lambda at: at.joinpath("there").open("a").close(),
    "array": lambda at: np.save(at / "a.npy", np.eye(2)),
    "folder": lambda at: at.joinpath("a").mkdir(),
    "remove": lambda at: at.joinpath("there").unlink(),
    "rename": lambda at: at.joinpath("there").rename(at / "a"),
    "link": lambda at: at.joinpath("a").symlink_to(at),
    "tree": lambda at: shutil.rmtree(at),
    "program": lambda _: subprocess.run([sys.executable, "-c", ""], check=True),
    "shell": lambda _: os.system("true"),  # noqa: S605
    "network": lambda _: connect(),
}


def connect():
    with socket.socket() as line:
        line.setblocking(False)
        line.connect_ex(("192.0.2.1", 9))  # an address that is nobody's


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_what_is_done_elsewhere_is_seen(tmp_path, act):
    inside, elsewhere = tmp_path / "inside", tmp_path / "inside-not"
    for folder in (inside, elsewhere):
        folder.mkdir()
        (folder / "there").touch()
    with watching(inside) as outside:
        act(elsewhere)
    assert outside


def test_what_is_done_inside_is_not(tmp_path):
    with watching(tmp_path) as outside:
        (tmp_path / "a").mkdir()
        (tmp_path / "a/b").write_text("x")
        (tmp_path / "a/b").read_text()
        shutil.rmtree(tmp_path / "a")
    assert outside == []
