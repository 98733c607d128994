"""Sweeps in processes of this machine: what runs, what is kept, what goes on after a kill."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import joblib
import pytest
import torch

import disvae
from disvae.cli import main
from disvae.sweep.record import Progress, Record
from disvae.sweep.table import LiveTable
from disvae.sweep.work import Task, perform
from tests.processes import start_command

GRID = ["epochs=1", "batch_size=16", "latent_dim=3", "dataset=mnist", "device=cpu"]


def command(tmp_path, data_dir, *arguments):
    grid = [word for axis in GRID for word in ("--grid", axis)]
    places = ["--results-dir", str(tmp_path), "--data-dir", str(data_dir)]
    return ["sweep", "--name", "study", *grid, *places, *arguments]


def weights(folder):
    return {path.parent.name: path.read_bytes() for path in sorted(folder.glob("*/model.pt"))}


@pytest.fixture(scope="module")
def study(tmp_path_factory, data_dir):
    """A sweep of four runs, scored without factors."""
    results = tmp_path_factory.mktemp("results")
    chosen = ["-x", "VAE_mnist,btcvae_mnist", "--seeds", "2", "--metrics", "total_correlation"]
    assert main(command(results, data_dir, *chosen)) == 0
    return results / "study"


def test_every_run_is_trained_and_scored(study):
    record = Record(study)
    assert len(record.runs) == 4
    assert record.failures == {}
    for name in record.runs:
        run = record.run(name)
        assert "total_correlation" in run.metrics
        assert (run.path / "test_losses.log").exists()
    assert len(set(weights(study).values())) == 4
    assert record.progress("VAE_mnist-seed1")[:2] == (1, 1)


def test_a_second_call_does_nothing_again_and_adds_what_is_new(study, data_dir, capsys):
    before = {path: path.stat().st_mtime_ns for path in study.glob("*/model.pt")}
    chosen = ["-x", "VAE_mnist,btcvae_mnist", "--seeds", "2", "--metrics", "code_information"]
    assert main(command(study.parent, data_dir, *chosen)) == 0
    assert {path: path.stat().st_mtime_ns for path in study.glob("*/model.pt")} == before
    metrics = json.loads((study / "VAE_mnist-seed1/metrics.log").read_text())
    assert {"total_correlation", "code_information"} <= set(metrics)
    assert "finished" in capsys.readouterr().out


def test_a_worker_leaves_a_finished_run_alone(study, data_dir):
    record = Record(study)
    name, run = next(iter(record.runs.items()))
    before = {path: path.stat().st_mtime_ns for path in (study / name).iterdir()}
    options = {**run.options, "results_dir": study, "data_dir": data_dir}
    assert perform(Task(study, name, options, ("total_correlation",), threads=1)) == ""
    assert {path: path.stat().st_mtime_ns for path in (study / name).iterdir()} == before
    assert not list(study.glob("*.zip"))


def test_other_scoring_under_the_same_name_is_refused(study, data_dir, capsys):
    chosen = ["-x", "VAE_mnist", "--seeds", "2", "--metrics", "total_correlation"]
    assert main(command(study.parent, data_dir, *chosen, "--repeats", "2")) == 2
    assert "scored with other repeats" in capsys.readouterr().err


def test_progress_counts_the_epochs_that_max_steps_leaves(study, tmp_path):
    record = Record(shutil.copytree(study, tmp_path / "study"))
    name = next(iter(record.runs))
    specs = tmp_path / "study" / name / "specs.json"
    content = json.loads(specs.read_text())
    content |= {"used": {**content["used"], "epochs": 50}, "max_steps": 15}  # 7 an epoch
    specs.write_text(json.dumps(content))
    assert record.progress(name)[:2] == (1, 3)


def test_the_table_shows_any_name_and_reason_as_it_is(study, capsys):
    name = next(iter(Record(study).runs))
    with LiveTable(Record(study), [name], set()) as table:
        table.update(set(), {name: "[/b] no [red]shape"})
    assert capsys.readouterr().out.count("[/b] no [red]shape") == 2


@pytest.mark.parametrize(("lines", "columns"), [(10, 80), (24, 40), (60, 200)])
def test_of_200_runs_the_table_shows_what_moves_and_fits_the_terminal(
    lines, columns, monkeypatch, capsys
):
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm", "LINES": lines, "COLUMNS": columns}
    for variable, value in terminal.items():
        monkeypatch.setenv(variable, str(value))
    now = [0.0]
    monkeypatch.setattr("disvae.sweep.table.time.monotonic", lambda: now[0])
    names = [f"btcvae_dsprites-btcvae_B=1-lr=0.001-seed{number:03}" for number in range(200)]
    epochs = dict.fromkeys(names, 0)
    record = SimpleNamespace(
        failures={}, progress=lambda name: Progress(epochs[name], 10, 123456.789)
    )
    with LiveTable(record, names, finished=set(names[:99])) as table:
        table.update({names[198], names[199]}, {})
        now[0], epochs[names[198]] = 60, 5
        capsys.readouterr()
        table.update({names[198]}, {names[199]: "no shape " * 40})
        drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().out).split("\r")[-1]
        rows = [line.split() for line in drawn.splitlines()]
        assert len(drawn.splitlines()) <= lines
        assert max(map(len, drawn.splitlines())) <= columns
        assert [row[1:3] for row in rows[1:3]] == [["running", "5/10"], ["failed", "0/10"]]
        assert [row[0][-7:] for row in rows[1:3]] == ["seed198", "seed199"]
        # 1.5 runs took a minute, so 99.5 more take 66
        counted = "200 runs, 1:06:20 left: 1 running, 1 failed, 99 waiting, 99 finished"
        assert drawn.splitlines()[3].startswith(counted[: columns - 1])
    said = capsys.readouterr().out
    assert re.findall(r"seed\d+", said[said.rindex("time left") :]) == ["seed199"]  # why it failed


def test_at_the_end_few_runs_are_listed_all(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    names = [f"run{number:02}" for number in range(20)]
    record = SimpleNamespace(failures={}, progress=lambda name: Progress(0, 1, None))
    with LiveTable(record, names, finished=set(names[:9])):
        pass
    assert re.findall(r"run\d+", capsys.readouterr().out) == names


def test_time_left_is_by_the_epochs_since_it_is_watched(monkeypatch, capsys):
    now, epochs = [0.0], [90]
    monkeypatch.setattr("disvae.sweep.table.time.monotonic", lambda: now[0])
    record = SimpleNamespace(failures={}, progress=lambda name: Progress(epochs[0], 120, None))
    with LiveTable(record, ["run"], finished=set()) as table:
        table.update({"run"}, {})
        now[0], epochs[0] = 3600, 91
        table.update({"run"}, {})
    assert "1 day, 5:00:00" in capsys.readouterr().out


def test_a_dry_run_says_what_would_run_and_what_it_takes(study, data_dir, tmp_path, capsys):
    shutil.copytree(study, tmp_path / "study")
    (tmp_path / "study/VAE_mnist-seed2/model.pt").unlink()
    log = tmp_path / "study/logs/VAE_mnist-seed1.log"
    log.write_text(
        "== Process 1 on x\n== Finished in 20.0 s\n== Process 2 on x\n== Finished in 8.0 s\n"
    )
    cut_off = tmp_path / "study/logs/btcvae_mnist-seed1.log"
    cut_off.write_text("== Process 1 on x\n== Process 2 on x\n== Finished in 5000.0 s\n")
    (tmp_path / "study/logs/btcvae_mnist-seed2.log").write_text("")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    chosen = ["-x", "VAE_mnist,btcvae_mnist", "--seeds", "3", "--processes", "1", "--dry-run"]
    assert main(command(tmp_path, data_dir, *chosen)) == 0
    said = capsys.readouterr().out
    states = dict(line.split() for line in said.partition("\n\n")[0].splitlines())
    assert states == {
        "VAE_mnist-seed1": "finished", "VAE_mnist-seed2": "begun", "VAE_mnist-seed3": "new",
        "btcvae_mnist-seed1": "finished", "btcvae_mnist-seed2": "finished",
        "btcvae_mnist-seed3": "new",
    }  # fmt: skip
    assert "6 runs: 3 finished, 1 begun, 2 new. 3 would run, 1 at a time." in said
    # of 7 steps each: 28 s where that is known; the epoch of the run that was begun is done
    assert "Time: about 0:00:56, by the 1 that are finished." in said
    size = sum(path.stat().st_size for path in (study / "VAE_mnist-seed1").iterdir())
    assert f"Disk: about {3 * size / 1e6:,.0f} MB, by the 3 that are finished." in said
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_dry_run_of_a_new_sweep_knows_the_weights(data_dir, tmp_path, capsys):
    axes = ["dataset=mnist", "epochs=10", "checkpoint_every=2", "batch_size=50"]
    grid = [word for axis in axes for word in ("--grid", axis)]
    places = ["--results-dir", str(tmp_path / "results"), "--data-dir", str(data_dir)]
    assert main(["sweep", *grid, *places, "--dry-run"]) == 0
    weights = sum(p.numel() * 4 for p in disvae.VAE((1, 32, 32), 10).parameters())
    said = capsys.readouterr().out
    assert f"Disk: about {6 * weights / 1e6:,.0f} MB, for weights alone." in said
    assert "Time: not known while no run is finished." in said
    assert not (tmp_path / "results").exists()
    places[-1] = str(tmp_path / "elsewhere")
    assert main(["sweep", *grid, *places, "--dry-run"]) == 0
    assert "not known while not all datasets are prepared here" in capsys.readouterr().out


def test_more_seeds_keep_the_runs_that_are_there(data_dir, tmp_path):
    chosen = ["-x", "VAE_mnist", "--grid", "max_steps=2", "--grid", "no_test=true"]
    assert main(command(tmp_path, data_dir, *chosen)) == 0
    first = (tmp_path / "study/VAE_mnist/model.pt").stat().st_mtime_ns
    assert main(command(tmp_path, data_dir, *chosen, "--seeds", "2")) == 0
    record = Record(tmp_path / "study")
    assert {name: run.seed for name, run in record.runs.items()} == {
        "VAE_mnist": 1, "VAE_mnist-seed2": 2,
    }  # fmt: skip
    assert (tmp_path / "study/VAE_mnist/model.pt").stat().st_mtime_ns == first
    assert len({str(run.setting) for run in record.runs.values()}) == 1


def test_scores_use_the_share_of_the_cores_that_a_run_has(study, data_dir, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "64")
    cores = []
    monkeypatch.setattr(
        "disvae.evaluation.score.score", lambda *_: cores.append(joblib.cpu_count())
    )
    monkeypatch.setattr(Record, "is_finished", lambda *_: False)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)  # of this process: the tests'
    name, run = next(iter(Record(study).runs.items()))
    options = {**run.options, "results_dir": study, "data_dir": data_dir}
    assert perform(Task(study, name, options, ("total_correlation",), threads=1)) == ""
    assert cores == [1]


def test_other_options_under_the_same_name_are_refused(study, data_dir, capsys):
    chosen = ["-x", "VAE_mnist", "--seeds", "2", "--grid", "lr=0.01"]
    assert main(command(study.parent, data_dir, *chosen)) == 2
    assert "with another lr" in capsys.readouterr().err


def test_killed_and_called_again_it_ends_as_if_undisturbed(study, data_dir, tmp_path):
    chosen = ["-x", "VAE_mnist,btcvae_mnist", "--seeds", "2", "--metrics", "total_correlation"]
    arguments = command(tmp_path, data_dir, *chosen)
    process = start_command(arguments, tmp_path / "said")
    folder = tmp_path / "study"
    while len(list(folder.glob("*/metrics.log"))) < 2:
        assert process.is_alive()
        time.sleep(0.02)
    process.kill()
    process.join()
    assert main(arguments) == 0
    assert weights(folder) == weights(study)
    losses = [(folder / name / "test_losses.log").read_text() for name in Record(folder).runs]
    assert losses == [(study / name / "test_losses.log").read_text() for name in Record(study).runs]


@pytest.mark.skipif(os.name == "nt", reason="needs process groups")
@pytest.mark.parametrize(
    ("number", "message"),
    [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "asked to stop; call it again to go on")],
)
def test_a_signal_ends_all_runs_and_the_next_call_goes_on(
    number, message, study, data_dir, tmp_path
):
    chosen = ["-x", "VAE_mnist,btcvae_mnist", "--seeds", "2", "--metrics", "total_correlation"]
    arguments = command(tmp_path, data_dir, *chosen)
    process = subprocess.Popen(
        [sys.executable, "-m", "disvae", *arguments], start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        # where the tests run in the background it would be ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    folder = tmp_path / "study"
    while not (begun := begun_by(folder)):
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, number)
    _, said = process.communicate()
    assert process.returncode == 128 + number
    assert said == f"disvae: {message}.\n"
    patience = time.monotonic() + 60
    while not all(map(has_ended, begun.values())):  # a checkpoint may be under way
        assert time.monotonic() < patience
        time.sleep(0.02)
    assert Record(folder).failures == {}
    assert main(arguments) == 0
    assert weights(folder) == weights(study)


def has_ended(process):
    """Whether a process is gone, or dead and not yet taken note of."""
    stat = Path(f"/proc/{process}/stat")
    try:
        os.kill(process, 0)
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


def begun_by(folder):
    """The process that began each run, by the logs."""
    logs = {log.stem: log.read_text() for log in folder.glob("logs/*.log")}
    found = {name: re.findall(r"^== Process (\d+) ", text, re.M) for name, text in logs.items()}
    return {name: int(processes[-1]) for name, processes in found.items() if processes}


def test_a_run_that_fails_is_reported_and_the_others_finish(tmp_path, data_dir, capsys):
    chosen = ["--grid", "lr=1,1e-3", "--grid", "loss=VAE", "--grid", "rec_dist=gaussian",
              "--grid", "no_test=true"]  # fmt: skip
    arguments = command(tmp_path, data_dir, *chosen)
    arguments[arguments.index("epochs=1")] = "epochs=9"
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert "custom-lr=1 failed: Training stopped at step" in said.err
    record = Record(tmp_path / "study")
    assert list(record.failures) == ["custom-lr=1"]
    assert record.is_finished("custom-lr=1e-3")
    # it is not tried again unless that is asked for
    seen = (tmp_path / "study/logs/custom-lr=1.log").stat().st_mtime_ns
    assert main(arguments) == 1
    assert (tmp_path / "study/logs/custom-lr=1.log").stat().st_mtime_ns == seen


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_run_that_is_killed_is_a_failure_and_the_others_finish(tmp_path, data_dir):
    arguments = command(tmp_path, data_dir, "-x", "VAE_mnist", "--seeds", "3")
    arguments[arguments.index("epochs=1")] = "epochs=8"
    process = subprocess.Popen(
        [sys.executable, "-m", "disvae", *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    folder = tmp_path / "study"
    while not (begun := list(folder.glob("*/train_losses.log"))):
        assert process.poll() is None
        time.sleep(0.02)
    killed = begun[0].parent.name
    os.kill(begun_by(folder)[killed], signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode == 1
    # and no word of semaphores that it left
    assert (
        said
        == f"{killed} failed: Its process ended with exit code -9 (killed, or out of memory?).\n"
    )
    record = Record(folder)
    assert {name for name in record.runs if record.is_finished(name)} == set(record.runs) - {killed}


def test_a_run_of_a_sweep_is_bit_for_bit_what_it_is_alone(study, data_dir, tmp_path, threads_back):
    record, cores = Record(study), joblib.cpu_count()
    torch.set_num_threads(max(1, cores // min(cores, len(record.runs))))
    for name, run in record.runs.items():
        places = {"results_dir": tmp_path, "data_dir": data_dir}
        disvae.train(name, **run.options, **places)
    assert weights(tmp_path) == weights(study)
    for name in record.runs:
        alone = (tmp_path / name / "train_losses.log").read_bytes()
        assert alone == (study / name / "train_losses.log").read_bytes()


@pytest.fixture
def threads_back():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_two_at_once_are_refused(study, data_dir, capsys):
    from filelock import FileLock

    with FileLock(study / ".sweep.lock"):
        assert main(command(study.parent, data_dir, "-x", "VAE_mnist", "--seeds", "2")) == 2
    assert "Another process runs the sweep" in capsys.readouterr().err


def test_an_absent_sweep_is_one_sentence(tmp_path, capsys):
    assert main(["summary", "none", "--results-dir", str(tmp_path)]) == 2
    assert "There is no sweep" in capsys.readouterr().err


def test_experiments_are_listed_with_their_options(capsys):
    assert main(["experiments"]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = next(line for line in lines if line.startswith("factor_celeba "))
    assert "--factor-G 6.4" in found
    assert "--lr-disc 1e-5" in found
