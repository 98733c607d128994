"""The contract of objectives, for all of them and for some that break it."""

from typing import Annotated

import pytest
import torch

from disvae.objectives import OBJECTIVES, BetaVAE, Objective
from disvae.testing.objectives import check_objective
from disvae.types import Weight

pytestmark = pytest.mark.usefixtures("small_networks")


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_keeps_the_contract(name, tmp_path):
    check_objective(OBJECTIVES[name](reg_anneal=10), tmp_path)


@pytest.mark.parametrize("scale", ["optimal", "learned"])
def test_so_do_the_scale_that_finds_itself_and_annealing_in_cycles(scale, tmp_path):
    options = {"rec_dist": f"gaussian_{scale}", "reg_schedule": "cyclical", "reg_anneal": 3}
    check_objective(BetaVAE(**options), tmp_path)


def test_so_does_a_critic_beside_a_learned_scale(tmp_path):
    check_objective(OBJECTIVES["factor"](rec_dist="gaussian_learned"), tmp_path)


class Drifting(BetaVAE):
    """Keeps what changes in itself, where no checkpoint finds it."""

    def terms(self, output, images, at):
        kept.append(len(kept))
        terms = super().terms(output, images, at)
        return {**terms, "loss": terms["loss"] * (1 + len(kept))}


kept = []


class Infinite(BetaVAE):
    def terms(self, output, images, at):
        return {**super().terms(output, images, at), "extra_loss": torch.tensor(float("inf"))}


class Noisy(BetaVAE):
    def terms(self, output, images, at):
        terms = super().terms(output, images, at)
        return {**terms, "extra_loss": torch.rand(())}


class Deaf(BetaVAE):
    """Its loss does not depend on the decoder."""

    def terms(self, output, images, at):
        terms = super().terms(output, images, at)
        return {**terms, "loss": terms["kl_loss"]}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (Infinite, "extra_loss is no finite scalar"),
        (Noisy, "differ from call to call"),
        (Drifting, "differ"),
    ],
)
def test_what_breaks_the_contract_is_said(broken, said, tmp_path):
    with pytest.raises(AssertionError, match=said):
        check_objective(broken(), tmp_path)


class Counting(Objective):
    """Weighs the KL by how many steps there were, which it keeps as state."""

    rate: Annotated[Weight, "Growth of the weight of the KL a step."] = 0.1

    def start_state(self):
        return {"steps": torch.zeros(())}

    def terms(self, output, images, at):
        recon, kl = self.reconstruction(output, images, at), self.kl(output.posterior)
        weight = self.rate * at.state["steps"] if at.state else 1
        return {"loss": recon + weight * kl["kl_loss"], "recon_loss": recon, **kl}

    def step(self, vae, images, at):
        at.state["steps"] += 1
        return super().step(vae, images, at)


def test_state_is_kept_in_checkpoints(tmp_path):
    check_objective(Counting(), tmp_path)


class Pairs(Objective):
    """Averages the posteriors of pairs of neighbours on the grid of factors."""

    group = 2
    needs_factors = True

    def order(self, factors, n_images, seed, epoch):
        import numpy as np

        first = np.random.default_rng((seed, epoch)).permutation(n_images // 2)
        return np.stack([2 * first, 2 * first + 1], axis=1).ravel()

    def transform(self, posterior):
        mean = posterior.mean.view(-1, 2, posterior.mean.shape[1]).mean(1)
        return posterior._replace(mean=mean.repeat_interleave(2, 0))

    def terms(self, output, images, at):
        recon, kl = self.reconstruction(output, images, at), self.kl(output.posterior)
        if at.step:  # in training both of a pair have one mean
            assert torch.equal(output.posterior.mean[::2], output.posterior.mean[1::2])
        return {"loss": recon + kl["kl_loss"], "recon_loss": recon, **kl}


def test_images_that_belong_together_stay_together(tmp_path):
    check_objective(Pairs(), tmp_path)
