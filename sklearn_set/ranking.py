"""The networks of a selector: how each is made and trained, and what it says of the features.

Knows estimators, by their parameters, `fit` or `partial_fit`, and `feature_importances_`, and one
private method of SETRegressor, which gives all targets one scale.  Must not know layers, topologies
or training.
"""

from math import inf

import numpy as np
from sklearn.base import clone

from sklearn_set.regressor import SETRegressor

# What "auto" of `epsilon`, `zeta` and `max_iter` means, and some settings beside them.  All others
# are the estimators' defaults: on wide data the classifier mixes samples and drops features, so
# that it learns from all genes that tell the same, not from one of them.  A search for features
# would leave those that it lets go without a rank, and the relevance of each by itself would settle
# the ranking before the network has learned anything.
SUPERVISED = {
    "epsilon": 20,
    "zeta": 0.3,
    "feature_search": False,
    "feature_relevance": False,
    "max_iter": 100,
    "n_iter_no_change": inf,
    "n_jobs": 1,
}
# The settings of QuickSelection, except for the distribution of initial and new weights: with its
# N(0, 0.1^2) the drawn weights outweigh the learned ones unless there are many samples.  Its decay
# is a share of the weight per step; ours is multiplied by the learning rate, so it is divided here.
AUTOENCODER = {
    "hidden_layer_sizes": 1000,
    "activation": "logistic",
    "epsilon": 13,
    "zeta": 0.2,
    "growth": "random",
    "learning_rate": "constant",
    "max_iter": 100,
    "dropout": 0.2,
    "solver": "sgd",
    "learning_rate_init": 0.01,
    "momentum": 0.9,
    "nesterovs_momentum": False,
    "alpha": 0,
    "weight_decay": 1e-5 / 0.01,
    "batch_size": 100,
    "n_jobs": 1,
}


def seeded(estimator, seed):
    """A clone of an estimator with every `random_state` in it set."""
    estimator = clone(estimator)
    names = [
        name
        for name in estimator.get_params()
        if name == "random_state" or name.endswith("__random_state")
    ]
    return estimator.set_params(**dict.fromkeys(names, seed))


def fit_supervised(estimator, X, y, of_samples, noise_factor, seed):
    """Fit one network to the targets, without noise; return it and its number of epochs."""
    estimator.fit(X, y, **of_samples)
    return estimator, int(np.max(getattr(estimator, "n_iter_", 1)))


def fit_autoencoder(estimator, X, targets, of_samples, noise_factor, seed):
    """Train one network to remove noise from X; the noise differs from epoch to epoch.

    Returns
    -------
    estimator : estimator object
    n_iter : int
        Number of epochs.
    """
    rng = np.random.default_rng(seed)
    if isinstance(estimator, SETRegressor):
        estimator._keep_target_proportions()  # features that vary more count more
    if X.shape[1] == 1:
        targets = targets.ravel()  # one target is one-dimensional
    for _ in range(estimator.max_iter):
        noise = rng.standard_normal(X.shape, dtype=X.dtype)
        noise *= noise_factor
        noise += X
        estimator.partial_fit(noise, targets, **of_samples)
    return estimator, estimator.max_iter


def shares(estimator, n_features):
    """Each feature's share of the strength of one network: they sum to 1, or all are zero."""
    name = type(estimator).__name__
    try:
        strength = np.asarray(estimator.feature_importances_, dtype=np.float64)
    except AttributeError:
        raise ValueError(
            f"The estimator {name} has no feature_importances_ after fit. "
            "sklearn.feature_selection.SelectFromModel and RFE accept coef_ and other attributes."
        ) from None
    if strength.shape != (n_features,) or not (strength >= 0).all():
        raise ValueError(
            f"feature_importances_ of the estimator {name} must be one number, not negative, for "
            f"each of {n_features} features."
        )
    total = strength.sum()
    return strength / total if total > 0 else strength


def ranks(scores):
    """Ranks from 1 for the highest score; equal scores are ranked in their order."""
    order = np.argsort(-scores, kind="stable")
    ranking = np.empty(len(scores), dtype=np.int64)
    ranking[order] = np.arange(1, len(scores) + 1)
    return ranking
