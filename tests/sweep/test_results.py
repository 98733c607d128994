"""Spreads over seeds, tables and plots of a sweep."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

import disvae
from disvae.errors import UserError
from disvae.options import ScoreOptions
from disvae.plots.figures import to_image
from disvae.sweep import results
from disvae.sweep.description import PlannedRun
from disvae.sweep.pictures import rank_correlation, scores_by_option, violins
from disvae.sweep.record import Record, plan_record
from disvae.sweep.results import Row, collect, is_finished, scores_of, spread, spreads
from disvae.sweep.summary import summarise

VALUES = {("4", 1): (0.1, 0.5), ("4", 2): (0.3, 0.7), ("8", 1): (0.2, 0.4), ("8", 2): (0.6, 0.9)}
ROWS = [
    Row(f"B={b}-seed{s}", s, (("experiment", "x"), ("btcvae_B", b)), {"mig": mig, "dci": dci})
    for (b, s), (mig, dci) in VALUES.items()
]


def test_spread_by_hand():
    found = spread([1.0, 2.0, 6.0])
    assert (found.n, found.mean) == (3, 3)
    assert found.std == pytest.approx(np.sqrt((4 + 1 + 9) / 2))
    width = 4.302653 * found.std / np.sqrt(3)  # Student's t with 2 degrees of freedom, tables
    assert (found.low, found.high) == pytest.approx((3 - width, 3 + width))
    # of five the mean of a resample is k / 5, k binomial: P(k <= 2) = 0.942, P(k <= 3) = 0.993
    assert spread([0.0, 0.0, 0.0, 0.0, 1.0])[3:] == (0, 0.6)
    many = np.random.default_rng(0).normal(size=400)
    found = spread(list(many))
    error = 1.96 * many.std() / 20  # the normal approximation
    assert (found.low, found.high) == pytest.approx(
        (many.mean() - error, many.mean() + error), abs=0.01
    )
    assert spread([5.0]) == (1, 5, None, None, None)
    assert spread([5.0, 5.0]) == (2, 5, 0, 5, 5)


def test_spreads_are_over_the_seeds_of_a_setting():
    found = spreads(ROWS)
    assert len(found) == 2
    four = found[("experiment", "x"), ("btcvae_B", "4")]
    assert four["mig"].mean == pytest.approx(0.2)
    assert four["dci"].n == 2
    assert scores_of(ROWS) == ["mig", "dci"]


def test_spreads_of_quantities_that_not_all_runs_have():
    rows = [row._replace(values={**row.values, "udr": 1.0}) for row in ROWS[:1]] + ROWS[1:]
    four = spreads(rows)[ROWS[0].setting]
    assert [(key, found.n) for key, found in four.items()] == [("mig", 2), ("dci", 2), ("udr", 1)]


def test_a_line_shows_the_mean_of_each_value_of_an_option():
    figure = scores_by_option(spreads(ROWS), ["mig", "dci"], "btcvae_B")
    line = figure.axes[0].get_lines()[0]
    np.testing.assert_allclose(line.get_xdata(), [4, 8])
    np.testing.assert_allclose(line.get_ydata(), [0.2, 0.4])
    assert "Student's t below 5 seeds" in figure.get_suptitle()


def named(rows, *, option, values):
    """The rows, once for each value of another option."""
    return [
        row._replace(
            setting=(row.setting[0], (option, value), *row.setting[1:]), name=f"{value}{n}"
        )
        for value in values
        for n, row in enumerate(rows)
    ]


def test_a_legend_of_long_labels_lies_within_the_picture():
    rows = named(ROWS, option="rec_dist", values=["bernoulli" * 4, "laplace" * 6, "gaussian" * 5])
    figure = scores_by_option(spreads(rows), ["mig"], "btcvae_B")
    (legend,) = figure.legends
    to_image(figure)
    inside, whole = legend.get_window_extent(), figure.bbox
    assert inside.x0 >= 0 and inside.y0 >= 0 and inside.x1 <= whole.x1 and inside.y1 <= whole.y1
    assert len(legend.get_texts()) == 3
    panel = figure.axes[0].get_tightbbox()
    assert inside.y1 <= panel.y0 + 1  # and covers no axis


def test_of_many_settings_the_best_are_drawn_and_that_is_said():
    rows = [
        row._replace(values={"mig": float(value)})
        for value in range(25)
        for row in named(ROWS, option="lr", values=[str(value)])
    ]
    lines = scores_by_option(spreads(rows), ["mig"], "btcvae_B")
    assert [t.get_text() for t in lines.legends[0].get_texts()] == [
        f"lr={n}" for n in range(15, 25)
    ]
    assert "the best 10 of 25 by mig" in lines.get_suptitle()
    axes = violins(rows, ["mig"])
    assert "the best 40 of 50 by mig" in axes.get_suptitle()


def test_violins_show_every_run_and_name_each_setting_once_a_row():
    figure = violins(ROWS, ["mig", "dci"])
    shown = sorted(float(x) for line in figure.axes[0].get_lines() for x in line.get_xdata())
    assert shown == [0.1, 0.2, 0.3, 0.6]
    assert ticks_of(figure.axes[0]) == ["btcvae_B=4", "btcvae_B=8"]
    assert ticks_of(figure.axes[1]) == []
    assert figure.get_suptitle() == "x"  # what they share


def ticks_of(axes):
    labels = [tick.label1 for tick in axes.yaxis.get_major_ticks()]
    return [label.get_text() for label in labels if label.get_visible()]


def test_violins_name_settings_whose_runs_failed():
    failed = [row._replace(values={}, state="failed", reason="no") for row in ROWS]
    (axes,) = violins([ROWS[0], failed[1], *failed[2:]], ["mig"]).axes
    assert ticks_of(axes) == ["btcvae_B=4 (1 of 2)", "btcvae_B=8 (0 of 2)"]
    assert [text.get_text() for text in axes.texts] == ["no run finished"]


def test_labels_from_files_are_no_mathematics():
    rows = named(ROWS, option="rec_dist", values=["$\\x{y}$", "b"])
    to_image(violins(rows, ["mig"]))
    to_image(scores_by_option(spreads(rows), ["mig"], "btcvae_B"))


@pytest.mark.parametrize("name", ["", " ", "\n"])
def test_labels_from_files_may_be_empty(name):
    rows = [row._replace(setting=(("experiment", name), row.setting[1])) for row in ROWS]
    to_image(violins(rows, ["mig"]))
    to_image(scores_by_option(spreads(rows), ["mig"], "btcvae_B"))


def test_rank_correlation_is_spearmans_and_blank_for_constants():
    rows = [row._replace(values={**row.values, "sap": 0.0}) for row in ROWS]
    texts = [t.get_text() for t in rank_correlation(rows, ["mig", "dci", "sap"]).axes[0].texts]
    mig, dci = zip(*VALUES.values(), strict=True)
    assert texts[1] == f"{spearmanr(mig, dci).statistic:.2f}"
    assert texts[2] == ""


@pytest.fixture
def record(tmp_path, data_dir):
    """A sweep of two seeds, trained here one after the other; of a third run nothing is here."""
    runs = []
    for seed in (1, 2):
        options = {"dataset": "dsprites", "loss": "VAE", "epochs": 1, "batch_size": 32,
                   "latent_dim": 3, "seed": seed, "no_test": True, "device": "cpu"}  # fmt: skip
        run = disvae.train(f"s{seed}", **options, data_dir=data_dir, results_dir=tmp_path)
        run.merge_metrics(disvae.metrics.evaluate(run, ["mig", "total_correlation"]))
        runs.append(PlannedRun(f"s{seed}", {"experiment": "custom", "lr": "5e-4"}, seed, options))
    runs.append(PlannedRun("f1", {"experiment": "custom", "lr": "1"}, 1, {**options, "lr": 1}))
    record, _ = plan_record(tmp_path, runs, ScoreOptions(metrics=("mig",)))
    record.write()
    return record


def test_the_summary_has_every_number_and_udr(record):
    record.write_failures({"f1": "not\nfinite"})
    paths, missing = summarise(record)
    assert missing == "Of 3 runs 1 have no values (1 failed); see runs.csv."
    files = {path.name: path for path in paths}
    assert set(files) == {
        "summary.csv",
        "runs.csv",
        "summary.md",
        "violins.png",
        "best_traversals.png",
    }  # fmt: skip - of one finished setting there is no plot against its option
    with files["summary.csv"].open(newline="") as stream:
        lines = {line["quantity"]: line for line in csv.DictReader(stream)}
    migs = [record.run(name).metrics["MIG"] for name in ("s1", "s2")]
    assert float(lines["mig"]["mean"]) == pytest.approx(np.mean(migs))
    assert float(lines["mig"]["std"]) == pytest.approx(np.std(migs, ddof=1))
    assert lines["udr"]["n"] == "2"
    losses = [record.run(name).losses["recon_loss"][-1] for name in ("s1", "s2")]
    assert float(lines["recon_loss"]["mean"]) == pytest.approx(np.mean(losses))
    text = files["summary.md"].read_text()
    assert f"{np.mean(migs):.4g} ± " in text
    assert "| custom, lr=1 | 0 of 1 |" in text
    assert "- f1: not finite" in text
    with files["runs.csv"].open(newline="") as stream:
        runs = {line["run"]: line for line in csv.DictReader(stream)}
    assert [float(runs[name]["mig"]) for name in ("s1", "s2")] == migs
    assert (runs["s2"]["lr"], runs["s2"]["seed"], runs["s2"]["state"]) == ("5e-4", "2", "finished")
    assert (runs["f1"]["state"], runs["f1"]["reason"]) == ("failed", "not\nfinite")
    assert runs["f1"]["mig"] == ""
    with Image.open(files["best_traversals.png"]) as picture:
        assert picture.height > 3 * 64


def test_an_option_and_a_value_of_the_same_name_have_a_column_each(record):
    description = json.loads((record.folder / "sweep.json").read_text())
    for run in description["runs"].values():
        run["setting"]["loss"] = "VAE"
    (record.folder / "sweep.json").write_text(json.dumps(description))
    summarise(Record(record.folder))
    with (record.folder / "runs.csv").open(newline="") as stream:
        runs = {line["run"]: line for line in csv.DictReader(stream)}
    assert {line["loss"] for line in runs.values()} == {"VAE"}
    total = record.run("s1").losses["loss"][-1]
    assert float(runs["s1"]["loss.value"]) == pytest.approx(total)


def test_the_images_need_not_be_here(record, tmp_path, data_dir, monkeypatch):
    """A summary of runs from elsewhere downloads and prepares nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("disvae.data.raw.download.download", lambda *_: pytest.fail("downloads"))
    description = json.loads((record.folder / "sweep.json").read_text())
    description["scores"]["metrics"] = ["all"]
    (record.folder / "sweep.json").write_text(json.dumps(description))
    for name in ("s1", "s2"):
        specs = record.folder / name / "specs.json"
        elsewhere = {"dataset": "celeba", "data_dir": str(tmp_path / "gone")}
        specs.write_text(json.dumps({**json.loads(specs.read_text()), **elsewhere}))
    summarise(Record(record.folder))
    text = (record.folder / "summary.csv").read_text()
    assert ",mig,2," in text
    assert "udr" not in text
    assert not (tmp_path / "data").exists()


def test_all_parts_are_there_by_name_and_no_headline_twice(record):
    """The log sorts its keys, so the first part is not always the headline."""
    scores = ["dci", "infomec", "modularity_explicitness", "irs"]
    few = {"dci": {"num_train": 300, "num_test": 100}}
    for name in ("s1", "s2"):
        run = record.run(name)
        run.merge_metrics(disvae.metrics.evaluate(run, scores, settings=few))
    for row in filter(is_finished, collect(record)):
        parts = {key for key in row.values if key.partition(".")[0] in scores}
        assert parts == {
            *scores, "dci.completeness", "dci.informativeness", "dci.informativeness_train",
            "infomec.infoc", "infomec.infoe", "modularity_explicitness.explicitness",
            "modularity_explicitness.explicitness_train",
        }  # fmt: skip


def test_damaged_weights_are_said_and_other_images_leave_udr_out(record, data_dir):
    weights = record.folder / "s2/model.pt"
    kept = weights.read_bytes()
    weights.write_bytes(kept[:1000])
    with pytest.raises(UserError, match=r"s2/model\.pt is damaged"):
        collect(record)
    weights.write_bytes(kept)
    assert all("udr" in row.values for row in filter(is_finished, collect(record)))
    specs = record.folder / "s2/specs.json"
    specs.write_text(json.dumps({**json.loads(specs.read_text()), "images_sha256": "another"}))
    assert all("udr" not in row.values for row in collect(record))


def test_udr_compares_runs_on_the_same_images_though_each_held_out_others(record, monkeypatch):
    seen = []
    encode = results.encode
    monkeypatch.setattr(
        results,
        "encode",
        lambda *given, **chosen: seen.append(given[1]) or encode(*given, **chosen),
    )
    for name in ("s1", "s2"):
        specs = record.folder / name / "specs.json"
        divided = {"train_fraction": 0.5, "n_data": 48}
        specs.write_text(json.dumps({**json.loads(specs.read_text()), **divided}))
    assert all("udr" in row.values for row in filter(is_finished, collect(record)))
    first, second = seen
    assert first is second and len(first) == 48


def test_an_unfinished_run_is_left_out(record):
    (record.folder / "s2/metrics.log").write_text(json.dumps({"total_correlation": {}}))
    states = {row.name: row.state for row in collect(record)}
    assert states == {"s1": "finished", "s2": "waiting", "f1": "waiting"}


def test_udr_of_many_runs_is_computed_when_asked_for(record, monkeypatch):
    monkeypatch.setattr(results, "_UDR_RUNS", 1)
    assert not any("udr" in row.values for row in collect(record))
    assert any("udr" in row.values for row in collect(record, udr=True))
