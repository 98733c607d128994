"""InfoM, InfoC and InfoE (Hsu et al.)."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import Field

from disvae.metrics.arrays import CodeArray, FactorArray, checked, standardised, varies
from disvae.metrics.estimators.binned import count_entropy
from disvae.metrics.estimators.classifier import without_convergence_warnings
from disvae.metrics.estimators.neighbours import neighbour_information
from disvae.metrics.estimators.sampling import Estimate, averaged
from disvae.metrics.estimators.threads import costly_first, in_threads
from disvae.metrics.score import declare
from disvae.metrics.settings import Draws, GroupSize, Repeats, Seed


class InfoMEC(NamedTuple):
    """Modularity, compactness and explicitness in terms of information, each in [0, 1].

    Whether each active code informs of one factor, whether each factor is known by one active
    code, and the share of a factor's entropy that a linear probe predicts; I(v_k; z_j) / H(v_k),
    mean over repeats, 0 for constant codes; and which codes are active.
    """

    infom: Estimate
    infoc: Estimate
    infoe: Estimate
    information: Float[np.ndarray, "K D"]
    active: Bool[np.ndarray, " D"]


@declare(
    "infomec",
    "Hsu et al. 2023",
    formula="mean_j (max_k R_jk / sum_k R_jk - 1/K) / (1 - 1/K), R_jk = I(z_j; v_k) / H(v_k)",
)
def infomec(
    codes: CodeArray,
    factors: FactorArray,
    *,
    neighbours: Annotated[GroupSize, "Of the estimator of mutual information."] = 10,
    active_range: Annotated[
        float, Field(ge=0), "A code is active if its range exceeds this share of the widest range."
    ] = 0.05,
    num_points: Annotated[
        Draws | None,
        "Images drawn, without replacement, since equal points mislead the estimator; all images "
        "if there are fewer, or with None.",
    ] = 10_000,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> InfoMEC:
    """Modularity, compactness, explicitness as shares of information, active codes only.

    With R_kj = I(v_k; z_j) / H(v_k), estimated from nearest neighbours, over active codes:
    InfoM is the mean over codes of max_k R / sum_k R, InfoC the mean over factors of
    max_j R / sum_j R, each moved and scaled so that an even spread is 0. InfoE is the share by
    which a logistic regression without penalty lowers the log loss of predicting the factor.

    Source: Hsu et al., "Disentanglement via Latent Quantization", 2023, section 4. The estimator
    can exceed H(v_k), above all for few or repeated points; the scores use ratios only.

    Returns
    -------
    InfoMEC
        Scores in [0, 1]. Dead codes are not active and left out. An active code without
        information counts as spread evenly (0 in InfoM), and so does a factor that no code
        knows (0 in InfoC); the reference implementation gives NaN there. With one factor InfoM
        is 1, with one active code InfoC is 1, if there is any information; with no active code
        all are 0.
    """
    table, labels = checked(codes, factors)
    size = len(table) if num_points is None else min(num_points, len(table))
    ranges = np.ptp(table, axis=0)
    active = ranges > active_range * ranges.max()

    def once(rng: np.random.Generator) -> tuple[float | Float[np.ndarray, "K D"], ...]:
        rows = np.arange(len(table))
        if size < len(table):
            rows = rng.choice(len(table), size, replace=False, shuffle=False)
        scaled, drawn = standardised(table[rows]), labels[rows]
        cells = _neighbour_information(scaled, drawn, neighbours, rng)
        factors = costly_first(drawn) if active.any() else []
        probes = [partial(_predicted_share, scaled, drawn[:, k]) for k in factors]
        with without_convergence_warnings():
            found = in_threads(lambda task: task(), [(task,) for task in probes + cells])
        infoe = float(np.mean(found[: len(probes)])) if probes else 0.0
        information = np.reshape(found[len(probes) :], (labels.shape[1], table.shape[1]))
        known = information[:, active]
        return concentration(known), concentration(known.T), infoe, information

    infom, infoc, infoe, information = averaged(once, seed, repeats)
    return InfoMEC(infom, infoc, infoe, information, active)


def concentration(table: Float[np.ndarray, "rows columns"]) -> float:
    """Mean over columns of largest over sum, scaled so that an even spread is 0.

    A column of zeros counts as an even spread; with one row any other column counts 1.
    """
    n_rows, n_columns = table.shape
    if n_rows == 0 or n_columns == 0:
        return 0.0
    total = table.sum(axis=0)
    if n_rows == 1:
        return float((total > 0).mean())
    shares = np.full(n_columns, 1 / n_rows)
    np.divide(table.max(axis=0), total, out=shares, where=total > 0)
    return float((shares.mean() - 1 / n_rows) / (1 - 1 / n_rows))


def _neighbour_information(
    codes: Float[np.ndarray, "N D"],
    factors: Int[np.ndarray, "N K"],
    neighbours: int,
    rng: np.random.Generator,
) -> list[Callable[[], float]]:
    """Tasks of the normalised information of each factor and code; 0 for constant codes."""
    n_codes, n_factors = codes.shape[1], factors.shape[1]
    entropy = [count_entropy(column) for column in factors.T]
    alive = varies(codes)
    columns, labels = np.ascontiguousarray(codes.T), np.ascontiguousarray(factors.T)
    seeds: list[list[int]] = rng.integers(2**31, size=(n_factors, n_codes)).tolist()

    def cell(k: int, j: int) -> float:
        # Where no two images share a value there are no neighbours to measure with.
        if not alive[j] or entropy[k] == 0 or np.bincount(factors[:, k]).max() < 2:
            return 0.0
        return neighbour_information(columns[j], labels[k], neighbours, seeds[k][j]) / entropy[k]

    return [partial(cell, k, j) for k in range(n_factors) for j in range(n_codes)]


def _predicted_share(codes: Float[np.ndarray, "N D"], values: Int[np.ndarray, " N"]) -> float:
    """Share of a factor's log loss that codes save a logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    if values.min() == values.max():
        return 0.0
    model = LogisticRegression(C=np.inf, class_weight="balanced").fit(codes, values)
    loss = log_loss(values, model.predict_proba(codes), labels=model.classes_)
    # without codes all values are as likely, since they weigh the same
    return min(max(1 - float(loss / np.log(len(model.classes_))), 0.0), 1.0)
