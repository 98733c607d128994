"""ControlVAE's controller: its first steps by hand, its limits, and a closed loop."""

import itertools
import math

import pytest
import torch

from disvae.errors import UserError
from disvae.models.vae import VAE
from disvae.objectives import ControlVAE, Moment
from disvae.options import resolve


def after(objective, kls, set_point):
    """The weights that the controller sets, one a step."""
    state = objective.start_state()
    weights = []
    for kl in kls:
        objective.control(state, torch.tensor(float(kl)), set_point)
        weights.append(state["beta"].item())
    return weights


def test_the_first_steps_are_those_computed_by_hand():
    assert after(ControlVAE(), [10], 0)[0] == pytest.approx(1.0199995, abs=1e-7)
    assert after(ControlVAE(), [18], 18)[0] == pytest.approx(1.005)


def test_a_kl_above_the_set_point_raises_the_weight_by_the_gain_each_step():
    weights = after(ControlVAE(), [58] * 20, 18)
    for before, now in itertools.pairwise(weights):
        assert now - before == pytest.approx(0.001 * 40, abs=1e-5)


def test_it_comes_free_after_a_step_with_a_small_kl():
    # there the published law stays at 1 for ever: its integral is frozen below zero
    weights = after(ControlVAE(), [0] + [118] * 10, 18)
    assert weights[0] == pytest.approx(1, abs=1e-6)
    assert weights[-1] > 1.5


def test_the_weight_stays_within_its_limits_and_comes_back():
    objective = ControlVAE(max=3)
    weights = after(objective, [1e6] * 3 + [17] * 2100, 18)
    assert weights[0] == weights[2] == 3
    assert weights[-1] < 1.01


def test_a_kl_that_is_no_number_is_skipped():
    assert (
        after(ControlVAE(), [20, math.nan, math.inf], 18)[1:] == after(ControlVAE(), [20], 18) * 2
    )


def test_a_closed_loop_converges_to_the_set_point():
    objective, state, kl = ControlVAE(), None, 60.0
    state = objective.start_state()
    for _ in range(20_000):
        objective.control(state, torch.tensor(kl), 18.0)
        kl = 60.0 / state["beta"].item()
    assert abs(kl - 18) < 0.05


def test_a_step_minimises_with_the_weight_that_it_reports():
    torch.manual_seed(0)
    objective, vae = ControlVAE(initC=0, finC=5, reg_anneal=4), VAE((1, 32, 32), 3)
    state = objective.start_state()
    losses, terms = objective.step(vae, torch.rand(4, 1, 32, 32), objective.at(1, 4, state=state))
    exact = terms["recon_loss"] + terms["kl_weight"] * terms["kl_loss"]
    torch.testing.assert_close(losses[0].loss, exact)
    error = terms["kl_loss"] - 5 / 4  # a quarter of the way to 5 nats
    wanted = 1 + 0.01 * torch.sigmoid(error) + (0.001 * error).clamp_min(0)
    torch.testing.assert_close(terms["kl_weight"], wanted.detach())


def test_without_the_weight_evaluation_leaves_out_what_needs_it():
    vae = VAE((1, 32, 32), 3).eval()
    assert "loss" not in ControlVAE().evaluate(vae, torch.rand(4, 1, 32, 32), Moment(4))


def test_limits_in_the_wrong_order_are_refused():
    with pytest.raises(UserError, match="control_min must be at most control_max"):
        resolve({"loss": "control", "control_min": 2, "control_max": 1})
