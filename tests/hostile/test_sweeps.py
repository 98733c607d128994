"""Sweep files, and folders of sweeps from elsewhere."""

import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disvae.errors import UserError
from disvae.options import SweepOptions
from disvae.plots.figures import to_image
from disvae.sweep import description
from disvae.sweep.description import plan_runs, read_sweep
from disvae.sweep.pictures import numeric_options, rank_correlation, scores_by_option, violins
from disvae.sweep.record import Record
from disvae.sweep.results import Row, spreads
from disvae.sweep.summary import summarise
from disvae.sweep.table import LiveTable
from tests.hostile.inputs import JSON, damaged, refused_or_read

pytestmark = pytest.mark.usefixtures("nothing_outside")


def listed(values):
    return f"[{', '.join(values)}]"


def assigned(pair):
    return f"{pair[0]} = {pair[1]}"


SWEEP = b'experiments = ["VAE_mnist"]\nseeds = 2\nmetrics = "mig"\n[grid]\nbatch_size = [8, 16]\n'


@given(damaged(SWEEP) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_damaged_sweep_files(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "sweep.toml"
    file.write_bytes(content)
    refused_or_read(lambda: plan_runs(read_sweep(file, {})))


# in TOML; the long numbers are those that Python reads but does not write
VALUES = st.one_of(
    st.integers(-(10**30), 10**30).map(str),
    st.integers(4000, 6000).flatmap(lambda n: st.sampled_from(["9" * n, "0x" + "f" * n])),
    st.floats().map(lambda x: {"inf": "inf", "-inf": "-inf"}.get(str(x), str(x))),
    st.text(max_size=20).map(json.dumps),
    st.sampled_from(['"a\\u0000b"', '"../../x"', '"' + "x" * 10_000 + '"', "1979-05-27", "true"]),
)
KEYS = st.sampled_from(sorted(SweepOptions.model_fields))
AXES = st.sampled_from(["seed", "loss", "dataset", "epochs", "lr", "btcvae_B", "experiment", "x"])


@given(
    st.dictionaries(KEYS, VALUES | st.lists(VALUES, max_size=4).map(listed), max_size=3),
    st.dictionaries(AXES, VALUES | st.lists(VALUES, max_size=4).map(listed), max_size=3),
)
def test_sweep_files_with_any_values(tmp_path_factory, options, grid):
    file = tmp_path_factory.getbasetemp() / "sweep.toml"
    options.pop("grid", None)
    file.write_text(
        "\n".join([*map(assigned, options.items()), "[grid]", *map(assigned, grid.items())])
    )
    refused_or_read(lambda: plan_runs(read_sweep(file, {})))


@given(st.dictionaries(AXES, st.integers(1, 10**5), min_size=1, max_size=3), st.integers(1, 10**4))
def test_sweeps_of_any_size(sizes, seeds):
    """Are counted before they are listed: 10^19 would take all memory."""
    values = {"lr": lambda n: f"{1 / (n + 2)}", "epochs": str, "seed": str, "btcvae_B": str}
    grid = [
        f"{key}={','.join(values[key](n) for n in range(1, min(size, 2000) + 1))}"
        for key, size in sizes.items()
        if key in values
    ]
    seeds = {} if "seed" in sizes else {"seeds": seeds}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(description, "_MOST", 100)
        refused_or_read(lambda: plan_runs(SweepOptions(grid=tuple(grid), **seeds)))


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


NUMBERS = st.floats(-1e99, 1e99) | st.sampled_from([0.0, 1e-308, 1e99, -1e99])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e308, -1e308])
def test_runs_with_absurd_numbers_are_left_out_and_named(trained, tmp_path, value):
    planned = {}
    for name, loss in (("usual", 1.0), ("absurd", value)):
        shutil.copytree(trained.path, tmp_path / name)
        losses = json.dumps({"loss": loss, "recon_loss": 1})
        (tmp_path / name / "test_losses.log").write_text(losses)
        planned[name] = {"setting": {"experiment": "debug"}, "seed": 1, "options": {}}
    (tmp_path / "sweep.json").write_text(json.dumps({"scores": {}, "runs": planned}))
    _, missing = summarise(Record(tmp_path))
    assert "1 have no values (1 failed)" in missing
    assert "absurd: loss of its logs cannot be averaged." in (tmp_path / "summary.md").read_text()


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=2, max_size=6))
@settings(max_examples=settings().max_examples // 25)  # each draws three pictures
def test_pictures_of_any_numbers(numbers):
    rows = [
        Row("r", seed, (("experiment", "x"), ("lr", str(option))), {"mig": mig, "dci": dci})
        for seed, (mig, dci, option) in enumerate(numbers)
    ]
    table = spreads(rows)
    for option in numeric_options(table):
        to_image(scores_by_option(table, ["mig", "dci"], option))
    to_image(violins(rows, ["mig", "dci"]))
    to_image(rank_correlation(rows, ["mig", "dci"]))


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
