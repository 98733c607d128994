"""What trackers record, read back from what they keep on this machine."""

import json
import logging
import struct
from collections import defaultdict
from pathlib import Path

import pytest

import disvae
from disvae.cli import main
from disvae.errors import UserError
from disvae.trackers import registry
from tests.training.test_resume import interrupted

pytestmark = pytest.mark.usefixtures("small_networks")

OWN = """
import json

class Told:
    def __init__(self, record):
        self.file = record.folder / "told.jsonl"
        self.tell("begin", record.key, record.options["lr"])

    def tell(self, *what):
        with self.file.open("a") as stream:
            stream.write(json.dumps(what) + "\\n")

    def log(self, values, step):
        self.tell("log", step, dict(values))

    def picture(self, name, file, step):
        self.tell("picture", step, name)

    def close(self):
        self.tell("close")
"""


@pytest.fixture
def options(data_dir, tmp_path, monkeypatch):
    """Two epochs of 50 steps on the small `dsprites`, scored and tested."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_tracker.py").write_text(OWN)
    return {
        "dataset": "dsprites", "loss": "betaH", "epochs": 2, "max_steps": 100, "batch_size": 2,
        "latent_dim": 3, "is_metrics": True, "metrics_every": 1, "metrics": ("mig",),
        "device": "cpu", "no_progress_bar": True, "data_dir": data_dir, "results_dir": tmp_path,
    }  # fmt: skip


def told(run):
    """What the tracker of the test was told, without pictures and ends."""
    return [json.loads(line) for line in (run.path / "told.jsonl").read_text().splitlines()]


def by_name(run):
    """The values of each name, by their step, as the logs of the run have them."""
    losses = run.losses
    tested = json.loads((run.path / "test_losses.log").read_text())
    ends = (48, 96)
    found = {f"epoch/{name}": dict(zip(ends, losses[name], strict=True)) for name in losses}
    found |= {f"test/{name}": {96: value} for name, value in tested.items()}
    scores = {step: run.training_scores["mig"][n] for n, step in enumerate(ends)}
    return found | {"scores/mig": {**scores, 96: run.metrics["mig"]["value"]}}


def require_same(found, run):
    wanted = by_name(run)
    assert found.keys() == {*wanted, *(f"train/{name}" for name in run.losses)} or (
        found.keys() == wanted.keys()
    )
    for name, values in wanted.items():
        assert found[name] == pytest.approx(values, rel=1e-5), name


def test_tensorboard(options, tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="TensorBoard is not installed (disvae[tensorboard])",
    )
    run = disvae.train("run", tracker="tensorboard", **options)
    events = accumulator.EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    found = {
        name: {event.step: event.value for event in events.Scalars(name)}
        for name in events.Tags()["scalars"]
    }
    require_same(found, run)
    (film,) = events.Images("training")
    assert film.encoded_image_string == (run.path / "training.gif").read_bytes()
    assert "mutual_information" in events.Tags()["images"]
    (text,) = events.Tensors("options/text_summary")
    assert json.loads(text.tensor_proto.string_val[0].decode().strip("`\n"))["lr"] == 5e-4


def logged(content):
    """The records of a log in LevelDB's format, of blocks of 32 KiB, as wandb writes it."""
    place, whole = 7, b""  # after wandb's own header
    while place + 7 <= len(content):
        room = 2**15 - place % 2**15
        if room < 7:
            place += room
            continue
        _, size, kind = struct.unpack("<IHB", content[place : place + 7])
        whole += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # a full record, or the last part of one
            yield whole
            whole = b""


def test_wandb_offline(options, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed (disvae[wandb])")
    from wandb.proto import wandb_internal_pb2

    monkeypatch.setenv("WANDB_MODE", "offline")
    run = disvae.train("run", tracker="wandb", **options)
    (file,) = tmp_path.glob(f"wandb/offline-run-*-{run.specs['record']}/*.wandb")
    found, kept = defaultdict(dict), {}
    for data in logged(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        row = {item.key or item.nested_key[0]: item.value_json
               for item in record.history.item if len(item.nested_key) < 2}  # fmt: skip
        for name, value in row.items():
            if "/" in name:
                found[name][json.loads(row["step"])] = json.loads(value)
        kept |= {item.key: item.value_json for item in record.run.config.update}
    require_same(found, run)
    assert json.loads(kept["lr"]) == 5e-4
    assert list(file.parent.glob("files/media/videos/training*.gif"))
    assert list(file.parent.glob("files/media/images/mutual_information*.png"))


def test_trackio(options, tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    pytest.importorskip("trackio", reason="Trackio is not installed (disvae[trackio])")
    import sqlite3

    run = disvae.train("run", tracker="trackio", **options)
    found = defaultdict(dict)
    (file,) = (tmp_path / "trackio").glob("disvae*.db")
    with sqlite3.connect(file) as database:
        rows = database.execute("SELECT run_name, step, metrics FROM metrics").fetchall()
    assert {name for name, *_ in rows} == {f"run-{run.specs['record'][:8]}"}
    for _, step, metrics in rows:
        for name, value in json.loads(metrics).items():
            if "/" in name:
                found[name][step] = value
    require_same(found, run)
    assert list((tmp_path / "trackio").rglob("*.gif"))


def test_mlflow(options, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed (disvae[mlflow])")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    mlflow.set_tracking_uri(uri)
    run = disvae.train("run", tracker="mlflow", **options)
    client = mlflow.MlflowClient()
    (kept,) = client.search_runs([client.get_experiment_by_name("disvae").experiment_id])
    assert (kept.info.run_name, kept.info.status) == ("run", "FINISHED")
    assert kept.data.params["lr"] == "0.0005"
    found = {
        name: {one.step: one.value for one in client.get_metric_history(kept.info.run_id, name)}
        for name in kept.data.metrics
    }
    require_same(found, run)
    names = {one.path for one in client.list_artifacts(kept.info.run_id)}
    assert {"training.gif", "mutual_information.png"} <= names


def test_one_of_the_users_own_by_file(options, tmp_path):
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()
             if not isinstance(value, bool | tuple)]  # fmt: skip
    file = tmp_path / "my_tracker.py"
    assert main(["train", "run", *words, "--no-test", "--tracker", f"{file}:Told"]) == 0
    run = disvae.open_run(tmp_path / "run")
    assert run.specs["tracker"] == ["my_tracker.py:Told"]
    first, *events, end = told(run)
    assert first == ["begin", run.specs["record"], 5e-4]
    assert end == ["close"]
    epochs = [event[1:] for event in events if event[0] == "log" and "epoch/loss" in event[2]]
    assert [step for step, _ in epochs] == [48, 96]
    assert epochs[1][1]["epoch/loss"] == pytest.approx(run.losses["loss"][1])
    assert ["picture", 96, "training"] in events


def test_terms_of_the_last_50_steps(options, data_dir):
    seen = []

    class Listening:
        def __init__(self, record): ...

        def log(self, values, step):
            seen.append((step, values))

        def picture(self, *_): ...

        def close(self): ...

    plain = {**options, "is_metrics": False, "metrics_every": None, "no_test": True}
    longer = {**plain, "batch_size": 1, "loss": "VAE", "max_steps": 70}
    run = disvae.train("run", tracker=Listening, **longer)
    (at, recent), (end, epoch) = seen
    assert (at, end) == (50, 70)
    assert recent.keys() == {f"train/{name}" for name in run.losses}
    assert recent["train/loss"] != epoch["epoch/loss"]
    assert 0.5 < recent["train/loss"] / epoch["epoch/loss"] < 2


def test_a_resumed_run_goes_on_in_the_same_record(options, tmp_path, monkeypatch, caplog):
    options = {**options, "checkpoint_minutes": 1e-6, "no_test": True}
    own = f"{tmp_path / 'my_tracker.py'}:Told"
    undisturbed = disvae.train("undisturbed", tracker=own, **options)
    run = interrupted({**options, "tracker": own}, monkeypatch, after=60)
    # its code is never loaded unasked
    with pytest.raises(KeyboardInterrupt):
        disvae.train("run", resume=True, **_stopping(monkeypatch, options))
    assert "my_tracker.py:Told is code of your own" in caplog.text
    before = told(disvae.open_run(run))
    resumed = disvae.train("run", resume=True, results_dir=tmp_path, tracker=own)
    both = told(resumed)
    assert both[: len(before)] == before
    assert {line[1] for line in both if line[0] == "begin"} == {resumed.specs["record"]}
    logs = [{line[1]: line[2] for line in told(each) if line[0] == "log"}
            for each in (resumed, undisturbed)]  # fmt: skip
    assert logs[0] == logs[1]


def _stopping(monkeypatch, options):
    from disvae.training import checkpoint

    real = checkpoint.save

    def save(*arguments):
        monkeypatch.setattr(checkpoint, "save", real)
        real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", save)
    return {"results_dir": options["results_dir"]}


@pytest.mark.parametrize("fails", ["__init__", "log", "picture", "close"])
def test_one_that_fails_ends_nothing_and_is_said_once(options, fails, caplog, monkeypatch):
    class Fine:
        def __init__(self, record): ...

        def log(self, *_):
            calls.append("log")

        def picture(self, *_): ...

        def close(self):
            calls.append("close")

    def fail(*_):
        raise ConnectionError("no way\nout")

    calls = []
    failing = type("Failing", (Fine,), {fails: fail})
    with caplog.at_level(logging.WARNING):
        run = disvae.train("run", tracker=[failing, Fine], **options)
    assert run.is_trained
    assert caplog.text.count("ConnectionError: no way out") == 1
    assert calls.count("log") >= 6
    assert calls[-1] == "close"


def test_training_is_as_without(options):
    class Quiet:
        def __init__(self, record): ...

        def log(self, *_): ...

        def picture(self, *_): ...

        def close(self): ...

    tracked = disvae.train("tracked", tracker=Quiet, **options)
    plain = disvae.train("plain", **options)
    for name in ("model.pt", "train_losses.log", "training.gif"):
        assert (tracked.path / name).read_bytes() == (plain.path / name).read_bytes()
    assert "record" not in plain.specs


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("tensorbored", "expected tensorboard, wandb"), (3, "is no tracker"),
     ("absent.py:X", "There is no file absent.py")],
)  # fmt: skip
def test_what_is_no_tracker_is_refused(options, tmp_path, wrong, said):
    with pytest.raises(UserError, match=said):
        disvae.train("run", tracker=wrong, **options)
    assert not (tmp_path / "run").exists()


def test_one_that_is_not_installed_is_refused(options, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install 'disvae\[wandb\]'"):
        disvae.train("run", tracker="wandb", **options)
    assert not (tmp_path / "run").exists()


def test_the_registry_has_each_module_and_extra():
    folder = Path(registry.__file__).parent
    assert all((folder / f"{name}.py").is_file() for name in registry.TRACKERS)
