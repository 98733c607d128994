"""The factorised support's distance against hand-made points and a plain triple loop."""

import pytest
import torch

from disvae.objectives import HFS, HFSTC, TCVAE, BetaVAE, Moment, support
from disvae.objectives.support import support_distances
from disvae.posterior import Posterior, VAEOutput

ONE_PAIR = torch.tensor([[0, 1]])


def distance(points):
    return support_distances(torch.as_tensor(points, dtype=torch.float64), ONE_PAIR).item()


def all_pairs(dims):
    return torch.combinations(torch.arange(dims))


@pytest.mark.parametrize(
    ("points", "value"),
    [
        ([(0, 0), (1, 1)], 1),
        ([(0, 0), (0.5, 0.5), (1, 1)], 0.5),
        ([(x, y) for x in range(3) for y in range(3)], 0),
        ([(3, -2)], 0),
    ],
)
def test_points_whose_distance_is_known(points, value):
    assert distance(points) == value


def test_a_dense_diagonal_is_half_away():
    line = torch.linspace(0, 1, 201, dtype=torch.float64)
    assert distance(torch.stack([line, line], 1)) == pytest.approx(0.5, abs=1e-12)


def test_it_is_what_a_plain_triple_loop_finds(monkeypatch):
    monkeypatch.setattr(support, "_AT_ONCE", 500)  # in several parts
    torch.manual_seed(0)
    codes = torch.randn(12, 4)
    for (i, j), found in zip(
        all_pairs(4).tolist(), support_distances(codes, all_pairs(4)), strict=True
    ):
        exact = max(
            min((codes[a, i] - c[i]) ** 2 + (codes[b, j] - c[j]) ** 2 for c in codes)
            for a in range(12) for b in range(12)
        )  # fmt: skip
        torch.testing.assert_close(found, exact)


def test_its_gradient_is_that_of_the_maximum_of_minima():
    torch.manual_seed(0)
    codes = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)

    def total(values):
        return support_distances(values, all_pairs(3)).sum()

    assert torch.autograd.gradcheck(total, (codes,))


def test_scale_and_order_of_the_batch():
    torch.manual_seed(0)
    codes = torch.randn(32, 5, dtype=torch.float64)
    here = support_distances(codes, all_pairs(5))
    torch.testing.assert_close(support_distances(3 * codes, all_pairs(5)), 9 * here)
    assert torch.equal(support_distances(codes[torch.randperm(32)], all_pairs(5)), here)
    alone = torch.stack([column[torch.randperm(32)] for column in codes.T], 1)
    assert not torch.allclose(support_distances(alone, all_pairs(5)), here)


def test_codes_of_known_distributions_have_the_known_values():
    torch.manual_seed(0)
    normal = torch.stack([support_distances(torch.randn(64, 10), all_pairs(10)) for _ in range(60)])
    # the spread of its mean over 45 pairs of one batch is below 0.59, that of one pair
    assert abs(normal.mean() - 3.18) < 0.15
    uniform = torch.stack(
        [support_distances(2 * torch.rand(64, 10) - 1, all_pairs(10)) for _ in range(60)]
    )
    assert abs(uniform.mean() - 0.180) < 0.01


@pytest.fixture
def output():
    torch.manual_seed(0)
    posterior = Posterior(torch.randn(16, 4), torch.randn(16, 4) - 1)
    return VAEOutput(torch.randn(16, 1, 4, 4), posterior, posterior.sample())


@pytest.mark.parametrize(
    ("objective", "base"),
    [(HFS(B=2, G=3), BetaVAE(B=2)), (HFSTC(A=-1, B=4, W=3), TCVAE(A=-1, B=4))],
)
def test_it_is_added_to_the_objective_below(output, objective, base):
    images, at = torch.rand(16, 1, 4, 4), Moment(100, progress=0.5, step=1)
    found, below = objective.terms(output, images, at), base.terms(output, images, at)
    exact = support_distances(output.posterior.mean, all_pairs(4)).sum()  # 6 pairs: all are drawn
    torch.testing.assert_close(found["hfs_loss"], exact)
    torch.testing.assert_close(found["loss"], below["loss"] + 0.5 * 3 * exact)


def test_training_draws_pairs_and_evaluation_scales_all_to_as_many(output):
    images, objective = torch.rand(16, 1, 4, 4), HFS(pairs=2)
    exact = support_distances(output.posterior.mean, all_pairs(4))
    evaluated = objective.terms(output, images, Moment(100))["hfs_loss"]
    torch.testing.assert_close(evaluated, exact.sum() * 2 / 6)
    drawn = {
        objective.terms(output, images, Moment(100, step=1))["hfs_loss"].item() for _ in range(50)
    }
    sums = {(exact[a] + exact[b]).item() for a in range(6) for b in range(a)}
    assert len(drawn) > 5
    assert all(min(abs(each - known) for known in sums) < 1e-5 for each in drawn)
