"""Training on two devices, as two processes on the CPU."""

import json
import subprocess
import sys

import numpy as np
import pytest

import disvae

SCRIPT = """
import sys
from lightning_fabric import Fabric
import disvae
from disvae.training import train

train.make_fabric = lambda *_: Fabric(accelerator="cpu", devices=2, strategy="ddp")
disvae.train("two", loss=sys.argv[1], epochs=2, batch_size=16, latent_dim=3,
             results_dir=sys.argv[2], data_dir=sys.argv[3])
"""


@pytest.mark.parametrize("loss", ["factor", "btcvae"])
def test_two_processes_make_one_run(tmp_path, data_dir, loss):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    subprocess.run(
        [sys.executable, script, loss, tmp_path / "results", data_dir],
        check=True, timeout=300, capture_output=True,
    )  # fmt: skip
    assert [path.name for path in (tmp_path / "results").glob("[!.]*")] == ["two"]
    run = disvae.open_run(tmp_path / "results/two")
    assert len(run.losses["loss"]) == (4 if loss == "factor" else 2)
    assert all(np.isfinite(values).all() for values in run.losses.values())
    assert list(run.model.state_dict()) == list(disvae.VAE((1, 32, 32), 3).state_dict())
    assert json.loads((run.path / "test_losses.log").read_text())["recon_loss"] > 0
