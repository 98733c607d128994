"""GVAE, ML-VAE and their adaptive forms: averages by hand, and who shares what."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

import disvae
from disvae.errors import UserError
from disvae.models.vae import VAE
from disvae.objectives import GVAE, MLVAE, AdaGVAE, AdaMLVAE, BetaVAE
from disvae.objectives.averages import (
    below_midpoint,
    mean_by_precision,
    mean_of_moments,
    symmetric_kl,
)
from disvae.options import resolve
from disvae.posterior import Posterior

WEAK = (GVAE, MLVAE, AdaGVAE, AdaMLVAE)


def pair(mean, variance):
    """One latent of one pair."""
    return torch.tensor(mean).view(1, 2, 1), torch.tensor(variance).log().view(1, 2, 1)


def test_averages_are_those_computed_by_hand():
    mean, logvar = mean_of_moments(*pair([0.0, 4.0], [1.0, 3.0]))
    torch.testing.assert_close((mean.item(), logvar.exp().item()), (2.0, 2.0))
    mean, logvar = mean_by_precision(*pair([0.0, 4.0], [1.0, 3.0]))
    torch.testing.assert_close((mean.item(), logvar.exp().item()), (1.0, 1.5))
    assert logvar.exp().item() / 2 == pytest.approx(1 * 3 / (1 + 3))  # of the product


def test_averages_of_extreme_variances_are_finite():
    logvar = torch.tensor([-200.0, 200.0]).view(1, 2, 1)
    for average in (mean_of_moments, mean_by_precision):
        assert all(part.isfinite().all() for part in average(torch.zeros(1, 2, 1), logvar))


def test_the_divergence_is_the_mean_of_both_directions():
    torch.manual_seed(0)
    mean, logvar = torch.randn(5, 2, 3), torch.randn(5, 2, 3)
    one, two = (Normal(mean[:, k], (0.5 * logvar[:, k]).exp()) for k in (0, 1))
    exact = (kl_divergence(one, two) + kl_divergence(two, one)) / 2
    torch.testing.assert_close(symmetric_kl(mean, logvar), exact)


def test_latents_below_half_way_are_shared():
    found = below_midpoint(torch.tensor([[0.0, 1, 10], [0, 5, 10], [2, 2, 2]]))
    assert found.tolist() == [[True, True, False], [True, False, False], [False] * 3]


def test_who_is_shared_does_not_depend_on_shift_and_scale():
    torch.manual_seed(0)
    differences = torch.rand(100, 10)
    assert torch.equal(below_midpoint(differences), below_midpoint(4 * differences + 8))


@pytest.mark.parametrize("kind", WEAK)
def test_a_pair_of_equal_images_is_beta_vae(kind):
    torch.manual_seed(0)
    vae, images = VAE((1, 32, 32), 3), torch.rand(4, 1, 32, 32).repeat_interleave(2, 0)
    factors = torch.arange(4).repeat_interleave(2).view(8, 1)
    terms = []
    for objective in (kind(B=3), BetaVAE(B=3)):
        torch.manual_seed(1)
        at = objective.at(1, 8)._replace(factors=factors)
        terms.append(objective.step(vae, images, at)[1])
    for name, value in terms[1].items():
        torch.testing.assert_close(terms[0][name], value)


@pytest.mark.parametrize(("kind", "average"), [(GVAE, 2.0), (MLVAE, 1.0)])
def test_known_factors_say_which_latents_are_averaged(kind, average):
    # one pair, of which the factor 1 of 2 differs; three latents
    mean = torch.tensor([[0.0, 0, 0], [4, 4, 4]])
    logvar = torch.tensor([[1.0] * 3, [3] * 3]).log()
    factors = torch.tensor([[5, 1], [5, 2]])
    found = kind().merged(Posterior(mean, logvar), factors)
    wanted = torch.tensor([[average, 0, average], [average, 4, average]])
    torch.testing.assert_close(found.mean, wanted)
    assert found.logvar[0, 1] == logvar[0, 1]
    assert found.logvar[1, 1] == logvar[1, 1]
    assert torch.equal(found.logvar[0, [0, 2]], found.logvar[1, [0, 2]])


@pytest.mark.parametrize(("kind", "average"), [(AdaGVAE, 2.0), (AdaMLVAE, 1.0)])
def test_the_most_different_latent_is_not_averaged(kind, average):
    mean = torch.tensor([[0.0, 0, 0], [4, 40, 4]])
    logvar = torch.tensor([[1.0] * 3, [3] * 3]).log()
    found = kind().merged(Posterior(mean, logvar), None)
    wanted = torch.tensor([[average, 0, average], [average, 40, average]])
    torch.testing.assert_close(found.mean, wanted)


def test_fewer_latents_than_factors_are_refused():
    with pytest.raises(UserError, match="raise --latent-dim"):
        GVAE().merged(Posterior(torch.zeros(2, 2), torch.zeros(2, 2)), torch.zeros(2, 3).long())


def test_half_a_pair_is_refused_before_anything_is_prepared():
    with pytest.raises(UserError) as fault:
        resolve({"loss": "adagvae", "batch_size": 65})
    assert str(fault.value) == (
        "the loss adagvae takes images in groups of 2, so batch_size must be a multiple of 2, "
        "but it is 65."
    )


def test_a_dataset_without_factors_is_refused_before_it_is_downloaded(tmp_path):
    with pytest.raises(UserError, match="The loss adagvae reads the factors"):
        disvae.train("x", loss="adagvae", dataset="celeba", results_dir=tmp_path, data_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_family_has_one_option_of_how_pairs_differ():
    options = resolve({"loss": "mlvae", "pairs": "locatello", "mlvae_B": 2})
    assert options.objective == MLVAE(B=2, pairs="locatello")
    assert "pairs" not in options.of_other_losses()
    assert "pairs" in resolve({"loss": "betaH"}).of_other_losses()
