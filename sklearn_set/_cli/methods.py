"""What is compared: a table of methods, and the pipeline of each.

Knows estimators and studies; must not know folds or scores.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_selection import SelectKBest, f_classif, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, SVR

from sklearn_set._cli.values import log2_of
from sklearn_set.classifier import SETClassifier
from sklearn_set.regressor import SETRegressor

OURS, CHANCE = "set", "chance"
N_BEST = 100
_PENALTIES = np.logspace(-1, 5, 13)


@dataclass(frozen=True)
class Method:
    """A method for classes, and its like for numbers; None where it has no like."""

    title: str
    classifier: Callable | None  # of the seed and the number of genes
    regressor: Callable | None
    meaning: str = ""
    regressor_title: str = ""


def _best(score, n_genes, model):
    """The genes that differ most, and a model of these."""
    best = SelectKBest(partial(_score, score), k=min(N_BEST, n_genes))
    return Pipeline([("best", best), ("model", model)])


def _score(score, X, y):
    """Scores of genes. Constant ones have none and are taken last: no reason to warn."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Features .* are constant", UserWarning)
        warnings.filterwarnings("ignore", r"invalid value encountered", RuntimeWarning)
        return score(X, y)


def _scaled_target(model):
    """A regressor that does not mind the units of what it estimates."""
    return TransformedTargetRegressor(model, transformer=StandardScaler())


METHODS = {
    OURS: Method(
        "SETClassifier",
        lambda seed, n_genes: SETClassifier(random_state=seed),
        lambda seed, n_genes: SETRegressor(random_state=seed),
        "a neural network of few connections, which move while it learns (Sparse Evolutionary "
        "Training)",
        "SETRegressor",
    ),
    "mlp": Method(
        "MLPClassifier",
        lambda seed, n_genes: MLPClassifier(random_state=seed),
        lambda seed, n_genes: _scaled_target(MLPRegressor(random_state=seed)),
        "a neural network with all connections (multilayer perceptron) of scikit-learn",
        "MLPRegressor",
    ),
    "logistic": Method(
        "logistic regression",
        lambda seed, n_genes: LogisticRegression(max_iter=2000),
        None,
        "a weighted sum of all genes",
    ),
    "ridge": Method(
        "ridge, tuned penalty",
        lambda seed, n_genes: RidgeClassifierCV(_PENALTIES),
        lambda seed, n_genes: RidgeCV(_PENALTIES),
        "a weighted sum of all genes; how small the weights are is chosen by the training part",
    ),
    "forest": Method(
        "random forest, 500 trees",
        lambda seed, n_genes: RandomForestClassifier(500, random_state=seed, n_jobs=-1),
        lambda seed, n_genes: RandomForestRegressor(500, random_state=seed, n_jobs=-1),
        "the vote of trees that each ask about a few genes",
    ),
    "svc": Method(
        f"{N_BEST} best genes + SVC",
        lambda seed, n_genes: _best(f_classif, n_genes, SVC(C=10)),
        lambda seed, n_genes: _best(f_regression, n_genes, _scaled_target(SVR(C=10))),
        "a support vector machine on the genes that differ most in the training part",
        f"{N_BEST} best genes + SVR",
    ),
    CHANCE: Method(
        "no genes: largest class",
        lambda seed, n_genes: DummyClassifier(strategy="prior"),
        lambda seed, n_genes: DummyRegressor(),
        "what is right without looking at a gene",
        "no genes: mean",
    ),
}


def methods_for(study, asked):
    """Names of the methods that are compared: those asked for, ours first, chance last."""
    kind = "classifier" if study.is_classification else "regressor"
    names = [name for name in METHODS if name in {*asked, OURS, CHANCE}]
    return [name for name in names if getattr(METHODS[name], kind) is not None]


def title_of(name, study):
    """What a method is called."""
    method = METHODS[name]
    return method.title if study.is_classification else method.regressor_title or method.title


def pipeline_of(name, study, seed, *, takes_logarithms=False):
    """A method behind imputation and scaling, as this study needs them."""
    method, n_genes = METHODS[name], study.X.shape[1]
    make = method.classifier if study.is_classification else method.regressor
    steps = []
    if takes_logarithms:
        log2 = FunctionTransformer(log2_of, accept_sparse=True, feature_names_out="one-to-one")
        steps.append(("log2", log2))
    if study.has_missing:
        steps.append(("impute", SimpleImputer(strategy="median", keep_empty_features=True)))
    steps.append(("scale", StandardScaler(with_mean=not study.is_sparse)))
    return Pipeline([*steps, ("model", make(seed, n_genes))])
