"""The scores of correlated studies: factorised support, entanglement of pairs, parts of runs."""

import json

import numpy as np
import pytest

import disvae
from disvae import metrics
from disvae.errors import UserError
from disvae.metrics.scores.entanglement import joined


def test_a_product_of_supports_is_0_and_a_diagonal_is_not():
    grid = np.indices((3, 3)).reshape(2, -1).T.astype(float)
    assert metrics.fos(grid).mean == 0
    assert metrics.fos(np.array([[0.0, 0.0], [1.0, 1.0]])).mean == 1
    three = np.repeat([[0.0], [0.5], [1.0]], 2, axis=1)
    assert metrics.fos(three).mean == 0.5
    assert metrics.fos(np.zeros((5, 1))).mean == 0


def test_support_of_normal_and_uniform_codes_is_as_published():
    random = np.random.default_rng(0)
    normal, uniform = random.normal(size=(9000, 4)), random.uniform(-1, 1, (9000, 4))
    assert metrics.fos(normal, batch=64, batches=40).mean == pytest.approx(3.18, abs=0.25)
    assert metrics.fos(uniform, batch=64, batches=40).mean == pytest.approx(0.180, abs=0.01)
    larger = metrics.fos(3 * normal, batch=64).mean
    assert larger == pytest.approx(9 * metrics.fos(normal, batch=64).mean)


@pytest.mark.parametrize("images", [12, 40])
@pytest.mark.parametrize("digits", [0, 8])  # 0: many codes are equal
def test_the_search_is_that_of_brute_force(images, digits):
    codes = np.random.default_rng(1).normal(size=(images, 2)).round(digits)
    combined = [(a[0], b[1]) for a in codes for b in codes]
    far = max(min(((p - c) ** 2).sum() for c in codes) for p in np.array(combined))
    assert metrics.fos(codes).mean == pytest.approx(far)


def test_factors_are_joined_by_the_widest_path():
    importance = np.array([[0.9, 0.8, 0.0], [0.1, 0.0, 0.3], [0.0, 0.2, 0.7]])  # codes by factors
    expected = np.array([[0.9, 0.8, 0.2], [0.8, 0.8, 0.2], [0.2, 0.2, 0.7]])
    np.testing.assert_allclose(joined(importance), expected)  # 0 and 2 by way of 1


def test_entangled_factors_are_told_from_others():
    factors = np.indices((4, 4, 4)).reshape(3, -1).T.repeat(8, 0)
    noise = np.random.default_rng(0).normal(size=(len(factors), 3)) * 0.01
    turned = np.column_stack(
        [factors[:, 0] + 4.0 * factors[:, 1], factors[:, 2], np.zeros(len(factors))]
    )
    names, size = ("a", "b", "c"), {"num_train": 400, "num_test": 50}
    found = metrics.pairwise_entanglement(turned + noise, factors, names, pairs="b:a", **size)
    assert found.pairs > 0.9
    assert found.others < 0.1
    apart = metrics.pairwise_entanglement(factors + noise, factors, names, **size)
    assert apart.pairs < 0.1
    for wrong in ("a", "a:a", "a:z", "a:b:c"):
        with pytest.raises(UserError, match="two of the factors a, b, c"):
            metrics.pairwise_entanglement(turned, factors, names, pairs=wrong, **size)


def test_runs_are_scored_on_all_images_and_on_the_parts(data_dir, tmp_path, caplog):
    run = disvae.train(
        "x", loss="adagvae", dataset="dsprites", correlate="posX:posY:0.5", hold_out="shape=0",
        epochs=1, batch_size=16, latent_dim=3, device="cpu", results_dir=tmp_path,
        data_dir=data_dir, is_metrics=True, metrics=("mig", "pairwise_entanglement"),
    )  # fmt: skip
    assert run.specs["n_data"] == 64
    tested = json.loads((run.path / "test_losses.log").read_text())
    assert {"loss", "held_out_loss"} <= set(tested)
    scores = run.metrics
    named = {f"{part}{name}" for part in ("", "held_out.", "rest.", "uncorrelated.")
             for name in ("mig", "pairwise_entanglement")}  # fmt: skip
    assert named <= set(scores)
    assert scores["mig"]["settings"]["factors"] == list(run.dataset().factor_names)
    assert scores["held_out.mig"]["settings"]["factors"] == ["scale", "orientation", "posX", "posY"]
    assert scores["uncorrelated.mig"]["settings"]["factors"] == ["shape", "scale", "orientation"]
    assert scores["pairwise_entanglement"]["settings"]["pairs"] == "posX:posY"
    codes = run.encode(data_dir)
    assert scores["mig"]["value"] == metrics.mig(codes.mean, codes.logvar, codes.factors)
    here = codes.factors[:, 0] == 0
    alone = metrics.mig(codes.mean[here], codes.logvar[here], codes.factors[here][:, 1:])
    assert scores["held_out.mig"]["value"] == pytest.approx(alone)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"correlate": "posX:posX:0.1"}, "correlates posX with itself"),
        ({"correlate": "posX:pos:0.1"}, "dsprites has no factor 'pos'"),
        ({"hold_out": "shape>=0"}, "nothing is left to train on"),
        ({"hold_out": "shape>7"}, "no image of dsprites"),
        ({"hold_out": "montero"}, "those of dsprites are montero_extrapolation"),
        ({"hold_out": "shape=0", "dataset": "mnist"}, "need factors, which mnist comes without"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_data_are_prepared(options, said, tmp_path):
    with pytest.raises(UserError, match=said):
        disvae.train("x", **{"dataset": "dsprites", "data_dir": tmp_path / "none", **options})
    assert not (tmp_path / "none").exists()
