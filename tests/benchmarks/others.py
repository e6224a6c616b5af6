"""Further classifiers beside ours, some of them of packages that need not be installed.

Each is made as its own documentation makes it.  Packages are imported where they are used.
"""

import copy
import importlib.util
import sys
import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import LabelEncoder

THRESHOLDS = [4.0, 3.0, 2.5, 2.0, 1.5, 1.0, 0.75, 0.5, 0.25, None]  # the fewest genes first
N_FOLDS = 5


class Numbered(ClassifierMixin, BaseEstimator):
    """A classifier that sees numbers of classes in place of labels."""

    def fit(self, X, y):
        self.numbers_ = LabelEncoder().fit(y)
        self.classes_ = self.numbers_.classes_
        self.model_ = self._fitted(X, self.numbers_.transform(y))
        return self

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X):
        return np.asarray(self.model_.predict_proba(np.asarray(X, np.float32)))


class LassoNet(Numbered):
    """lassonet (Lemhadri et al., 2021): the penalty is chosen on a fifth that is held out.

    Its own cross-validation takes five more paths for each model.  The network with the least loss
    on that fifth wins.  Three of its defaults take too long for thousands of genes: the search for
    the first penalty, which is given here, so small that it keeps all genes; a path on which each
    penalty is 1.02 times the one before; and ten epochs without progress on it.
    """

    def __init__(self, lambda_start=1.0, path_multiplier=1.5, patience=(100, 5), seed=0):
        self.lambda_start = lambda_start
        self.path_multiplier = path_multiplier
        self.patience = patience
        self.seed = seed

    def _fitted(self, X, y):
        from lassonet import LassoNetClassifier

        model = LassoNetClassifier(
            lambda_start=self.lambda_start, path_multiplier=self.path_multiplier,
            patience=self.patience, verbose=0, random_state=self.seed, torch_seed=self.seed,
            device="cpu",
        )  # fmt: skip
        folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=self.seed)
        train, held_out = next(folds.split(X, y))
        best = {"loss": np.inf}

        def keep_the_best(model, history):
            if history[-1].val_loss <= best["loss"]:  # later ones have fewer features
                best.update(loss=history[-1].val_loss, network=copy.deepcopy(model.model))

        model.path(
            X[train], y[train], X_val=X[held_out], y_val=y[held_out],
            return_state_dicts=False, callback=keep_the_best,
        )  # fmt: skip
        model.model = best["network"]
        return model


class GeneICL(Numbered):
    """geneicl: a network that was trained beforehand and learns from the samples it is shown."""

    def _fitted(self, X, y):
        from geneicl import GeneICL as Model

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Model(device="cpu").fit(X, y)


def shrunken_centroids(seed):
    """Nearest shrunken centroids (Tibshirani et al., 2002), the threshold by inner folds."""
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    grid = {"shrink_threshold": THRESHOLDS}
    return GridSearchCV(NearestCentroid(), grid, cv=folds, n_jobs=1)


OTHERS = {
    "HistGradientBoosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
    "Centroids": shrunken_centroids,
    "LassoNet": lambda seed: LassoNet(seed=seed),
    "GeneICL": lambda seed: GeneICL(),
}
PACKAGES = {"LassoNet": "lassonet", "GeneICL": "geneicl"}


def without_missing(names):
    """The names without those whose package is not installed; a message tells of these."""
    names = list(names)
    for name in [name for name in names if name in PACKAGES]:
        package = PACKAGES[name]
        if importlib.util.find_spec(package) is None:
            print(f"left out: {name}, as {package} is not installed", file=sys.stderr)
            names.remove(name)
    return names
