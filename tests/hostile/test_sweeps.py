"""Sweep files, and folders of sweeps from elsewhere."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disvae.errors import UserError
from disvae.sweep.description import plan_runs, read_sweep
from disvae.sweep.record import Record
from disvae.sweep.summary import summarise
from disvae.sweep.table import LiveTable
from tests.hostile.inputs import JSON, damaged, refused_or_read

pytestmark = pytest.mark.usefixtures("nothing_outside")


SWEEP = b'experiments = ["VAE_mnist"]\nseeds = 2\nmetrics = "mig"\n[grid]\nbatch_size = [8, 16]\n'


@given(damaged(SWEEP) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_damaged_sweep_files(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "sweep.toml"
    file.write_bytes(content)
    refused_or_read(lambda: plan_runs(read_sweep(file, {})))


@pytest.mark.parametrize(
    ("name", "option"), [("../x", "lr"), ("/x", "lr"), ("x", "../lr"), ("x", "/lr")]
)
def test_records_of_sweeps_cannot_name_files_elsewhere(tmp_path, name, option):
    planned = {"setting": {option: "1"}, "seed": 1, "options": {}}
    scores = {"metrics": []}
    (tmp_path / "sweep.json").write_text(json.dumps({"scores": scores, "runs": {name: planned}}))
    with pytest.raises(UserError):
        Record(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [("test_losses.log", {}), ("test_losses.log", {"a": 1}), ("test_losses.log", {"loss": "x"}),
     ("metrics.log", {"mig": {"value": 1}}), ("metrics.log", {"mig": {"value": [], "parts": {}}})],
)  # fmt: skip
def test_summaries_of_damaged_logs_are_refused(trained, tmp_path, file, content):
    shutil.copytree(trained.path, tmp_path / "run")
    (tmp_path / "run" / file).write_text(json.dumps(content))
    planned = {"setting": {"experiment": "debug"}, "seed": 1, "options": {}}
    (tmp_path / "sweep.json").write_text(json.dumps({"scores": {}, "runs": {"run": planned}}))
    with pytest.raises(UserError, match=r"logs of losses and scores .* are damaged"):
        summarise(Record(tmp_path))


def test_reasons_of_failures_may_be_anything(tmp_path):
    planned = {"setting": {"experiment": "debug"}, "seed": 1, "options": {}}
    (tmp_path / "sweep.json").write_text(json.dumps({"scores": {}, "runs": {"run": planned}}))
    (tmp_path / "failures.json").write_text(json.dumps({"run": 5}))
    with LiveTable(Record(tmp_path), ["run"], set()) as table:
        table.update({"run"}, {})


@given(JSON)
def test_damaged_records_of_sweeps(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    (folder / "sweep.json").write_text(json.dumps(content))
    refused_or_read(lambda: Record(folder))
