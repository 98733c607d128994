"""Every score once: its name, function, needs, one line about it, and its paper."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from disvae.errors import UserError
from disvae.metrics.scores.dci import dci
from disvae.metrics.scores.dependence import (
    code_information,
    total_correlation,
    wasserstein_dependence,
)
from disvae.metrics.scores.gap import aam, mig
from disvae.metrics.scores.histogram import binned_mig, dcimig, jemmig, mig_sup
from disvae.metrics.scores.infomec import infomec
from disvae.metrics.scores.intervention import beta_vae_score, factor_vae_score
from disvae.metrics.scores.irs import irs
from disvae.metrics.scores.modularity import modularity_explicitness
from disvae.metrics.scores.sap import sap
from disvae.metrics.scores.udr import udr

Need = Literal["logvar", "factors", "runs"]


@dataclass(frozen=True)
class Score:
    """One score.

    Attributes
    ----------
    name
        What users call it, and its key in results.
    function
        Computes it from arrays: (mean, logvar, factors) if it needs logvar, else
        (codes, factors) or (codes), then keyword settings.
    needs
        What it reads beyond the codes: "logvar", "factors", "runs" (codes of several runs).
    explanation
        One line.
    paper
        Author and year.
    """

    name: str
    function: Callable[..., Any]
    needs: frozenset[Need]
    explanation: str
    paper: str


def _score(
    name: str, function: Callable[..., Any], needs: str, explanation: str, paper: str
) -> tuple[str, Score]:
    wanted: frozenset[Any] = frozenset(needs.split())
    return name, Score(name, function, wanted, explanation, paper)


SCORES: dict[str, Score] = dict(
    [
        _score(
            "mig",
            mig,
            "logvar factors",
            "Gap between a factor's two most informative codes, exact, over its entropy.",
            "Chen et al. 2018",
        ),
        _score(
            "aam",
            aam,
            "logvar factors",
            "How far a factor's best code outweighs all other codes together, exact.",
            "Dubois et al. 2019",
        ),
        _score(
            "binned_mig",
            binned_mig,
            "factors",
            "MIG of the posterior means cut into 20 bins, as most published tables have it.",
            "Chen et al. 2018; Locatello et al. 2019",
        ),
        _score(
            "beta_vae",
            beta_vae_score,
            "factors",
            "Accuracy of a linear classifier of the factor that pairs of images share.",
            "Higgins et al. 2017",
        ),
        _score(
            "factor_vae",
            factor_vae_score,
            "factors",
            "Accuracy of a majority vote on the code that varies least when a factor is fixed.",
            "Kim and Mnih 2018",
        ),
        _score(
            "dci",
            dci,
            "factors",
            "Disentanglement, completeness, informativeness from importances of boosted trees.",
            "Eastwood and Williams 2018",
        ),
        _score(
            "sap",
            sap,
            "factors",
            "Gap between the two codes that alone predict a factor best.",
            "Kumar et al. 2018",
        ),
        _score(
            "modularity_explicitness",
            modularity_explicitness,
            "factors",
            "Whether a code informs of one factor only; area under a linear probe's ROC curve.",
            "Ridgeway and Mozer 2018",
        ),
        _score(
            "irs",
            irs,
            "factors",
            "How still a code stays while all factors but one change.",
            "Suter et al. 2019",
        ),
        _score(
            "infomec",
            infomec,
            "factors",
            "Modularity, compactness, explicitness as shares of information, active codes only.",
            "Hsu et al. 2023",
        ),
        _score(
            "mig_sup",
            mig_sup,
            "factors",
            "Gap between a code's two best factors, mean over codes.",
            "Li et al. 2020",
        ),
        _score(
            "jemmig",
            jemmig,
            "factors",
            "Joint entropy of a factor and its best code minus the gap, scaled so that 1 is best.",
            "Do and Tran 2020",
        ),
        _score(
            "dcimig",
            dcimig,
            "factors",
            "Gap of the strongest code that stands for each factor, over the factors' entropy.",
            "Sepliarskaia et al. 2019",
        ),
        _score(
            "total_correlation",
            total_correlation,
            "",
            "Total correlation of the codes' Gaussian fit, in nats; 0 is best.",
            "Locatello et al. 2019",
        ),
        _score(
            "wasserstein_dependence",
            wasserstein_dependence,
            "",
            "Distance of the codes' Gaussian fit from its independent version; 0 is best.",
            "Xiao and Wang 2019; Locatello et al. 2019",
        ),
        _score(
            "code_information",
            code_information,
            "",
            "Binned mutual information between two codes, mean over pairs, in nats; 0 is best.",
            "Locatello et al. 2019",
        ),
        _score(
            "udr",
            udr,
            "runs",
            "Agreement of several runs' codes up to order and sign; needs no factors.",
            "Duan et al. 2020",
        ),
    ]
)


def find(name: str) -> Score:
    """Return a score by name.

    Raises
    ------
    UserError
        Unknown name; lists the known ones.
    """
    if name not in SCORES:
        raise UserError(f"There is no score {name!r}; the scores are {', '.join(SCORES)}.")
    return SCORES[name]
