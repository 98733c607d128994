"""Learning rates by the step: against PyTorch's schedulers, and as training uses them."""

from types import SimpleNamespace

import pytest
import torch

import disvae
from disvae.storage.tensors import read_tensors
from disvae.training.rates import rate_by_step
from tests.training.test_extending import options  # noqa: F401

pytestmark = pytest.mark.usefixtures("small_networks")


def shares(schedule, warmup, last):
    rate = rate_by_step(SimpleNamespace(lr_schedule=schedule, lr_warmup=warmup), last)
    return [rate(step) for step in range(1, last + 1)]


def of_pytorch(make, steps):
    """What a scheduler of PyTorch makes of a rate of 1, step by step."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, found = make(optimiser), []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("warmup", [0, 1, 7])
def test_a_cosine_is_that_of_pytorch_after_the_warm_up(warmup):
    after = of_pytorch(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 50), 50)
    found = shares("cosine", warmup, warmup + 50)
    assert found[warmup:] == pytest.approx(after)
    assert found[:warmup] == pytest.approx([(k + 1) / warmup for k in range(warmup)])


def test_a_warm_up_is_that_of_pytorch():
    def make(optimiser):
        return torch.optim.lr_scheduler.LinearLR(optimiser, start_factor=1 / 8, total_iters=7)

    assert shares("constant", 8, 20) == pytest.approx(of_pytorch(make, 20))


def test_constant_rates_are_left_alone():
    assert rate_by_step(SimpleNamespace(lr_schedule="constant", lr_warmup=0), 10) is None


def test_the_first_step_of_a_warm_up_is_a_step_of_a_part_of_the_rate(options):  # noqa: F811
    """Of FactorVAE's discriminator too; powers of two, which are exact."""
    options = {**options, "loss": "factor", "max_steps": 1, "no_test": True}
    slow = disvae.train("slow", **options, lr=2**-13, lr_disc=2**-15)
    warm = disvae.train("warm", **options, lr=2**-10, lr_disc=2**-12, lr_warmup=8)
    full = disvae.train("full", **options, lr=2**-10, lr_disc=2**-12)
    weights = [read_tensors(run.end)["modules"] for run in (slow, warm, full)]
    for module in range(2):
        for name, value in weights[0][module].items():
            assert torch.equal(value, weights[1][module][name])
            assert not torch.equal(value, weights[2][module][name]) or not value.any()


def test_a_cosine_ends_where_training_does(options, monkeypatch):  # noqa: F811
    rates = []
    real = disvae.training.learners.Learners.set_rates

    def spy(self, share):
        real(self, share)
        rates.append(self.optimisers[0].param_groups[0]["lr"])

    monkeypatch.setattr("disvae.training.learners.Learners.set_rates", spy)
    disvae.train("run", **options, lr=1e-3, lr_schedule="cosine", lr_warmup=2, no_test=True)
    expected = shares("cosine", 2, 14)
    assert rates == pytest.approx([1e-3 * share for share in expected])
    rates.clear()
    disvae.train("cut", **options, lr_schedule="cosine", max_steps=9, no_test=True)
    assert len(rates) == 9
    assert rates[-1] < 0.05 * rates[0]
