"""Files from elsewhere that name code: nothing of it is imported, whoever reads them."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch

import disvae
from disvae.cli import main
from disvae.storage.tensors import write_tensors

pytestmark = pytest.mark.usefixtures("nothing_outside")

EVIL = "import pathlib\npathlib.Path({!r}).write_text('was here')\nEvil = None\n"
HASH = "0" * 64
SPECS = [
    {option: text}
    for option in ("loss", "model_type", "dataset")
    for text in ("evil.py:Evil", "./evil.py:Evil", "{here}/evil.py:Evil", "evil:Evil", "evil.Evil")
] + [
    {"loss": "evil.py:Evil", "user_code": {"loss": {"name": "evil.py:Evil", "sha256": HASH}}},
    {"user_code": {"model_type": {"name": "evil.py:Evil", "sha256": HASH}}},
    {
        "dataset": "evil.py:Evil",
        "user_code": {"dataset": {"name": "../evil", "sha256": "../../.."}},
    },
    {"loss": "__import__('evil')", "user_code": ["evil.py:Evil"]},
    {"loss": "disvae.objectives:Evil"},
    {"model_type": "os:system"},
    {"entry_points": {"disvae": "evil:Evil"}, "loss": "evil.py:Evil"},
    {"experiment": "evil.py:Evil"},
    {"given": {"loss": "evil.py:Evil", "model_type": "evil.py:Evil"}},
    {"name": "evil.py:Evil", "user_code": {"loss": "evil.py:Evil"}},
]
COMMANDS = (
    "train run --resume --results-dir .",
    "train run --is-eval-only --results-dir .",
    "eval run --results-dir .",
    "eval run --metrics mig --results-dir .",
    "plot run traversals -r 2 --results-dir .",
    "grid out.gif run --results-dir .",
)


@pytest.fixture
def here(tmp_path, trained, monkeypatch):
    """A run beside, and with, a module that leaves a trace when it is imported."""
    shutil.copytree(trained.path, tmp_path / "run")
    for place in (tmp_path, tmp_path / "run"):
        (place / "evil.py").write_text(EVIL.format(str(tmp_path / "trace")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISVAE_DATA", str(trained.options.data_dir))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    assert not (tmp_path / "trace").exists()
    assert not any("evil" in name for name in sys.modules)


@pytest.mark.parametrize("change", SPECS, ids=str)
def test_specs_that_name_code(here, change, capsys):
    file = here / "run/specs.json"
    text = json.dumps({**json.loads(file.read_text()), **change}).replace("{here}", str(here))
    file.write_text(text)
    (here / "run/checkpoint.pt").write_bytes(b"so that the run is not finished")
    for command in COMMANDS:
        status = main(command.split())
        said = capsys.readouterr().err.strip().splitlines()
        assert status in (0, 2)
        assert status == 0 or said[-1].startswith("disvae: ")


@pytest.mark.parametrize(
    "content",
    [
        {"loss": "evil.py:Evil"},
        {"version": "evil.py:Evil", "position": {"step": "evil.py:Evil"}},
        {"modules": ["evil.py:Evil"], "optimisers": ["evil.py:Evil"]},
        {"state": {"evil.py:Evil": torch.zeros(1)}},
    ],
    ids=str,
)
def test_checkpoints_that_name_code(here, content, capsys):
    write_tensors(here / "run/checkpoint.pt", content)
    assert main(["train", "run", "--resume", "--results-dir", "."]) == 2
    assert "is damaged or not of this run" in capsys.readouterr().err


@pytest.mark.parametrize(
    "planned",
    [
        {"setting": {"loss": "evil.py:Evil"}, "options": {"loss": "evil.py:Evil"}},
        {"setting": {"experiment": "debug"}, "options": {"model_type": "evil.py:Evil"}},
        {"setting": {"experiment": "debug"}, "options": {"dataset": "evil.py:Evil"}},
        {"setting": {"experiment": "evil.py:Evil"}, "options": {"experiment": "evil.py:Evil"}},
    ],
    ids=str,
)
def test_records_of_sweeps_that_name_code(here, planned, capsys):
    (here / "s").mkdir()
    record = {"scores": {"metrics": ["evil.py:Evil"]}, "runs": {"run": {"seed": 1, **planned}}}
    (here / "s/sweep.json").write_text(json.dumps(record))
    shutil.move(here / "run", here / "s/run")
    for command in ("summary s --results-dir .", "sweep --name s --results-dir . -x nothing"):
        assert main(command.split()) in (0, 2)
    (here / "s.toml").write_text('[grid]\nloss = ["evil.py:Evil"]\nmodel_type = "evil.py:Evil"\n')
    assert main(["sweep", "s.toml", "--results-dir", "."]) == 2
    assert "loaded only where it is typed" in capsys.readouterr().err


def test_weights_that_name_code(here):
    write_tensors(here / "run/model.pt", {"evil.py:Evil": torch.zeros(1)})
    with pytest.raises(disvae.UserError, match="not the weights of this run"):
        _ = disvae.open_run(Path("run")).model
