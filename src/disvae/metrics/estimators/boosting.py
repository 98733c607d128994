"""Gradient boosted trees of several factors, all at once."""

import logging
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from disvae.metrics.estimators.classifier import Split, accuracy, fit_classifier
from disvae.metrics.estimators.threads import cores, of_factors, threads

logger = logging.getLogger("disvae")
ROUNDS = 100
PIECES = 4  # of the work, per core: some are done sooner than others


class Boosted(NamedTuple):
    """What boosted trees made of each factor."""

    importance: Float[np.ndarray, "D K"]  # share in what a factor's splits explained, if anything
    on_train: Float[np.ndarray, " K"]  # share of right answers
    on_test: Float[np.ndarray, " K"]


def fit_trees(split: Split, rng: np.random.Generator) -> Boosted:
    """Fit boosted trees to every factor, compiled where that can be had."""
    seeds = rng.integers(2**31, size=(split[1].shape[1],))
    return boost(split, seeds) if _can_compile() else fit_scikit_learn(split, seeds)


@cache  # so it is said once
def _can_compile() -> bool:
    try:
        import numba  # noqa: F401
    except ImportError:
        logger.warning(
            "Without numba the trees of dci take some 20 times as long; their result is the same."
        )
        return False
    return True


def fit_scikit_learn(split: Split, seeds: Int[np.ndarray, " K"]) -> Boosted:
    """Fit scikit-learn's GradientBoostingClassifier to each factor, with its defaults."""
    from sklearn.ensemble import GradientBoostingClassifier

    train, train_factors, test, test_factors = split
    nothing = np.zeros(train.shape[1])

    def one(k: int) -> tuple[Float[np.ndarray, " D"], float, float]:
        trees = GradientBoostingClassifier(n_estimators=ROUNDS, random_state=int(seeds[k]))
        model = fit_classifier(trees, train, train_factors[:, k])
        importance = np.abs(getattr(model, "feature_importances_", nothing))
        on_train = accuracy(model, train, train_factors[:, k])
        return importance, on_train, accuracy(model, test, test_factors[:, k])

    found = of_factors(one, train_factors)
    importance, on_train, on_test = map(np.array, zip(*found, strict=True))
    return Boosted(importance.T, on_train, on_test)


def boost(split: Split, seeds: Int[np.ndarray, " K"]) -> Boosted:
    """Fit the same in compiled code; the seeds decide between equally good codes."""
    from disvae.metrics.estimators import log_loss, trees

    train, train_factors, test, test_factors = split
    n_rows, n_codes = train.shape
    values = np.ascontiguousarray(train.T, dtype=np.float32)
    held_out = np.ascontiguousarray(test, dtype=np.float32)

    known = [np.unique(column, return_inverse=True) for column in train_factors.T]
    labels = np.stack([inverse for _, inverse in known])
    answers = [found for found, _ in known]
    n_trees = [len(found) if len(found) > 2 else len(found) - 1 for found in answers]
    first = np.concatenate([[0], np.cumsum(n_trees)])
    shrink = np.repeat([(n - 1) / n if n > 1 else 1 for n in n_trees], n_trees)
    start = np.concatenate([_log_odds(np.bincount(each)) for each in labels])[:, None]
    scores, test_scores = np.repeat(start, n_rows, axis=1), np.repeat(start, len(test), axis=1)
    gradients, gains = np.empty_like(scores), np.zeros((len(start), n_codes))
    leaf = np.empty(scores.shape, np.uint8)
    nodes = np.empty((len(start), trees.N_NODES), trees.NODE)
    draws = [
        np.random.RandomState(seed).randint(2**31 - 1, size=(ROUNDS, n))
        for seed, n in zip(seeds.tolist(), n_trees, strict=True)
    ]
    tree_seeds = np.concatenate(draws, axis=1).astype(np.uint32)

    count = cores()
    rows = list(pairwise(np.linspace(0, n_rows, count + 1).astype(int).tolist()))
    pieces = list(pairwise(np.linspace(0, len(start), PIECES * count + 1).astype(int).tolist()))
    grounds = [trees.make_tree(values) for _ in pieces]
    with threads(count) as spread:
        for each in tree_seeds:
            spread(log_loss.residuals, [(*part, scores, labels, first, gradients) for part in rows])
            grown = [
                (*part, each, gradients, own) for part, own in zip(pieces, grounds, strict=True)
            ]
            spread(trees.grow, [(*part, nodes, leaf, gains) for part in grown])
            rest = (shrink, gradients, leaf, scores, nodes, held_out, test_scores)
            spread(log_loss.add_steps, [(*part, *rest) for part in pieces])

    importance, right = np.zeros((n_codes, len(labels))), np.zeros((2, len(labels)))
    for k, (low, high) in enumerate(pairwise(first)):
        gain = gains[low:high].sum(axis=0)
        if gain.sum() > 0:
            importance[:, k] = np.abs(gain / gain.sum())
        halves = ((scores, train_factors), (test_scores, test_factors))
        right[:, k] = [
            (_answers(found[low:high], answers[k]) == true[:, k]).mean() for found, true in halves
        ]
    return Boosted(importance, *right)


def _log_odds(counts: Int[np.ndarray, " values"]) -> Float[np.ndarray, " trees"]:
    """Return where the scores of a factor's trees start; one value alone has no tree."""
    from scipy.special import logit

    shares = counts / counts.sum()
    mean = np.exp(np.log(shares).mean())
    return np.log(shares / mean) if len(shares) > 2 else logit(shares[1:])


def _answers(
    scores: Float[np.ndarray, "trees N"], values: Int[np.ndarray, " values"]
) -> Int[np.ndarray, "..."]:
    """Return the values that the scores stand for."""
    place = scores.argmax(axis=0) if len(scores) > 1 else (scores >= 0).sum(axis=0)
    return values[place]
