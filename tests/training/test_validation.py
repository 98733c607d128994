"""Held-out images while training: their losses, the best weights, early stopping, callers."""

import numpy as np
import pytest
import torch

import disvae
from disvae.data.batches import to_unit_interval
from disvae.errors import UserError
from disvae.training import keeping
from disvae.training.history import epoch_without_patience
from tests.training.test_resume import interrupted

pytestmark = pytest.mark.usefixtures("small_networks")
FILES = ("model.pt", "model-best.pt", "train_losses.log", "val_losses.log", "training.gif")


@pytest.fixture
def options(data_dir, tmp_path):
    """Five epochs of five steps on 80 of 100 images, of which 20 are held out."""
    return {
        "dataset": "mnist", "loss": "VAE", "epochs": 5, "batch_size": 16, "latent_dim": 3,
        "val_fraction": 0.2, "checkpoint_every": 1, "no_test": True, "device": "cpu",
        "data_dir": data_dir, "results_dir": tmp_path,
    }  # fmt: skip


def outcome(path):
    return {name: (path / name).read_bytes() for name in FILES}


@pytest.fixture
def scripted(monkeypatch):
    """Let the held-out images have these losses, epoch after epoch."""

    def losses(*values):
        left = list(values)
        monkeypatch.setattr(keeping, "test_losses", lambda *_, **__: {"loss": left.pop(0)})

    return losses


def test_the_images_held_out_are_no_images_trained_on(options):
    run = disvae.train("run", **options | {"train_fraction": 0.5, "epochs": 1})
    parts = [run.dataset(split=split) for split in ("train", "val", "test")]
    assert [len(part) for part in parts] == [40, 10, 50]
    rows = np.concatenate([part._chosen for part in parts])
    assert sorted(rows.tolist()) == list(range(100))
    assert run.specs["n_data"] == 40


def test_they_are_drawn_from_the_train_part_that_a_dataset_has(options):
    run = disvae.train("run", **options | {"epochs": 1})
    assert [len(run.dataset(split=split)) for split in ("train", "val")] == [80, 20]
    with pytest.raises(UserError, match="nothing is held out as 'val'"):
        disvae.load_dataset("mnist", options["data_dir"], split="val")


def test_the_log_has_the_losses_of_each_model_at_its_means(options):
    """Against a loop by hand, of the weights after each epoch."""
    run = disvae.train("run", **options)
    found = run.validation_losses
    images = to_unit_interval(run.dataset(split="val").images(slice(None)))
    for epoch in range(1, 6):
        model = disvae.open_run(run.path, at=epoch).model
        with torch.inference_mode():
            mean, logvar = model.encode(images)
            decoded = model.decode(mean)
        recon = -(images * decoded.log() + (1 - images) * (1 - decoded).log()).sum() / 20
        kl = 0.5 * (logvar.exp() + mean**2 - 1 - logvar).sum() / 20
        assert found["recon_loss"][epoch - 1] == pytest.approx(recon.item(), rel=1e-4)
        assert found["kl_loss"][epoch - 1] == pytest.approx(kl.item(), rel=1e-4)
    best = int(found["loss"].argmin()) + 1
    kept = disvae.open_run(run.path, at="best")
    expected = (run.path / f"model-{best}.pt").read_bytes()
    assert kept.weights_file.read_bytes() == expected
    assert kept.kl.tolist() == disvae.open_run(run.path, at=best).kl.tolist()


def test_training_does_not_depend_on_what_is_evaluated(options, scripted):
    plain = disvae.train("plain", **options)
    scripted(*range(5))
    other = disvae.train("other", **options)
    assert (plain.path / "model.pt").read_bytes() == (other.path / "model.pt").read_bytes()


def test_it_stops_when_patience_ends_and_keeps_best_and_last(options, scripted, caplog):
    scripted(5.0, 3.0, float("nan"), 3.0, 2.0)
    with caplog.at_level("INFO", "disvae"):
        run = disvae.train("run", **options, patience=2)
    assert len(run.losses["loss"]) == 4
    assert (run.path / "model-best.pt").read_bytes() == (run.path / "model-2.pt").read_bytes()
    assert (run.path / "model.pt").read_bytes() == (run.path / "model-4.pt").read_bytes()
    assert "The lowest validation loss is that of epoch 2: model-best.pt" in caplog.text
    assert "validation 5.00, " in caplog.text


@pytest.mark.parametrize(
    ("losses", "patience", "epochs"),
    [
        ([3, 2, 1], 1, None), ([1, 2], 1, 2), ([1, 1], 1, 2), ([2, 3, 1, 2, 3, 0], 2, 5),
        ([float("nan"), float("inf")], 2, 2), ([2, 3, 4, 5], None, None), ([], 1, None),
    ],
)  # fmt: skip
def test_patience(losses, patience, epochs):
    assert epoch_without_patience([{"loss": loss} for loss in losses], patience) == epochs


@pytest.mark.parametrize("after", [5, 6, 13])
def test_with_all_of_it_a_run_is_resumed_bit_for_bit(options, monkeypatch, after):
    options |= {
        "loss": "btcvae", "lr_schedule": "cosine", "lr_warmup": 3, "patience": 3,
        "checkpoint_minutes": 1e-6, "epochs": 4,
    }  # fmt: skip
    undisturbed = disvae.train("undisturbed", **options)
    interrupted(options, monkeypatch, after)
    run = disvae.train("run", resume=True, results_dir=options["results_dir"])
    assert outcome(run.path) == outcome(undisturbed.path)


def test_a_run_that_lost_patience_goes_on_with_more(options, scripted):
    losses = 5.0, 3.0, 4.0, 4.0, 2.0
    places = {"resume": True, "results_dir": options["results_dir"]}
    scripted(*losses)
    whole = disvae.train("whole", **options, patience=3)
    scripted(*losses)
    assert len(disvae.train("run", **options, patience=2).losses["loss"]) == 4
    with pytest.raises(UserError, match="stays at step 20 in epoch 4, its end by epochs 9, max"):
        disvae.train("run", **places, epochs=9)
    with pytest.raises(UserError, match="is at step 20 in epoch 4 already, beyond the end"):
        disvae.train("run", **places, patience=1)
    scripted(losses[-1])
    assert outcome(disvae.train("run", **places, patience=3).path) == outcome(whole.path)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"val_fraction": 0.0, "patience": 3}, "--patience watches images that are held out"),
        ({"val_fraction": 1.0}, "--val-fraction: input should be less than 1"),
        ({"val_fraction": 0.001}, r"A share of 0.001 of the 100 images .* is 0"),
        ({"patience": 0}, "--patience: "),
        ({"lr_warmup": -1}, "--lr-warmup: "),
        ({"lr_schedule": "linear"}, "--lr-schedule: "),
    ],
)
def test_bad_options_are_refused_before_training(options, tmp_path, wrong, said):
    with pytest.raises(UserError, match=said):
        disvae.train("run", **options | wrong)
    assert not (tmp_path / "run").exists()


def test_a_caller_is_told_of_each_epoch(options, scripted):
    told = []
    scripted(5.0, 4.0, 3.0, 2.0, 1.0)
    run = disvae.train(
        "run", **options, on_epoch=told.append, metrics_every=2, metrics=("total_correlation",)
    )
    assert [each.number for each in told] == [1, 2, 3, 4, 5]
    assert [each.losses["loss"] for each in told] == run.losses["loss"].tolist()
    assert [each.validation for each in told] == [{"loss": 5.0 - k} for k in range(5)]
    assert [list(each.scores) for each in told] == [[], ["total_correlation"]] * 2 + [[]]
    assert all(isinstance(each, disvae.EpochEnd) and not each.model.training for each in told)
    assert all(each.run.path == run.path for each in told)


def test_what_a_caller_draws_changes_nothing(options):
    plain = disvae.train("plain", **options)
    other = disvae.train("other", **options, on_epoch=lambda _: print(torch.rand(3)))
    assert outcome(plain.path) == outcome(other.path)


def test_a_caller_may_end_training_and_go_on_later(options):
    whole = disvae.train("whole", **options)
    run = disvae.train("run", **options, on_epoch=lambda epoch: epoch.number == 2)
    assert run.is_trained
    assert len(run.losses["loss"]) == 2
    again = {"resume": True, "results_dir": options["results_dir"]}
    assert disvae.train("run", **again).losses["loss"].tolist() == run.losses["loss"].tolist()
    told = []
    disvae.train("run", **again, on_epoch=told.append, epochs=6)
    assert [each.number for each in told] == [3, 4, 5, 6]
    five = disvae.open_run(run.path, at=5).weights_file.read_bytes()
    assert five == (whole.path / "model.pt").read_bytes()


def test_what_a_caller_raises_leaves_a_run_to_resume(options):
    class PrunedError(Exception):
        pass

    def prune(epoch):
        if epoch.number == 2:
            raise PrunedError

    whole = disvae.train("whole", **options)
    with pytest.raises(PrunedError):
        disvae.train("run", **options, on_epoch=prune)
    run = disvae.train("run", resume=True, results_dir=options["results_dir"])
    assert outcome(run.path) == outcome(whole.path)
