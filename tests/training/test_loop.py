"""Training: reproducible, complete in its logs, stopped by a loss that is not finite."""

import csv
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

import disvae
from disvae.cli import main
from disvae.data.batches import epoch_order
from disvae.data.prepare import load_dataset
from disvae.devices.fabric import make_fabric
from disvae.errors import UserError
from disvae.objectives import OBJECTIVES, PlainVAE
from disvae.options import resolve
from disvae.training.epoch_terms import EpochTerms
from disvae.training.learners import make_learners
from disvae.training.loop import Schedule, _share, train_epochs
from tests.conftest import N_DIGITS

LOSSES = tuple(OBJECTIVES)
pytestmark = pytest.mark.usefixtures("small_networks")


@pytest.fixture
def train(data_dir, tmp_path):
    def run(name="run", **options):
        small = {"epochs": 1, "batch_size": 16, "latent_dim": 3, "device": "cpu", "no_test": True}
        places = {"results_dir": tmp_path / "results", "data_dir": data_dir}
        return disvae.train(name, **{**small, **places, **options})

    return run


def data_for(loss):
    """A dataset that has what the loss needs, and as many latents as it has factors."""
    needs_factors = OBJECTIVES[loss].needs_factors
    return {"dataset": "dsprites", "latent_dim": 5} if needs_factors else {"dataset": "mnist"}


@pytest.mark.parametrize("loss", LOSSES)
def test_two_runs_with_one_seed_are_identical_bit_for_bit(train, loss):
    chosen = {"loss": loss, "epochs": 2, "max_steps": 10, **data_for(loss)}
    first, second = (train(name, **chosen) for name in ("first", "second"))
    weights = second.model.state_dict()
    for name, value in first.model.state_dict().items():
        assert torch.equal(value, weights[name])
    logs = [(run.path / "train_losses.log").read_bytes() for run in (first, second)]
    assert logs[0] == logs[1]
    other = train("other", **chosen, seed=5)
    assert not torch.equal(other.model.decoder[0].weight, weights["decoder.0.weight"])


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns(train, loss):
    # 7 steps an epoch; the blobs are easy
    weights = {"betaB_G": 10, "betaB_finC": 5, "infovae_L": 10, "hfs_G": 1, "hfstc_W": 1}
    run = train(loss=loss, epochs=4, lr=2e-2, **data_for(loss), **weights)
    recon = run.losses["recon_loss"]
    assert np.isfinite(recon).all()
    assert recon[-1] < 0.7 * recon[0]


def test_the_log_is_the_mean_over_all_steps(data_dir):
    """Against a plain loop with its own optimiser, on the same batches."""
    options = resolve({"loss": "betaH", "batch_size": 16, "latent_dim": 3, "device": "cpu"})
    dataset = load_dataset("mnist", data_dir)

    torch.manual_seed(0)
    fabric = make_fabric(options)
    objective = options.objective
    ours = disvae.VAE(dataset.image_shape, 3)
    learners = make_learners(fabric, ours, objective, options.lr)
    vae = disvae.VAE(dataset.image_shape, 3)
    vae.load_state_dict(learners.vae.module.state_dict())

    torch.manual_seed(1)
    schedule = Schedule(epochs=1, images_per_step=16, max_steps=None, seed=7)
    (epoch,) = train_epochs(fabric, learners, objective, dataset, schedule, progress_bar=False)

    torch.manual_seed(1)
    optimiser = torch.optim.Adam(vae.parameters(), lr=options.lr)
    order, seen = epoch_order(N_DIGITS, 7, 0), []
    for start in range(0, N_DIGITS, 16):
        images = dataset.images(order[start : start + 16]).float() / 255
        posterior = vae.encode(images)
        logits = vae.decoder(posterior.sample())
        recon = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, images, reduction="sum"
        ) / len(images)
        kl = 0.5 * (posterior.logvar.exp() + posterior.mean**2 - 1 - posterior.logvar)
        kl = kl.mean(0).sum()
        optimiser.zero_grad()
        (recon + 4 * kl).backward()
        optimiser.step()
        seen.append((recon.item(), kl.item()))
    assert len(seen) == 7  # the last batch has 4 images
    assert epoch.position.step == 7
    # Adam turns roundings of tiny gradients into whole steps: the paths part slowly
    recon, kl = np.mean(seen, axis=0)
    assert epoch.terms["recon_loss"] == pytest.approx(recon, rel=1e-3)
    assert epoch.terms["kl_loss"] == pytest.approx(kl, rel=1e-2)
    assert abs(seen[-1][0] - recon) > 1e-2 * recon  # a log of the last step would differ


def test_the_log_file_has_one_row_a_term_and_epoch(trained):
    with (trained.path / "train_losses.log").open() as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["Epoch", "Loss", "Value"]
    terms = ["loss", "recon_loss", "mi_loss", "tc_loss", "dw_kl_loss", "kl_loss"]
    terms += [f"kl_loss_{j}" for j in range(4)]
    assert [row[:2] for row in rows[1:]] == [[e, term] for e in "01" for term in terms]


def test_max_steps_stops_inside_an_epoch(train):
    run = train(epochs=5, max_steps=9)  # 7 steps an epoch
    assert len(run.losses["loss"]) == 2
    assert run.specs["max_steps"] == 9


def test_factor_vae_takes_two_batches_a_step_and_says_so(train, monkeypatch):
    sizes = []
    step = disvae.objectives.FactorVAE.step

    def spy(self, vae, images, number):
        sizes.append(len(images))
        return step(self, vae, images, number)

    monkeypatch.setattr(disvae.objectives.FactorVAE, "step", spy)
    run = train(loss="factor", epochs=2)
    assert sizes == [32, 32, 32, 4] * 4
    assert (run.specs["batch_size"], run.specs["epochs"]) == (16, 2)
    assert run.specs["used"]["batch_size"] == 32
    assert run.specs["used"]["epochs"] == 4
    assert {"tc_loss", "discrim_loss"} <= set(run.losses)


def test_a_last_batch_of_one_image_is_left_out(train, monkeypatch):
    sizes = []
    step = PlainVAE.step
    monkeypatch.setattr(
        PlainVAE, "step", lambda self, vae, x, n: sizes.append(len(x)) or step(self, vae, x, n)
    )
    train(loss="VAE", batch_size=33)
    assert sizes == [33, 33, 33]  # 100 images


def test_a_loss_that_is_not_finite_stops_with_step_and_terms(train, tmp_path):
    with pytest.raises(UserError) as fault:
        train(loss="VAE", lr=1.0, rec_dist="gaussian", epochs=20)
    said, (terms,) = str(fault.value), fault.value.__notes__
    assert said.startswith("Training stopped at step ")
    assert "\n" not in said + terms
    assert "recon_loss" in terms
    assert "kl_loss_2" in terms
    assert not (tmp_path / "results/run/model.pt").exists()


def test_the_console_says_it_in_two_lines_and_no_latent_elsewhere(
    data_dir, tmp_path, capsys, caplog
):
    words = ["train", "x", "-d", "mnist", "-l", "VAE", "--lr", "1", "-e", "20", "-b", "16",
             "-r", "gaussian", "-z", "3", "--device", "cpu", "--no-test",
             "--results-dir", str(tmp_path), "--data-dir", str(data_dir)]  # fmt: skip
    assert main(words) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-2].startswith("disvae: Training stopped at step ")
    assert said[-1].startswith("The terms there: loss ")
    words[7], words[words.index("--no-test")] = "1e-4", "--no-progress-bar"
    words[9] = "1"
    with caplog.at_level("INFO", "disvae"):
        assert main(words) == 0
    assert "Test: loss " in caplog.text
    assert "kl_loss_0" not in caplog.text


def test_the_first_bad_step_is_named():
    terms = EpochTerms(first_step=101)
    values = [1.0] * 60
    values[57] = math.inf
    with pytest.raises(UserError, match="stopped at step 158, where loss is not finite"):
        for value in values:
            terms.add({"loss": torch.tensor(value), "recon_loss": torch.tensor(1.0)})
        terms.means(Fabric(accelerator="cpu", devices=1))


def test_seed_none_differs_between_runs_and_is_recorded(train):
    first, second = (train(name, seed=None, max_steps=1) for name in "ab")
    assert first.specs["seed"] is None
    assert first.specs["used"]["seed"] != second.specs["used"]["seed"]


@pytest.mark.parametrize("precision", ["bf16-mixed"])
def test_mixed_precision_trains(train, precision):
    run = train(precision=precision, epochs=2, lr=2e-2, loss="VAE")
    recon = run.losses["recon_loss"]
    assert recon[-1] < recon[0]
    assert run.model.decoder[0].weight.dtype == torch.float32


@pytest.mark.parametrize(("size", "group"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 2)])
def test_devices_share_an_epoch_and_keep_groups_together(data_dir, size, group):
    class Grouped(PlainVAE):
        pass

    Grouped.group = group
    schedule = Schedule(epochs=1, images_per_step=size * group * 2, max_steps=None, seed=3)
    dataset = load_dataset("mnist", data_dir)
    shares = [
        _share(SimpleNamespace(world_size=size, global_rank=rank), schedule, Grouped(), dataset, 0)
        for rank in range(size)
    ]
    orders, batch_sizes = zip(*shares, strict=True)
    assert set(batch_sizes) == {2 * group}
    assert len({len(order) for order in orders}) == 1
    taken = np.concatenate(orders)
    assert len(set(taken.tolist())) == len(taken) >= N_DIGITS - size * group - 2 * group
    # images that stand side by side in the epoch's order do so on one device
    place = {image: number for number, image in enumerate(epoch_order(N_DIGITS, 3, 0).tolist())}
    for order in orders:
        places = np.array([place[image] for image in order.tolist()]).reshape(-1, group)
        assert (places % group == np.arange(group)).all()
        assert (np.diff(places, axis=1) == 1).all()
