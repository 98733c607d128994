"""Test losses: every image counts once, nothing is sampled."""

import json
import logging
import shutil

import numpy as np
import pytest
import torch

import disvae
from disvae.data.batches import fixed_part
from disvae.data.prepare import load_dataset
from disvae.evaluation import test_losses as evaluation
from disvae.evaluation.test_losses import test_losses as compute
from disvae.objectives import BetaVAE, Moment, PlainVAE
from disvae.options import Computing


def test_batches_count_by_their_size(data_dir, trained):
    dataset = load_dataset("mnist", data_dir)
    cpu = torch.device("cpu")
    whole = compute(trained.model, BetaVAE(B=3), Moment(100), dataset, 100, cpu)
    for batch_size in (1, 7, 64):
        parts = compute(trained.model, BetaVAE(B=3), Moment(100), dataset, batch_size, cpu)
        assert parts == pytest.approx(whole, rel=1e-5)


def test_a_part_of_the_images_is_always_the_same(data_dir, trained):
    dataset = load_dataset("mnist", data_dir)
    cpu, at = torch.device("cpu"), Moment(100)
    part = [compute(trained.model, PlainVAE(), at, dataset, size, cpu, most=30) for size in (7, 30)]
    assert part[0] == pytest.approx(part[1], rel=1e-5)
    chosen = fixed_part(100, 30)
    assert len(set(chosen.tolist())) == 30
    images = dataset.images(chosen).float() / 255
    with torch.inference_mode():
        wanted = PlainVAE().evaluate(trained.model, images, at)
    assert part[0]["loss"] == pytest.approx(wanted["loss"].item(), rel=1e-5)
    assert part[0]["loss"] != pytest.approx(
        compute(trained.model, PlainVAE(), at, dataset, 50, cpu)["loss"], rel=1e-5
    )


def test_the_values_are_those_at_the_posterior_mean(data_dir, trained):
    images = load_dataset("mnist", data_dir).images(slice(0, 100)).float() / 255
    with torch.inference_mode():
        posterior = trained.model.encode(images)
        probabilities = trained.model.decode(posterior.mean).double()
    recon = -torch.distributions.Bernoulli(probabilities).log_prob(images.double())
    logged = json.loads((trained.path / "test_losses.log").read_text())
    assert logged["recon_loss"] == pytest.approx(recon.sum().item() / 100, rel=1e-4)
    kl = posterior.kl().mean(0)
    assert logged["kl_loss_1"] == pytest.approx(kl[1].item(), rel=1e-4)
    assert set(logged) == set(trained.losses)


def test_evaluation_alone_uses_the_options_of_the_run(data_dir, tmp_path):
    run = disvae.train(
        "x", loss="betaH", betaH_B=7, epochs=1, batch_size=50, latent_dim=2, device="cpu",
        results_dir=tmp_path, data_dir=data_dir,
    )  # fmt: skip
    before = json.loads((run.path / "test_losses.log").read_text())
    (run.path / "test_losses.log").unlink()
    from disvae.cli import main

    status = main(["train", "x", "--is-eval-only", "--betaH-B", "1", "-z", "9",
                   "--results-dir", str(tmp_path)])  # fmt: skip
    assert status == 0
    again = json.loads((run.path / "test_losses.log").read_text())
    assert again == pytest.approx(before, rel=1e-6)
    assert before["loss"] == pytest.approx(before["recon_loss"] + 7 * before["kl_loss"], rel=1e-5)


def test_a_factor_run_evaluated_alone_gives_what_needs_no_discriminator(data_dir, tmp_path):
    run = disvae.train(
        "x", loss="factor", epochs=1, batch_size=20, latent_dim=2, device="cpu",
        results_dir=tmp_path, data_dir=data_dir,
    )  # fmt: skip
    before = json.loads((run.path / "test_losses.log").read_text())
    assert "tc_loss" in before
    assert "discrim_loss" not in before
    evaluation.test(disvae.open_run(run.path), run.options)
    again = json.loads((run.path / "test_losses.log").read_text())
    shared = {"recon_loss", "kl_loss", "kl_loss_0", "kl_loss_1"}
    assert set(again) == shared
    assert {name: before[name] for name in shared} == pytest.approx(again, rel=1e-6)


def test_published_dsprites_run_gives_its_published_losses(shared):
    """Its log is the sum over the first 1000 images' batch, divided by 738 batches."""
    from disvae.data.catalogue import dsprites

    run = disvae.open_run(shared / "reference/legacy-runs/btcvae_dsprites")
    packed = np.concatenate([dsprites.render_block(0)])[:1000]
    images = torch.from_numpy(np.unpackbits(packed, axis=1)).view(1000, 1, 64, 64).float()
    with torch.inference_mode():
        terms = PlainVAE().evaluate(run.model, images)
    published = json.loads((run.path / "test_losses.log").read_text())
    recon = terms["recon_loss"].item()
    assert recon == pytest.approx(738 * published["recon_loss"], rel=1e-5)
    assert recon == pytest.approx(25.19985, rel=1e-6)
    for j in range(10):  # those of dead latents, 1e-3 nats, are published to 1e-8 nats only
        wanted = 738 * published[f"kl_loss_{j}"]
        assert terms[f"kl_loss_{j}"].item() == pytest.approx(wanted, rel=1e-5, abs=2e-8)


def test_a_file_that_another_program_wrote_is_kept(data_dir, trained, tmp_path, caplog):
    run = disvae.open_run(shutil.copytree(trained.path, tmp_path / "run"))
    del run.specs["versions"]
    (run.path / "specs.json").write_text(json.dumps(run.specs))
    published = '{"loss": 0.25}'
    (run.path / "test_losses.log").write_text(published)
    where = Computing(data_dir=data_dir, device="cpu")
    caplog.set_level(logging.INFO, "disvae")
    for _ in range(2):  # the second finds a file of its own
        evaluation.test(disvae.open_run(run.path), where)
        assert (run.path / "test_losses.original.log").read_text() == published
        assert json.loads((run.path / "test_losses.log").read_text())["loss"] > 1
    assert caplog.text.count("was not written by disvae") == 1
    evaluation.test(trained, where)
    assert not (trained.path / "test_losses.original.log").exists()


def test_a_learned_scale_is_kept_for_later_tests(data_dir, tmp_path):
    run = disvae.train(
        "x", loss="VAE", rec_dist="gaussian_learned", epochs=1, batch_size=50, latent_dim=2,
        lr=0.1, device="cpu", results_dir=tmp_path, data_dir=data_dir, dataset="mnist",
    )  # fmt: skip
    tested = json.loads((run.path / "test_losses.log").read_text())
    assert 0.7 < tested["rec_scale"] < 0.9  # of 1, two steps of about 0.1 down in its logarithm
    assert run.losses["rec_scale"][0] == pytest.approx((1 + np.exp(-0.1)) / 2, abs=0.01)
    (run.path / "test_losses.log").unlink()
    evaluation.test(run, Computing(device="cpu", data_dir=data_dir))
    assert json.loads((run.path / "test_losses.log").read_text()) == tested
    (run.path / "likelihood.pt").write_bytes(b"damaged")
    with pytest.raises(disvae.UserError, match=r"likelihood\.pt is damaged"):
        evaluation.test(run, Computing(device="cpu", data_dir=data_dir))
