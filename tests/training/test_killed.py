"""Trainings in processes that are killed, or asked to stop, end as if undisturbed, bit for bit."""

import os
import re
import shlex
import signal
import time

import numpy as np
import pytest
import torch

from disvae.cli import main
from tests.processes import start_command, start_training
from tests.training.test_resume import as_arguments, outcome, three_epochs

LOSSES = ("VAE", "betaH", "betaB", "factor", "btcvae")
KILLS = int(os.environ.get("DISVAE_KILLS", "2"))  # of each loss; make fuzz tries more


@pytest.fixture
def options(data_dir, tmp_path):
    return three_epochs(data_dir, tmp_path)


def train_undisturbed(options):
    process = start_training("undisturbed", options)
    process.join()
    assert process.exitcode == 0
    return outcome(options["results_dir"] / "undisturbed")


@pytest.mark.parametrize("loss", LOSSES)
def test_killed_at_random_moments(loss, options, tmp_path):
    options = {**options, "loss": loss, "epochs": 3 + KILLS // 2, "no_progress_bar": True}
    undisturbed = train_undisturbed(options)
    moments = np.random.default_rng(LOSSES.index(loss))
    run = tmp_path / "killed"
    kills = 0
    while kills < KILLS:
        process = start_training("killed", options, resume=(run / "specs.json").exists())
        while process.is_alive() and not (run / "checkpoint.pt").exists():
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        process.join()
        assert process.exitcode != 0  # it was killed before its end
        kills += 1
        for file in run.glob("[!.]*.pt"):
            torch.load(file, weights_only=True)
    process = start_training("killed", options, resume=True)
    process.join()
    assert process.exitcode == 0
    assert outcome(run) == undisturbed
    assert not (run / "checkpoint.pt").exists()
    assert not list(run.glob(".*"))
    assert not list(tmp_path.glob("killed*.zip"))


def test_a_signal_leaves_a_checkpoint_and_says_how_to_go_on(options, tmp_path):
    undisturbed = train_undisturbed(options)
    said = tmp_path / "said"
    process = start_command(["train", "asked", *as_arguments(options)], said)
    while not (tmp_path / "asked/checkpoint.pt").exists():
        assert process.is_alive()
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGTERM)
    process.join()
    assert process.exitcode == 143
    (command,) = re.findall(r"go on with: disvae (train asked --resume .*)\.", said.read_text())
    assert main(shlex.split(command)) == 0
    assert outcome(tmp_path / "asked") == undisturbed
    # and once more: nothing is left to do
    before = (tmp_path / "asked/model.pt").stat().st_mtime_ns
    assert main(shlex.split(command)) == 0
    assert (tmp_path / "asked/model.pt").stat().st_mtime_ns == before
