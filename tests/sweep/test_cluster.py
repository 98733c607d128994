"""Sweeps on a Ray cluster of two nodes on this machine, one of which goes away."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from disvae.cli import main
from disvae.sweep.record import Record
from tests.processes import start_command

pytest.importorskip("ray", reason="Ray is not installed (disvae[ray])")
RAY = Path(sys.executable).with_name("ray")
N_RUNS, N_EPOCHS = 3, 8
OWN_LOSS = """
from disvae.objectives import BetaVAE

class Own(BetaVAE):
    prefix = "own"
"""


def start_node(stack, *arguments):
    """Start a node with one core, which ends with the test; return the id of its raylet."""
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
    node = subprocess.Popen(
        [RAY, "start", "--block", "--num-cpus=1", "--disable-usage-stats",
         "--include-log-monitor=false", *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    stack.callback(node.wait)
    stack.callback(node.terminate)
    while (raylet := raylet_of(node.pid)) is None:
        assert node.poll() is None
        time.sleep(0.1)
    return raylet


def raylet_of(node):
    """The raylet that this process started; others may have their own clusters here."""
    for folder in Path("/proc").glob("[0-9]*"):
        process = int(folder.name)
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")[0]
        except OSError:
            continue
        if command.endswith(b"/raylet") and parent(process) == node:
            return process
    return None


def parent(process):
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


@pytest.fixture
def cluster(monkeypatch):
    """The address of a cluster of two nodes, and their raylets."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # whatever token the user has
    if not Path("/proc").is_dir():
        pytest.skip("nodes are found by /proc, which this system has not")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    port = address.split(":")[1]
    with ExitStack() as stack:
        first = start_node(stack, "--head", f"--port={port}", "--node-ip-address=127.0.0.1",
                           "--include-dashboard=false")  # fmt: skip
        second = start_node(stack, f"--address={address}", "--node-ip-address=127.0.0.2")
        yield address, first, second


def sweep(name, address, tmp_path, data_dir, *arguments):
    (tmp_path / "own.py").write_text(OWN_LOSS)
    loss = f"loss={tmp_path / 'own.py'}:Own"
    axes = [f"epochs={N_EPOCHS}", "batch_size=16", "latent_dim=3", "dataset=mnist", loss]
    grid = [word for axis in axes for word in ("--grid", axis)]
    return [
        "sweep", "--name", name, "--seeds", str(N_RUNS), *grid, "--executor", "ray",
        "--address", address, "--results-dir", str(tmp_path), "--data-dir", str(data_dir),
        *arguments,
    ]  # fmt: skip


def begun(folder):
    """The processes that began each run, in order, by the logs."""
    return {
        log.stem: [int(pid) for pid in re.findall(r"^== Process (\d+) ", log.read_text(), re.M)]
        for log in folder.glob("logs/*.log")
    }


def half_way(folder, raylet):
    """The run that a worker of this node is training, if it has done an epoch."""
    for name, workers in begun(folder).items():
        trains = (folder / name / "train_losses.log").exists()
        if trains and not (folder / name / "model.pt").exists() and parent(workers[-1]) == raylet:
            return name
    return None


def test_when_workers_and_nodes_go_away_every_run_still_ends_once(cluster, tmp_path, data_dir):
    address, first, second = cluster
    said, folder = tmp_path / "said", tmp_path / "study"
    process = start_command(sweep("study", address, tmp_path, data_dir), said)

    def wait_for_training_on(raylet):
        patience = time.monotonic() + 300
        while not (name := half_way(folder, raylet)):
            assert process.is_alive() and time.monotonic() < patience
            time.sleep(0.02)
        return name

    asked = wait_for_training_on(first)
    os.kill(begun(folder)[asked][-1], signal.SIGTERM)
    cut = wait_for_training_on(second)
    os.kill(second, signal.SIGKILL)
    process.join(600)
    assert process.exitcode == 0
    lines = said.read_text().splitlines()
    ended = [line.split()[1] for line in lines if line.endswith(": finished")]
    names = [f"custom-seed{n}" for n in range(1, N_RUNS + 1)]
    assert sorted(ended) == [f"{name}:" for name in names]
    record = Record(folder)
    assert sorted(record.runs) == names
    assert {record.run(name).options.loss for name in names} == {"own.py:Own"}
    assert all(record.is_finished(name) for name in names)
    assert record.failures == {}
    # what was interrupted was taken up once more; nothing that was finished was
    times = {name: len(workers) for name, workers in begun(folder).items()}
    assert times == {name: 1 + (name == asked) + (name == cut) for name in names}
    for name in names:
        epochs = record.run(name).losses["loss"]
        assert len(epochs) == N_EPOCHS
    for archive in folder.glob("*.zip"):  # a run that had no checkpoint yet
        assert archive.name.startswith(f"{cut}.")
    assert not list(folder.glob("*/checkpoint.pt"))

    # a run that no machine has room for is refused rather than awaited
    arguments = sweep("more", address, tmp_path, data_dir, "--gpus-per-run", "0.5")
    refused = start_command(arguments, said)
    refused.join(120)
    assert refused.exitcode == 2
    assert "No machine of the Ray cluster has the 1 cores and 0.5 GPUs" in said.read_text()


def test_without_a_cluster_there_is_one_sentence(tmp_path, capsys):
    arguments = ["sweep", "--executor", "ray", "--address", "127.0.0.1:1", "--grid", "epochs=1"]
    assert main([*arguments, "--results-dir", str(tmp_path)]) == 2
    assert "There is no Ray cluster at 127.0.0.1:1" in capsys.readouterr().err
