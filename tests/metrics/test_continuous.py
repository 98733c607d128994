"""Factors with nearly as many values as images: said, and cut into bins on request."""

import json
import logging

import numpy as np
import pytest

from disvae.cli import main
from disvae.errors import UserError
from disvae.metrics import Codes, continuous, evaluate

RANDOM = np.random.default_rng(0)
ANGLE = RANDOM.uniform(0, 360, 200)
KIND = RANDOM.integers(0, 4, 200)
MEAN = np.stack([ANGLE / 100, KIND + 0.01 * RANDOM.standard_normal(200)], 1)
TABLE = Codes(MEAN, np.full((200, 2), -6.0), np.stack([ANGLE, KIND], 1), ("angle", "kind"))


@pytest.fixture(autouse=True)
def unsaid():
    continuous._say_once.cache_clear()
    logging.getLogger("disvae").setLevel(logging.INFO)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "codes.npz"
    np.savez(path, mean=MEAN, logvar=TABLE.logvar, factors=TABLE.factors,
             factor_names=["angle", "kind"])  # fmt: skip
    return path


def test_bins_hold_as_many_images_each_in_the_order_of_values():
    cut = np.asarray(TABLE.binned({"angle": 20}).factors)
    assert np.bincount(cut[:, 0].astype(int)).tolist() == [10] * 20
    assert (np.diff(cut[np.argsort(ANGLE), 0]) >= 0).all()
    np.testing.assert_array_equal(cut[:, 1], KIND)


def test_equal_values_stay_together_and_scale_does_not_matter():
    values = np.repeat([0.0, 1.0, 5.0, 6.0, 7.0], [10, 70, 10, 5, 5])
    for scaled in (values, np.exp(values), values * 1e-9):
        cut = Codes(np.arange(200.0).reshape(100, 2), None, scaled[:, None], ("v",)).binned(
            {"v": 4}
        )
        found = np.asarray(cut.factors)[[0, 10, 80, 90, 95], 0]
        assert found.tolist() == [0, 1, 3, 3, 3]


def test_it_is_said_before_any_score_is_computed_and_once(file, capsys, caplog, monkeypatch):
    computed = []
    monkeypatch.setattr("disvae.metrics.score.Score.__call__", lambda *_, **__: computed.append(
        [record.message for record in caplog.records]) or 0.5)  # fmt: skip
    assert main(["score", "--codes", str(file), "--metrics", "mig,aam"]) == 0
    assert len(computed) == 2
    (said,) = computed[0]
    assert "'angle' has 200 values in 200 images" in said
    assert "--bin-factors angle=20" in said
    assert computed[1] == [said]


def test_factors_are_binned_on_request_only(file, tmp_path, capsys, caplog):
    words = ["score", "--codes", str(file), "--metrics", "mig"]
    assert main(words) == 0
    log = tmp_path / "codes.metrics.json"
    plain = json.loads(log.read_text())["mig"]
    assert plain["parts"]["per_factor"][0]["entropy"] == pytest.approx(np.log(200))
    assert "factor_bins" not in plain["settings"]
    caplog.clear()
    continuous._say_once.cache_clear()
    assert main([*words, "--bin-factors", "angle=20"]) == 0
    assert not caplog.records
    binned = json.loads(log.read_text())["mig"]
    assert binned["parts"]["per_factor"][0]["entropy"] == pytest.approx(np.log(20))
    assert binned["settings"]["factor_bins"] == {"angle": 20}
    exact = evaluate(TABLE.binned({"angle": 20}), "mig")["MIG"]
    assert binned["value"] == pytest.approx(exact)


def test_left_out_factors_and_ordinary_ones_are_not_said(caplog):
    evaluate(TABLE, ["total_correlation"])
    evaluate(TABLE, ["mig"], factor_subset=["kind"])
    assert not caplog.records


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("angle", "should be NAME=BINS with 2 to 9,999 bins"),
        ("angle=1", "should be NAME=BINS with 2 to 9,999 bins"),
        ("size=20", "There is no factor 'size'; the factors are angle, kind"),
        ("kind=20", "'kind' has 4 values, so 20 bins would be no fewer"),
    ],
)
def test_bins_that_cannot_be_are_one_sentence(file, given, said, capsys):
    assert main(["score", "--codes", str(file), "--metrics", "mig", "--bin-factors", given]) == 2
    assert said in capsys.readouterr().err


def test_without_factors_there_is_nothing_to_cut():
    with pytest.raises(UserError, match="no factors"):
        evaluate(Codes(MEAN), ["total_correlation"], factor_bins={"angle": 20})
