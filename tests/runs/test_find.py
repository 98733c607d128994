"""What a person types for a run: names, paths, and typos, which are told at once."""

import shutil
import subprocess
import sys

import pytest

import disvae
from disvae.cli import main
from disvae.errors import UserError
from disvae.runs.find import find_folder, find_run, find_sweep


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Two runs and a sweep in ``results``, below the present folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second", "betas/first-seed1"):
        (tmp_path / "results" / name).mkdir(parents=True)
        (tmp_path / "results" / name / "specs.json").write_text("{}")
    (tmp_path / "results/betas/sweep.json").write_text("{}")
    return tmp_path / "results"


def test_names_and_paths_lead_to_the_same_folder(results):
    for asked in ("first", "results/first", results / "first", str(results / "first")):
        assert find_run(asked).resolve() == results / "first"
    assert find_run("betas/first-seed1").resolve() == results / "betas/first-seed1"
    assert find_run("first-seed1", results / "betas") == results / "betas/first-seed1"
    assert find_sweep("betas").resolve() == results / "betas"
    assert find_sweep(".", results / "betas") == results / "betas"
    assert find_folder("betas").resolve() == results / "betas"


def test_a_name_means_the_run_among_the_results_first(results):
    (results.parent / "first").mkdir()
    (results.parent / "first/specs.json").write_text("{}")
    assert find_run("first").resolve() == results / "first"
    (results / "first/specs.json").unlink()
    assert find_run("first").resolve() == results.parent / "first"


@pytest.mark.parametrize("asked", ["frist", "a\0b", "x" * 5000, "../nothing", "", "/"])
def test_what_is_no_run_is_one_sentence(results, asked):
    with pytest.raises(UserError, match="There is no run in") as fault:
        find_run(asked)
    said = str(fault.value)
    assert "\n" not in said
    assert said.endswith(".")
    assert len(said) < 500
    assert ("the nearest there: first" in said) == (asked == "frist")


def test_a_sweep_is_no_run_and_a_run_no_sweep(results):
    with pytest.raises(UserError, match=r"no run in results/betas \(no specs.json\)"):
        find_run("betas")
    with pytest.raises(UserError, match=r"no sweep in results/first \(no sweep.json\)"):
        find_sweep("first")
    with pytest.raises(UserError, match=r"There is no run or sweep in .*: betas"):
        find_folder("beta")


def test_runs_open_and_are_drawn_by_name_and_by_path(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained.path, tmp_path / "results/first")
    for asked in ("first", "results/first"):
        assert disvae.open_run(asked).path.resolve() == tmp_path / "results/first"
        assert main(["plot", asked, "losses"]) == 0
        assert capsys.readouterr().out.strip() == "results/first/losses.png"
    assert disvae.open_run("first", results_dir=tmp_path / "results").name == "first"


def test_typos_are_told_without_loading_pytorch(tmp_path):
    """Of runs, sweeps and datasets, by every command that takes one."""
    commands = [
        "train x -d mnst", "train x --resume", "train x --is-eval-only", "eval nope",
        "plot nope all", "grid a.gif nope", "explore nope", "summary nope",
        "plot zoo:nope all", "export nope", "explore nope.zip",
        "sweep --grid dataset=mnst", "train x -l bteta", "train x -m Burges",
        "train x -x VEA_mnist",
    ]  # fmt: skip
    program = f"""
import sys
from disvae.cli import main
for words in {commands!r}:
    assert main(words.split()) == 2, words
assert main(["zoo"]) == 0
assert not {{"torch", "numpy"}} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    said = done.stderr.splitlines()
    assert done.returncode == 0, done.stderr
    assert [line[:8] for line in said] == ["disvae: "] * len(commands)
    assert said[0].startswith("disvae: There is no dataset 'mnst'; choose among mnist, or name")
    assert list(tmp_path.iterdir()) == []
