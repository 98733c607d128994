"""Files from the internet: each is read, or refused in one sentence; nothing else happens.

`make fuzz` tries many more of them.
"""

import contextlib
import io
import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import disvae
from disvae.cli import main
from disvae.errors import UserError
from disvae.metrics import read_codes
from disvae.options import Options, resolve
from disvae.run_folder import run_path
from disvae.sweep.description import plan_runs, read_sweep
from disvae.sweep.record import Record
from disvae.sweep.summary import summarise
from disvae.sweep.table import LiveTable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=6,
)
pytestmark = pytest.mark.usefixtures("nothing_outside")
FIELDS = st.sampled_from([*Options.model_fields, "img_size", "n_data", "background", "used"])


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    """A run whose files the tests overwrite; they put back what they changed."""
    return shutil.copytree(trained.path, tmp_path_factory.mktemp("results") / "run")


@pytest.fixture(scope="module")
def saved(trained):
    """The weights as bytes."""
    return (trained.path / "model.pt").read_bytes()


def refused_or_read(read):
    """Call `read`; a refusal must be one sentence."""
    try:
        read()
    except UserError as refusal:
        text = str(refusal)
        assert "\n" not in text
        assert text.rstrip().endswith((".", ")"))


@st.composite
def damaged(draw, content):
    """Bytes of which some are changed, cut off, doubled or put elsewhere."""
    raw = bytearray(draw(content) if isinstance(content, st.SearchStrategy) else content)
    for _ in range(draw(st.integers(1, 8))):
        where = draw(st.integers(0, len(raw) - 1)) if raw else 0
        match draw(st.sampled_from(["bit", "cut", "insert", "swap"])):
            case "bit" if raw:
                raw[where] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del raw[where:]
            case "insert":
                raw[where:where] = draw(st.binary(max_size=16))
            case _:
                raw[:where], raw[where:] = raw[where:], raw[:where]
    return bytes(raw)


@given(st.dictionaries(FIELDS, JSON, max_size=3) | JSON)
def test_specs(run, change):
    file = run / "specs.json"
    before = file.read_bytes()
    try:
        content = {**json.loads(before), **change} if isinstance(change, dict) else change
        file.write_text(json.dumps(content))

        def read():
            opened = disvae.open_run(run)
            _ = opened.image_shape, opened.background, opened.losses
            if opened.options.latent_dim < 10 and max(opened.image_shape) < 100:
                _ = opened.model

        refused_or_read(read)
    finally:
        file.write_bytes(before)


@given(data=st.data())
@pytest.mark.parametrize("name", ["specs.json", "train_losses.log", "metrics.log", "model.pt"])
def test_damaged_files_of_a_run(run, name, data):
    file = run / name
    before = file.read_bytes() if file.exists() else b'{"MIG": 0.5}'
    try:
        file.write_bytes(data.draw(damaged(before)))

        def read():
            opened = disvae.open_run(run)
            _ = opened.losses, opened.metrics
            if name in ("specs.json", "model.pt"):
                _ = opened.model

        refused_or_read(read)
    finally:
        file.write_bytes(before)


class Payload:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("name", ["model.pt", "checkpoint.pt"])
@pytest.mark.parametrize("protocol", ["torch", "pickle"])
def test_a_pickle_payload_is_not_run(run, saved, tmp_path, name, protocol):
    target, file = tmp_path / "owned", run / name
    content = {"encoder.conv1.weight": Payload(target), "version": Payload(target)}
    if protocol == "torch":
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content))
    try:
        opened = disvae.open_run(run)
        with pytest.raises(UserError, match=name):
            _ = opened.model if name == "model.pt" else restore_into_new(opened)
    finally:
        file.write_bytes(saved) if name == "model.pt" else file.unlink()
    assert not target.exists()


def restore_into_new(opened):
    return disvae.train(opened.name, resume=True, results_dir=opened.path.parent, device="cpu")


def test_weights_that_are_not_finite_are_refused(run, saved):
    state = torch.load(io.BytesIO(saved), weights_only=True)
    state["decoder.lin1.bias"][0] = torch.nan
    torch.save(state, run / "model.pt")
    try:
        with pytest.raises(UserError, match=r"decoder\.lin1\.bias .* not finite"):
            _ = disvae.open_run(run).model
    finally:
        (run / "model.pt").write_bytes(saved)


def bomb():
    """Weights that unpack to 64 MiB, in a file of a tenth of that."""
    buffer, honest = io.BytesIO(), io.BytesIO()
    torch.save({"a": torch.zeros(2**24)}, honest)
    with (
        zipfile.ZipFile(honest) as stored,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in stored.infolist():
            packed.writestr(entry.filename, stored.read(entry))
    return buffer.getvalue()


def weights(content, **form):
    buffer = io.BytesIO()
    torch.save(content, buffer, **form)
    return buffer.getvalue()


def renamed(content):
    """The same with ``data.PKL``, which PyTorch reads too."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as honest, zipfile.ZipFile(buffer, "w") as other:
        for entry in honest.infolist():
            other.writestr(entry.filename.replace(".pkl", ".PKL"), honest.read(entry))
    return buffer.getvalue()


class Bytes:
    """A few bytes that become a megabyte, or any number."""

    def __reduce__(self):
        return bytearray, (2**20,)


def doubled(depth):
    """A list that holds the same list twice, and so on: 2**depth values in a kilobyte."""
    inside = [1.0]
    for _ in range(depth):
        inside = [inside, inside]
    return inside


@pytest.mark.parametrize(
    "content",
    [
        bomb,
        lambda: weights({"a": torch.zeros(1).expand(10**12)}),
        lambda: weights({"a": [torch.zeros(3, device="meta")]}),
        lambda: weights([torch.zeros(3)]),
        lambda: weights({"a": doubled(60)}),
        lambda: weights({"a": Bytes()}),
        lambda: weights({"a": Bytes()}, _use_new_zipfile_serialization=False) + weights({}),
        lambda: renamed(weights({"a": Bytes()})),
        lambda: weights({"a": torch.device("cpu")}),
        lambda: weights({}),
        lambda: b"",
    ],
    ids=[
        "bomb",
        "view",
        "meta",
        "list",
        "lists of lists",
        "bytes",
        "old bytes before a zip",
        "bytes in capitals",
        "device",
        "nothing",
        "empty",
    ],
)
@pytest.mark.parametrize("name", ["model.pt", "checkpoint.pt"])
def test_what_is_no_weights_is_refused(run, saved, name, content):
    (run / name).write_bytes(content())
    try:
        opened = disvae.open_run(run)
        with pytest.raises(UserError, match=name):
            _ = opened.model if name == "model.pt" else restore_into_new(opened)
    finally:
        (run / "model.pt").write_bytes(saved)
        (run / "checkpoint.pt").unlink(missing_ok=True)


def test_specs_cannot_name_a_folder_to_write_to(run, trained, tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.mkdir()
    monkeypatch.setenv("DISVAE_DATA", str(trained.options.data_dir))
    file = run / "specs.json"
    before = file.read_bytes()
    try:
        specs = {"data_dir": str(victim), "results_dir": str(victim)}
        file.write_text(json.dumps({**json.loads(before), **specs}))
        assert len(disvae.open_run(run).dataset()) == trained.specs["n_data"]
        (run / "checkpoint.pt").write_bytes(b"so that the run is not finished")
        with pytest.raises(UserError, match=r"checkpoint\.pt is damaged"):
            restore_into_new(disvae.open_run(run))
    finally:
        file.write_bytes(before)
        (run / "checkpoint.pt").unlink(missing_ok=True)
    assert list(victim.iterdir()) == []


@pytest.mark.parametrize("name", ["specs.json", "train_losses.log", "metrics.log"])
def test_brackets_without_end_are_refused(run, name):
    file = run / name
    before = file.read_bytes() if file.exists() else None
    try:
        file.write_bytes(b"[" * 100_000)
        with pytest.raises(UserError, match=name):
            opened = disvae.open_run(run)
            _ = opened.losses, opened.metrics
    finally:
        file.write_bytes(before) if before is not None else file.unlink()


def npz(draw_arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **draw_arrays)
    return buffer.getvalue()


CODES = npz({"mean": np.zeros((4, 2)), "logvar": np.zeros((4, 2)), "factors": np.eye(4)})


@pytest.mark.parametrize("names", ["shape", [["a", "b"]], 3.0])
def test_names_of_factors_in_any_form_are_read_or_refused(tmp_path, names):
    np.savez(
        tmp_path / "codes.npz", mean=np.eye(4), factors=np.arange(4)[:, None], factor_names=names
    )
    refused_or_read(lambda: read_codes(tmp_path / "codes.npz"))


@pytest.mark.parametrize(
    "setting", ["dci.seed=-1", "sap.regularisation=inf", "sap.regularisation=1e300",
                "irs.num_points=100000000000000", "factor_vae.prune_std=nan"],
)  # fmt: skip
def test_absurd_settings_of_scores_are_refused(tmp_path, setting, capsys):
    codes = np.random.default_rng(0).normal(size=(20, 3))
    np.savez(tmp_path / "c.npz", mean=codes, factors=np.arange(20)[:, None] % 4)
    name = setting.partition(".")[0]
    words = ["score", "--codes", str(tmp_path / "c.npz"), "--metrics", name]
    assert main([*words, "--metric-settings", setting]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("disvae: ")
    assert setting.partition(".")[2].partition("=")[0] in said


def test_codes_that_would_fill_the_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("disvae.metrics._codes._MAX_BYTES", 2**20)
    np.savez_compressed(tmp_path / "codes.npz", mean=np.zeros((2**14, 16)))
    with pytest.raises(UserError, match=r"codes\.npz would fill more than 1,048,576 bytes"):
        read_codes(tmp_path / "codes.npz")


@given(damaged(CODES))
def test_damaged_codes(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "codes.npz"
    file.write_bytes(content)
    refused_or_read(lambda: read_codes(file))


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


NAMES = st.text(max_size=300) | st.sampled_from(["../x", "/x", "a/../../x", "..", "🙂", "x" * 300])


@given(NAMES)
def test_no_name_of_a_run_leads_out_of_the_results(name):
    refused_or_read(lambda: run_path(Path("results"), name))
    with contextlib.suppress(UserError):
        path = run_path(Path("results"), name)
        assert path.resolve().parent == Path("results").resolve()


@given(st.sampled_from(list(Options.model_fields)), st.text(max_size=12) | JSON)
def test_any_value_of_an_option(option, value):
    refused_or_read(lambda: resolve({option: value}))


@pytest.mark.parametrize(
    "change",
    [{"latent_dim": 10**9}, {"img_size": [1, 10**9, 10**9]}, {"img_size": [10**9, 64, 64]},
     {"latent_dim": -1}, {"dataset": 10**400}],
    ids=str,
)  # fmt: skip
def test_absurd_sizes_are_refused_before_memory_is_taken(run, change):
    file = run / "specs.json"
    before = file.read_bytes()
    try:
        file.write_text(json.dumps({**json.loads(before), **change}))
        with pytest.raises(UserError):
            _ = disvae.open_run(run).model
    finally:
        file.write_bytes(before)


def test_values_of_experiments_are_never_evaluated(tmp_path):
    target = tmp_path / "owned"
    code = f"__import__('os').mkdir({str(target)!r})"
    for option in ("lr", "epochs", "dataset", "rec_dist", "experiment"):
        with pytest.raises(UserError):
            disvae.train("x", **{"results_dir": tmp_path, option: code})
    assert not target.exists()
