"""Disentanglement scores on plain arrays, NumPy's or torch's on any device.

`evaluate(Codes(mean, logvar, factors), names)` computes any of `SCORES` at once; every score is
also a function of its own. All entropies and information are in nats.
"""

from disvae.metrics._arrays import ArrayLike
from disvae.metrics._codes import Codes, read_codes
from disvae.metrics._dci import DCI, dci, disentanglement_and_completeness
from disvae.metrics._dependence import (
    WassersteinDependence,
    code_information,
    total_correlation,
    wasserstein_dependence,
)
from disvae.metrics._encode import encode, provided
from disvae.metrics._evaluate import evaluate
from disvae.metrics._gap import (
    Entropies,
    aam,
    axis_alignments,
    entropies,
    information_gaps,
    mig,
    mutual_information,
)
from disvae.metrics._histogram import Jemmig, binned_mig, dcimig, jemmig, mig_sup
from disvae.metrics._infomec import InfoMEC, infomec
from disvae.metrics._intervention import (
    Accuracy,
    FactorVAEScore,
    beta_vae_score,
    factor_vae_score,
)
from disvae.metrics._irs import IRS, irs
from disvae.metrics._modularity import ModularityExplicitness, modularity, modularity_explicitness
from disvae.metrics._plan import Settings, default_settings, plan
from disvae.metrics._registry import SCORES, Score
from disvae.metrics._sampling import Estimate
from disvae.metrics._sap import SAP, sap
from disvae.metrics._udr import UDR, udr

__all__ = [
    "DCI",
    "IRS",
    "SAP",
    "SCORES",
    "UDR",
    "Accuracy",
    "ArrayLike",
    "Codes",
    "Entropies",
    "Estimate",
    "FactorVAEScore",
    "InfoMEC",
    "Jemmig",
    "ModularityExplicitness",
    "Score",
    "Settings",
    "WassersteinDependence",
    "aam",
    "axis_alignments",
    "beta_vae_score",
    "binned_mig",
    "code_information",
    "dci",
    "dcimig",
    "default_settings",
    "disentanglement_and_completeness",
    "encode",
    "entropies",
    "evaluate",
    "factor_vae_score",
    "infomec",
    "information_gaps",
    "irs",
    "jemmig",
    "mig",
    "mig_sup",
    "modularity",
    "modularity_explicitness",
    "mutual_information",
    "plan",
    "provided",
    "read_codes",
    "sap",
    "total_correlation",
    "udr",
    "wasserstein_dependence",
]
