"""InfoVAE: the MMD against its closed form, and the weights against their special cases."""

import math

import pytest
import torch

from disvae.errors import UserError
from disvae.objectives import BetaVAE, InfoVAE, Moment
from disvae.objectives.discrepancy import squared_mmd
from disvae.options import resolve
from disvae.posterior import Posterior, VAEOutput

D = 10


def closed_form(shift, variance, dims=D, g=10.0):
    """MMD^2 of N(m, s^2 I), ||m|| = `shift`, and N(0, I) by a Gaussian kernel, from integrals."""
    cross = g + 1 + variance
    return (
        (g / (g + 2 * variance)) ** (dims / 2)
        + (g / (g + 2)) ** (dims / 2)
        - 2 * (g / cross) ** (dims / 2) * math.exp(-(shift**2) / (2 * cross))
    )


CASES = [(0, 0, 0.160035), (0, 0.25, 0.075546), (1, 1, 0.032802), (0, 1, 0.0)]


@pytest.mark.parametrize(("shift", "variance", "value"), CASES)
def test_the_gaussian_kernel_estimates_the_closed_form(shift, variance, value):
    assert abs(closed_form(shift, variance) - value) < 1e-6
    random = torch.Generator().manual_seed(0)

    def draw(n):
        return torch.randn(n, D, generator=random, dtype=torch.float64)

    estimates = []
    for _ in range(200):
        codes = variance**0.5 * draw(200)
        codes[:, 0] += shift
        estimates.append(squared_mmd(codes, draw(200), "rbf"))
    estimates = torch.stack(estimates)
    assert abs(estimates.mean() - value) < 4 * estimates.std() / 200**0.5
    if variance == 0.25:
        torch.testing.assert_close(estimates.std().item(), 0.0058, atol=0.001, rtol=0)


def test_a_collapsed_posterior_has_the_known_multiquadratic_discrepancy():
    torch.manual_seed(0)
    found = [squared_mmd(torch.zeros(200, D), torch.randn(200, D), "imq") for _ in range(20)]
    torch.testing.assert_close(torch.stack(found).mean(), torch.tensor(1.86), atol=0.02, rtol=0)


def test_equal_distributions_give_zero_in_the_mean_and_negative_values_too():
    torch.manual_seed(0)
    pairs = [(torch.randn(200, D), torch.randn(200, D)) for _ in range(400)]
    found = torch.stack([squared_mmd(*pair, "imq") for pair in pairs])
    assert abs(found.mean()) < 4 * found.std() / 20
    assert 0.004 < found.std() < 0.007
    assert (found < 0).float().mean() > 0.3


def test_one_sample_against_itself_is_negative_by_what_the_diagonal_adds():
    torch.manual_seed(0)
    codes = torch.randn(50, D, dtype=torch.float64)
    off = [
        torch.exp(-(codes[i] - codes[j]).square().sum() / (2 * D))
        for i in range(50) for j in range(50) if i != j
    ]  # fmt: skip
    exact = -2 / 50 * (1 - sum(off) / len(off))
    torch.testing.assert_close(squared_mmd(codes, codes, "rbf"), exact)


def test_a_gradient_exists_where_codes_coincide():
    codes = torch.zeros(4, 3, requires_grad=True)
    squared_mmd(codes, torch.randn(4, 3), "imq").backward()
    assert codes.grad.isfinite().all()


def test_without_weight_the_mmd_is_left_out_and_the_rest_is_beta_vae():
    torch.manual_seed(0)
    posterior = Posterior(torch.randn(8, 3), torch.randn(8, 3))
    images = torch.rand(8, 1, 4, 4)
    output = VAEOutput(torch.randn(8, 1, 4, 4), posterior, posterior.sample())
    for alpha in (0.5, -1.0):
        found = InfoVAE(A=alpha, L=1 - alpha).terms(output, images, Moment(8, step=1))
        exact = BetaVAE(B=1 - alpha).terms(output, images, Moment(8))
        torch.testing.assert_close(found["loss"], exact["loss"])
    full = InfoVAE(A=1, L=20).terms(output, images, Moment(8, step=1))
    torch.testing.assert_close(full["loss"], full["recon_loss"] + 20 * full["mmd_loss"])


def test_weights_that_repel_the_codes_are_refused_in_one_sentence():
    with pytest.raises(UserError) as fault:
        resolve({"loss": "infovae", "infovae_A": 0, "infovae_L": 0.001})
    assert str(fault.value) == (
        "infovae_A + infovae_L must be at least 1, but 0 + 0.001 is less: "
        "the codes would be pushed away from the prior."
    )
    assert resolve({"loss": "VAE", "infovae_L": 0.5}).infovae_L == 0.5  # of another loss
