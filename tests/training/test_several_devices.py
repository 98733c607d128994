"""Training on two devices, as two processes on the CPU."""

import itertools
import json
import os
import socket
import sys
from typing import NamedTuple

import numpy as np
import pytest
from lightning_fabric import Fabric

import disvae
from disvae.errors import UserError
from disvae.training import checkpoint, keeping
from disvae.training import train as training
from tests.processes import start

FILES = ("model.pt", "train_losses.log", "training.gif", "test_losses.log")


class Ended(NamedTuple):
    """How the first of the processes ended, and what it said."""

    exitcode: int
    said: str


def work(rank, port, said, number, saves, name, options):
    """Train as one of two; the first gets the signal `number` after some saves."""
    # as launchers of clusters say it: then Fabric starts no processes of its own
    os.environ.update(LOCAL_RANK=str(rank), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    with said.open("w") as stream:
        os.dup2(stream.fileno(), 2)
    training.make_fabric = lambda *_: Fabric(accelerator="cpu", devices=2, strategy="ddp")
    keeping._AGREE_EVERY = 1
    save, count = checkpoint.save, itertools.count(1)

    def ended(*arguments):
        save(*arguments)
        if next(count) == saves:
            os.kill(os.getpid(), number)

    checkpoint.save = ended if number else save
    disvae.train(name, **options)
    sys.stderr.flush()


@pytest.fixture
def two(tmp_path, data_dir):
    def train(name, loss="", resume=False, number=0, saves=0):
        options = {"resume": resume, "results_dir": tmp_path / "results", "no_progress_bar": True}
        if not resume:
            options |= {
                "loss": loss, "epochs": 2, "batch_size": 16, "latent_dim": 3, "reg_anneal": 5,
                "checkpoint_minutes": 1e-6, "data_dir": data_dir,
            }  # fmt: skip
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        files = [tmp_path / f"said-{rank}" for rank in range(2)]
        first, second = (
            start(work, rank, port, files[rank], number, saves, name, options) for rank in range(2)
        )
        first.join()
        if first.exitcode:  # the other may wait for it
            second.kill()
        second.join()
        return Ended(first.exitcode, files[0].read_text())

    return train


@pytest.mark.parametrize("loss", ["factor", "control"])
def test_two_processes_make_one_run_and_go_on(tmp_path, two, loss):
    assert two("two", loss).exitcode == 0
    assert [path.name for path in (tmp_path / "results").glob("[!.]*")] == ["two"]
    run = disvae.open_run(tmp_path / "results/two")
    assert run.specs["used"]["processes"] == 2
    assert len(run.losses["loss"]) == (4 if loss == "factor" else 2)
    assert all(np.isfinite(values).all() for values in run.losses.values())
    assert list(run.model.state_dict()) == list(disvae.VAE((1, 32, 32), 3).state_dict())
    assert json.loads((run.path / "test_losses.log").read_text())["recon_loss"] > 0

    assert two("killed", loss, number=9, saves=8).exitcode == -9
    killed = tmp_path / "results/killed"
    assert (killed / "checkpoint.pt").exists()
    with pytest.raises(UserError, match=r"begun by 2 processes, .* cannot go on with 1"):
        disvae.train("killed", resume=True, results_dir=killed.parent)
    if loss == "factor":  # once more, asked to stop
        asked = two("killed", resume=True, number=15, saves=1)
        assert "go on with: disvae train killed --resume" in asked.said
        assert asked.exitcode != 0
    assert two("killed", resume=True).exitcode == 0
    assert all((killed / name).read_bytes() == (run.path / name).read_bytes() for name in FILES)
