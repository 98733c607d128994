"""Training on two devices, as two processes on the CPU."""

import json
import subprocess
import sys

import numpy as np
import pytest

import disvae
from disvae.errors import UserError

SCRIPT = """
import itertools, os, sys
from lightning_fabric import Fabric
import disvae
from disvae.training import checkpoint, keeping, train

name, loss, results, data, resume, number, saves = sys.argv[1:]
train.make_fabric = lambda *_: Fabric(accelerator="cpu", devices=2, strategy="ddp")
keeping._AGREE_EVERY = 1
save, count = checkpoint.save, itertools.count(1)

def ended(*arguments):
    save(*arguments)
    if next(count) == int(saves):
        os.kill(os.getpid(), int(number))

checkpoint.save = ended if int(number) else save
options = {} if resume else dict(loss=loss, epochs=2, batch_size=16, latent_dim=3, data_dir=data,
                                 reg_anneal=5, checkpoint_minutes=1e-6)
disvae.train(name, results_dir=results, resume=bool(resume), **options)
"""
FILES = ("model.pt", "train_losses.log", "training.gif", "test_losses.log")


@pytest.fixture
def two(tmp_path, data_dir):
    """Train in two processes, the first of which gets the signal `number` after some saves."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def train(name, loss="", resume="", number=0, saves=0):
        words = [name, loss, tmp_path / "results", data_dir, resume, str(number), str(saves)]
        return subprocess.run(
            [sys.executable, script, *words], check=False, timeout=300, capture_output=True,
            text=True,
        )  # fmt: skip

    return train


@pytest.mark.parametrize("loss", ["factor", "control"])
def test_two_processes_make_one_run_and_go_on(tmp_path, two, loss):
    assert two("two", loss).returncode == 0
    assert [path.name for path in (tmp_path / "results").glob("[!.]*")] == ["two"]
    run = disvae.open_run(tmp_path / "results/two")
    assert len(run.losses["loss"]) == (4 if loss == "factor" else 2)
    assert all(np.isfinite(values).all() for values in run.losses.values())
    assert list(run.model.state_dict()) == list(disvae.VAE((1, 32, 32), 3).state_dict())
    assert json.loads((run.path / "test_losses.log").read_text())["recon_loss"] > 0

    assert two("killed", loss, number=9, saves=8).returncode == -9
    killed = tmp_path / "results/killed"
    assert (killed / "checkpoint.pt").exists()
    with pytest.raises(UserError, match=r"begun by 2 processes, .* cannot go on with 1"):
        disvae.train("killed", resume=True, results_dir=killed.parent)
    if loss == "factor":  # once more, asked to stop
        asked = two("killed", resume="yes", number=15, saves=1)
        assert "go on with: disvae train killed --resume" in asked.stderr
        assert asked.returncode != 0
    assert two("killed", resume="yes").returncode == 0
    assert all((killed / name).read_bytes() == (run.path / name).read_bytes() for name in FILES)
