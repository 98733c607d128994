"""Disentanglement scores on plain arrays, NumPy's or torch's on any device.

`evaluate(Codes(mean, logvar, factors), names)` computes any of `SCORES` at once; every score is
also a function of its own. All entropies and information are in nats.

Codes of any model: two that are the factors themselves, blurred a little.

>>> import numpy as np
>>> from disvae.metrics import Codes, evaluate
>>> factors = np.stack([np.repeat([0, 1, 2], 40), np.tile([0, 1], 60)], axis=1)
>>> mean, logvar = factors.astype(float), np.full(factors.shape, -6.0)
>>> scores = evaluate(Codes(mean, logvar, factors), ["mig", "sap"])
>>> round(scores["MIG"], 3)
1.0
>>> scores["sap"]["value"] > 0.3
True
"""

from disvae.metrics.arrays import ArrayLike
from disvae.metrics.codes import Codes, encode, provided, read_codes, write_codes
from disvae.metrics.estimators.information import Entropies, entropies
from disvae.metrics.estimators.sampling import Estimate
from disvae.metrics.registry import SCORES
from disvae.metrics.score import Matrix, Score, as_score, declare
from disvae.metrics.scores.dci import DCI, dci, disentanglement_and_completeness
from disvae.metrics.scores.dependence import (
    WassersteinDependence,
    code_information,
    total_correlation,
    wasserstein_dependence,
)
from disvae.metrics.scores.entanglement import Entanglement, pairwise_entanglement
from disvae.metrics.scores.gap import (
    aam,
    axis_alignments,
    binned_mig,
    information_gaps,
    mig,
    mutual_information,
)
from disvae.metrics.scores.histogram import Jemmig, dcimig, jemmig, mig_sup
from disvae.metrics.scores.infomec import InfoMEC, infomec
from disvae.metrics.scores.intervention import (
    Accuracy,
    FactorVAEScore,
    beta_vae_score,
    factor_vae_score,
)
from disvae.metrics.scores.irs import IRS, irs
from disvae.metrics.scores.modularity import (
    ModularityExplicitness,
    modularity,
    modularity_explicitness,
)
from disvae.metrics.scores.sap import SAP, sap
from disvae.metrics.scores.support import fos
from disvae.metrics.scores.udr import UDR, udr
from disvae.metrics.scoring import Settings, Wanted, default_settings, evaluate, plan

__all__ = [
    "DCI", "IRS", "SAP", "SCORES", "UDR", "Accuracy", "ArrayLike", "Codes", "Entanglement",
    "Entropies", "Estimate", "FactorVAEScore", "InfoMEC", "Jemmig", "Matrix",
    "ModularityExplicitness", "Score", "Settings", "Wanted", "WassersteinDependence", "aam",
    "as_score", "axis_alignments", "beta_vae_score", "binned_mig", "code_information", "dci",
    "dcimig", "declare", "default_settings", "disentanglement_and_completeness", "encode",
    "entropies", "evaluate", "factor_vae_score", "fos", "infomec", "information_gaps", "irs",
    "jemmig", "mig", "mig_sup", "modularity", "modularity_explicitness", "mutual_information",
    "pairwise_entanglement", "plan", "provided", "read_codes", "sap", "total_correlation",
    "udr", "wasserstein_dependence", "write_codes",
]  # fmt: skip
