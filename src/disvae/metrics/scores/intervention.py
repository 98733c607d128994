"""Scores that hold one factor fixed: BetaVAE and FactorVAE."""

from typing import Annotated, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field

from disvae.metrics.arrays import CodeArray, FactorArray, checked
from disvae.metrics.estimators import classifier
from disvae.metrics.estimators.sampling import Estimate, SharedFactor, averaged, draw_rows
from disvae.metrics.score import declare
from disvae.metrics.settings import Draws, GroupSize, NumTest, NumTrain, Repeats, Seed


class Accuracy(NamedTuple):
    """Accuracy of a classifier on held-out draws (the score), and on those it was fitted to."""

    test: Estimate
    train: Estimate


class FactorVAEScore(NamedTuple):
    """Accuracy of the majority vote on held-out draws (the score), and on those that cast it.

    And the number of codes that were not pruned, mean over repeats.
    """

    test: Estimate
    train: Estimate
    active_codes: Estimate


@declare(
    "beta_vae",
    "Higgins et al. 2017",
    formula="P(guess = k), guess from mean |z - z'| over pairs with v_k = v'_k",
)
def beta_vae_score(
    codes: CodeArray,
    factors: FactorArray,
    *,
    pairs: Annotated[GroupSize, "Pairs of images per draw."] = 64,
    num_train: NumTrain = 10_000,
    num_test: NumTest = 5_000,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> Accuracy:
    """Accuracy of a linear classifier of the factor that pairs of images share.

    A draw picks a factor and pairs of images that agree in it; its features are the mean over
    the pairs of abs(z1 - z2). A logistic regression predicts the factor. Partners are drawn among
    the images with the same value, so factors need not fill a grid.

    Source: Higgins et al., "beta-VAE", 2017, section 3; classifier and settings of Locatello et al.
    2019, appendix B.

    Returns
    -------
    Accuracy
        `test` is the score, in [0, 1]; chance is 1 / K. A dead code is a feature of zeros and
        changes nothing. With one factor there is nothing to tell apart, and the score is 1.
    """
    table, labels = checked(codes, factors)
    shared = SharedFactor(labels)

    def features(
        rng: np.random.Generator, n_votes: int
    ) -> tuple[Float[np.ndarray, "votes D"], Int[np.ndarray, " votes"]]:
        parts, answers = [], []
        for factor, anchors in shared.votes(rng, n_votes, pairs):
            first = rng.integers(len(table), size=len(anchors) * pairs)
            second = shared.draw(rng, factor, first, 1)[:, 0]
            gaps = np.abs(table[first] - table[second])
            parts.append(gaps.reshape(len(anchors), pairs, -1).mean(axis=1))
            answers.append(np.full(len(anchors), factor))
        return np.concatenate(parts), np.concatenate(answers)

    def once(rng: np.random.Generator) -> tuple[float, float]:
        from sklearn.linear_model import LogisticRegression

        train, test = features(rng, num_train), features(rng, num_test)
        with classifier.without_convergence_warnings():
            model = classifier.fit_classifier(LogisticRegression(), *train)
        return classifier.accuracy(model, *test), classifier.accuracy(model, *train)

    return Accuracy(*averaged(once, seed, repeats))


@declare(
    "factor_vae",
    "Kim and Mnih 2018",
    formula="P(vote = k), each vote from argmin_j Var(z_j | v_k) / Var(z_j)",
)
def factor_vae_score(
    codes: CodeArray,
    factors: FactorArray,
    *,
    batch_size: Annotated[GroupSize, Field(ge=2), "Images per draw."] = 64,
    num_train: NumTrain = 10_000,
    num_test: NumTest = 5_000,
    num_variance: Annotated[Draws, "Images from which each code's variance is estimated."] = 10_000,
    prune_std: Annotated[float, "Codes with a smaller standard deviation are dead."] = 0.05,
    seed: Seed = 0,
    repeats: Repeats = 1,
) -> FactorVAEScore:
    """Accuracy of a majority vote on the code that varies least when a factor is fixed.

    A draw fixes one factor over a batch of images; the code with the smallest variance, each
    divided by its variance over the dataset, casts a vote for that factor. Every code then
    stands for the factor it got most votes from, and the score is how often that is right.

    Source: Kim and Mnih, "Disentangling by Factorising", 2018, section 4 and appendix B; settings
    of Locatello et al. 2019.

    Returns
    -------
    FactorVAEScore
        `test` is the score, in [0, 1]. Dead codes cannot vote; if all are dead the score is 0.
    """
    table, labels = checked(codes, factors)
    shared = SharedFactor(labels)

    def once(rng: np.random.Generator) -> tuple[float, float, float]:
        spread = table[draw_rows(rng, len(table), num_variance)].var(axis=0, ddof=1)
        active = np.flatnonzero((np.sqrt(spread) >= prune_std) & (spread > 0))
        if not len(active):
            return 0.0, 0.0, 0.0

        def votes(n_votes: int) -> Int[np.ndarray, "active K"]:
            counts = np.zeros((len(active), shared.n_factors), dtype=np.int64)
            for factor, anchors in shared.votes(rng, n_votes, batch_size):
                batch = table[shared.draw(rng, factor, anchors, batch_size)][..., active]
                steadiest = (batch.var(axis=1, ddof=1) / spread[active]).argmin(axis=1)
                counts[:, factor] += np.bincount(steadiest, minlength=len(active))
            return counts

        train, test = votes(num_train), votes(num_test)
        answer = train.argmax(axis=1)
        right = test[np.arange(len(active)), answer].sum() / num_test
        return float(right), float(train.max(axis=1).sum() / num_train), float(len(active))

    return FactorVAEScore(*averaged(once, seed, repeats))
