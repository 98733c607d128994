"""Scores while training: what they are of, where they stand, and that training is as without."""

import logging

import numpy as np
import pytest

import disvae
from disvae import metrics
from disvae.errors import UserError
from disvae.training import watching as watching_module
from tests.training.test_resume import interrupted

pytestmark = pytest.mark.usefixtures("small_networks")


@pytest.fixture
def options(data_dir, tmp_path):
    """Five epochs of three steps on the small `dsprites`, scored after the second and fourth."""
    return {
        "dataset": "dsprites", "loss": "VAE", "epochs": 5, "batch_size": 32, "latent_dim": 3,
        "metrics_every": 2, "metrics": ("mig", "sap"), "no_test": True, "device": "cpu",
        "data_dir": data_dir, "results_dir": tmp_path,
    }  # fmt: skip


def test_the_log_has_the_scores_of_the_model_at_that_epoch(options, caplog):
    with caplog.at_level(logging.INFO):
        run = disvae.train("run", **options | {"epochs": 4})
    text = (run.path / "train_metrics.log").read_text().splitlines()
    assert [line.split(",")[:2] for line in text] == [
        ["Epoch", "Metric"], ["1", "mig"], ["1", "sap"], ["3", "mig"], ["3", "sap"],
    ]  # fmt: skip
    codes = run.encode()
    now = {name: curve[3] for name, curve in run.training_scores.items()}
    assert now["mig"] == pytest.approx(metrics.mig(codes.mean, codes.logvar, codes.factors))
    sap = metrics.sap(codes.mean, codes.factors, seed=1234)
    assert now["sap"] == pytest.approx(sap.score.mean)
    assert "Scores of 96 of 96 images: mig " in caplog.text
    loss, recon, kl = (run.losses[name][0] for name in ("loss", "recon_loss", "kl_loss"))
    assert f"Epoch 1: loss {loss:.2f}, reconstruction {recon:.2f}, KL {kl:.2f}, " in caplog.text


def test_a_part_of_the_images_is_the_same_for_all_seeds(options, monkeypatch):
    chosen = []
    real = watching_module.encode

    def spy(*arguments, indices, **rest):
        chosen.append(indices)
        return real(*arguments, indices=indices, **rest)

    monkeypatch.setattr(watching_module, "encode", spy)
    run = disvae.train("one", **options, metrics_images=60, seed=1)
    disvae.train("two", **options, metrics_images=60, seed=2)
    assert len(chosen) == 4
    assert all((images == chosen[0]).all() for images in chosen)
    assert len(set(chosen[0].tolist())) == 60
    assert np.array_equal(run.encode(indices=chosen[0]).factors, run.dataset().factors[chosen[0]])


def test_training_is_as_without(options):
    scored = disvae.train("scored", **options)
    plain = disvae.train("plain", **options | {"metrics_every": None})
    assert not (plain.path / "train_metrics.log").exists()
    assert plain.training_scores == {}
    for name in ("model.pt", "train_losses.log", "training.gif"):
        assert (scored.path / name).read_bytes() == (plain.path / name).read_bytes()


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_resumed_run_keeps_the_scores_it_had(options, monkeypatch, after):
    undisturbed = disvae.train("undisturbed", **options)
    interrupted(options, monkeypatch, after)
    resumed = disvae.train("run", resume=True, results_dir=options["results_dir"])
    for name in ("model.pt", "train_metrics.log"):
        assert (resumed.path / name).read_bytes() == (undisturbed.path / name).read_bytes()


def test_a_score_that_fails_on_the_way_does_not_end_training(options, monkeypatch, caplog):
    def fail(*_, **__):
        raise UserError("This model has no such score.")

    monkeypatch.setattr(watching_module.metrics, "evaluate", fail)
    run = disvae.train("run", **options)
    assert (run.path / "model.pt").exists()
    assert caplog.text.count("This model has no such score.") == 2
    assert run.training_scores == {}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"dataset": "mnist"}, "mig needs factors"),
        ({"metrics": ("mug",)}, "mug"),
        ({"metrics_images": 1}, "--metrics-images: "),
        ({"metrics_images": 2}, "one value"),
        ({"metrics_every": 0}, "--metrics-every: "),
    ],
)
def test_what_cannot_be_scored_is_refused_before_training(options, tmp_path, wrong, why):
    with pytest.raises(UserError, match=why):
        disvae.train("run", **options | wrong)
    assert not (tmp_path / "run").exists()


def test_a_damaged_log_is_told(options):
    run = disvae.train("run", **options)
    (run.path / "train_metrics.log").write_text("Epoch,Metric,Value\n1,mig,high\n")
    with pytest.raises(UserError, match=r"train_metrics\.log is damaged"):
        _ = run.training_scores
