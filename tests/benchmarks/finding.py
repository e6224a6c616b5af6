r"""Finding features: what a few features among many of noise cost, where the truth is known.

    python tests/benchmarks/finding.py FOLDER
    python tests/benchmarks/finding.py --families ring product --methods SET "true features"
    python tests/benchmarks/finding.py --families linear_500 --samples 100 --draws 20 \
        --methods SET --set "guided: growth='guided'"

Each family is a law that generates data: which features are true, and how targets depend on them.
A draw has as many samples to train on as the family says, and 5,000 more of the same law that give
the score: accuracy, or R2.  Columns are in random order.  Madelon is a file in FOLDER, which has
madelon.npz; its scores come from three stratified folds, whatever --draws is, and nobody has
published which features are true.

Every method gets float32 behind StandardScaler, and standardised targets of regressions.  "true
features" is SET that is given these alone: the limit.  Figures are means over the draws:

- the score, and the share of the limit: 0 is what the commonest class, or the mean, would give;
- the precision: how many of the k most important features are true, of k true ones (by
  feature_importances_ or the sizes of coef_, where there are any);
- of SET, also the precision by attribution of the training data, in two ways: by integrated
  gradients, and by the gradient times the feature;
- the features that are left: with connections, or with coefficients other than zero;
- seconds of the fastest fit, scaling included, on one thread;
- of configurations that --set adds: what each gains on SET, or on the method that --against names,
  which has the same draws and seeds; and the standard error of this mean of differences.
"""

import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from methods import (
    CLASSIFIERS,
    DEFAULT,
    REGRESSORS,
    Source,
    configuration,
    makers_of,
    read_arrays,
)
from reporting import (
    digits,
    gain,
    make_parser,
    mean_gain,
    print_machine,
    print_table,
    shown_gain,
    write_json,
)
from scipy.stats import chi2
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_blobs, make_classification, make_friedman1, make_regression
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import LassoCV, LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from threadpoolctl import threadpool_limits

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.inspection import attribution_importances

N_TEST = 5000
N_FOLDS = 3
MADELON = "madelon"
LIMIT = "true features"


# ------------------------------------------------------------------------------------- families
# A law takes numbers of samples, of features and of true ones, and a generator of random numbers.
# It returns X, whose first features are the true ones, and y.


def ring(n_samples, n_features, n_true, rng):
    """Whether a point is far from the middle: no feature has a slope."""
    X = rng.normal(size=(n_samples, n_features))
    return X, is_outside(X[:, :n_true])


def is_outside(X):
    return ((X**2).sum(axis=1) > chi2(X.shape[1]).median()).astype(int)


def product(n_samples, n_features, n_true, rng):
    """The sign of a product, of which no part of the true features tells anything."""
    X = rng.normal(size=(n_samples, n_features))
    return X, (X[:, :n_true] < 0).sum(axis=1) % 2


def additive(n_samples, n_features, n_true, rng):
    """The sign of a sum of curves, two of them without a slope on the whole."""
    X = rng.normal(size=(n_samples, n_features))
    return X, is_above(X[:, :n_true])


def is_above(X):
    line, corner, wave, parabola, bump = X.T
    total = line + 1.5 * np.abs(corner) + 1.5 * np.sin(2 * wave) + parabola**2 + np.cos(2 * bump)
    return (total > np.median(total)).astype(int)


def skewed(n_samples, n_features, n_true, rng):
    """The same of features with long tails, and scales over six orders of magnitude."""
    Z = rng.normal(size=(n_samples, n_features))
    X = np.exp(Z * rng.uniform(0.2, 1.2, n_features)) * 10 ** rng.uniform(-3, 3, n_features)
    return X, is_above(Z[:, :n_true])


def correlated(n_samples, n_features, n_true, rng):
    """A ring among noise of ten common causes, half of which is a copy of the other half."""
    X = rng.normal(size=(n_samples, n_features))
    X[:, n_true:] += rng.normal(size=(n_samples, 10)) @ rng.normal(size=(10, n_features - n_true))
    half = (n_features - n_true) // 2
    X[:, n_true : n_true + half] = X[:, n_features - half :]
    return X, is_outside(X[:, :n_true])


def clusters(n_samples, n_features, n_true, rng, *, per_class):
    """Clusters at the corners of a hypercube."""
    return make_classification(
        n_samples,
        n_features,
        n_informative=n_true,
        n_redundant=0,
        n_clusters_per_class=per_class,
        shuffle=False,
        random_state=rng.integers(2**31),
    )


def apart(n_samples, n_features, n_true, rng, *, distance):
    """Two classes, which a few features of thousands tell apart, each a little."""
    X, y = rng.normal(size=(n_samples, n_features)), rng.integers(2, size=n_samples)
    X[:, :n_true] += distance * (y - 0.5)[:, np.newaxis] * rng.choice([-1, 1], n_true)
    return X, y


def one_is_sure(n_samples, n_features, n_true, rng):
    """Four classes: one feature tells the first beyond doubt, equally many each of the others."""
    X, y = rng.normal(size=(n_samples, n_features)), rng.integers(4, size=n_samples)
    X[:, 0] += 8 * (y == 0)
    for number, columns in enumerate(np.array_split(np.arange(1, n_true), 3), 1):
        X[:, columns] += 1.5 * (y == number)[:, np.newaxis]
    return X, y


def blobs(n_samples, n_features, n_true, rng):
    """Five classes that are round clouds."""
    X, y = make_blobs(
        n_samples, n_true, centers=5, center_box=(-1.5, 1.5), random_state=rng.integers(2**31)
    )
    return np.hstack([X, rng.normal(size=(n_samples, n_features - n_true))]), y


def friedman(n_samples, n_features, n_true, rng):
    """Friedman's first function, whose five features are of unequal worth."""
    return make_friedman1(n_samples, n_features, noise=1, random_state=rng.integers(2**31))


def linear(n_samples, n_features, n_true, rng):
    """A sum, with weights anywhere between 0 and 100 and noise of 10."""
    return make_regression(
        n_samples,
        n_features,
        n_informative=n_true,
        noise=10,
        shuffle=False,
        random_state=rng.integers(2**31),
    )


class Family(NamedTuple):
    """A law, and numbers of samples to train on, of features and of true ones."""

    n_samples: int
    n_features: int
    n_true: int
    law: Callable
    is_regression: bool = False


FAMILIES = {
    "ring": Family(1600, 500, 3, ring),
    "product": Family(1200, 400, 2, product),
    "clusters": Family(2000, 800, 16, partial(clusters, per_class=4)),
    "clusters_wide": Family(300, 2000, 10, partial(clusters, per_class=1)),
    "few_of_5000": Family(80, 5000, 5, partial(apart, distance=2)),
    "some_of_5000": Family(80, 5000, 30, partial(apart, distance=1)),
    "many_of_5000": Family(80, 5000, 100, partial(apart, distance=0.6)),
    "one_is_sure": Family(80, 5000, 31, one_is_sure),
    "blobs": Family(300, 500, 10, blobs),
    "additive": Family(1000, 500, 5, additive),
    "skewed": Family(1000, 500, 5, skewed),
    "correlated": Family(1000, 500, 3, correlated),
    "friedman_205": Family(300, 205, 5, friedman, is_regression=True),
    "friedman_1000": Family(200, 1000, 5, friedman, is_regression=True),
    "linear_500": Family(200, 500, 20, linear, is_regression=True),
    "linear_3000": Family(300, 3000, 30, linear, is_regression=True),
}


class Draw(NamedTuple):
    """Data to train on and data to score on; `true` is None where nobody knows."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    true: np.ndarray | None
    is_regression: bool

    @property
    def chance(self):
        """The score of the commonest class, or of the mean."""
        if self.is_regression:
            return 0.0
        _, counts = np.unique(self.y_test, return_counts=True)
        return float(counts.max() / counts.sum())


def draws_of(name, arguments):
    """Yield the draws of a family, or the folds of madelon."""
    if name == MADELON:
        X, y = read_arrays(madelon_in(arguments.folder))
        folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=arguments.seed)
        for train, test in folds.split(X, y):
            yield Draw(X[train], y[train], X[test], y[test], None, is_regression=False)
    else:
        family = FAMILIES[name]
        if arguments.samples:
            family = family._replace(n_samples=arguments.samples)
        for number in range(arguments.draws):
            yield draw(family, [arguments.seed, number])


def draw(family, seed):
    rng = np.random.default_rng(seed)
    n_all = family.n_samples + N_TEST
    X, y = family.law(n_all, family.n_features, family.n_true, rng)
    rows, columns = rng.permutation(n_all), rng.permutation(family.n_features)
    X, y = X.astype(np.float32)[rows][:, columns], y[rows]
    n, true = family.n_samples, np.flatnonzero(columns < family.n_true)
    return Draw(X[:n], y[:n], X[n:], y[n:], true, family.is_regression)


def madelon_in(folder):
    return Source(MADELON, "other", folder)


# -------------------------------------------------------------------------------------- methods

# Name of the method: what makes a classifier and what makes a regressor, from a seed.
METHODS = {
    LIMIT: (CLASSIFIERS["SET"], REGRESSORS["SET"]),
    DEFAULT: (CLASSIFIERS[DEFAULT], REGRESSORS[DEFAULT]),
    "no search": (
        lambda seed: SETClassifier(feature_search=False, random_state=seed, n_jobs=1),
        lambda seed: SETRegressor(feature_search=False, random_state=seed, n_jobs=1),
    ),
    "static": (CLASSIFIERS["SET static"], REGRESSORS["SET static"]),
    "HistGradientBoosting": (
        lambda seed: HistGradientBoostingClassifier(random_state=seed),
        lambda seed: HistGradientBoostingRegressor(random_state=seed),
    ),
    "RandomForest": (CLASSIFIERS["RandomForest"], REGRESSORS["RandomForest"]),
    "KBest+SVC": (
        CLASSIFIERS["KBest+SVC"],
        lambda seed: make_pipeline(SelectKBest(f_regression, k=100), SVR(C=10)),
    ),
    "L1": (
        # as scikit-learn 1.8 and newer call it
        lambda seed: LogisticRegressionCV(
            Cs=np.logspace(-2.5, 0.5, 7), l1_ratios=[1], solver="saga", tol=1e-3, random_state=seed
        ),
        lambda seed: LassoCV(),
    ),
    "MLP": (CLASSIFIERS["MLP"], REGRESSORS["MLP"]),
}


def methods_of(arguments):
    """What makes the classifier and the regressor of every method that is asked for."""
    makers = {name: METHODS[name] for name in arguments.methods}
    # A name that only one of the two knows is wrong only where the other is needed.
    kinds = {name != MADELON and FAMILIES[name].is_regression for name in arguments.families}
    for kind, ours in ((False, SETClassifier), (True, SETRegressor)):
        if kind in kinds:
            for label, make in makers_of(arguments.set, ours).items():
                makers[label] = makers.get(label, {}) | {kind: make}
    return makers


def measure(method, make, data, seed):
    """Fit once, on one thread, and score.

    Returns
    -------
    dict
        ``score``, ``precision``, that by ``integrated`` and by ``gradient``, ``left`` and
        ``seconds``; None where there is no such figure.
    """
    columns = data.true if method == LIMIT else slice(None)
    model = make_pipeline(StandardScaler(), make[data.is_regression](seed))
    if data.is_regression:
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    with threadpool_limits(1), warnings.catch_warnings():
        # too few epochs or iterations are a method's own affair: the score shows it
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        model.fit(data.X[:, columns], data.y)
        seconds = time.perf_counter() - start
        score = float(model.score(data.X_test[:, columns], data.y_test))
        fitted = model.regressor_ if data.is_regression else model
        found = {} if method == LIMIT else figures_of_features(fitted[-1], data.true)
        if method != LIMIT and data.true is not None and hasattr(fitted[-1], "active_features_"):
            for way in ("integrated", "gradient"):
                importances = attribution_importances(fitted, data.X, method=way)
                found[way] = precision_at_true(importances, data.true)
    nothing = dict.fromkeys(("precision", "integrated", "gradient", "left"))
    return nothing | {"score": score, "seconds": seconds, **found}


def precision_at_true(strength, true):
    """The share of true features among the strongest, of which there are as many."""
    strongest = np.argsort(-strength, kind="stable")[: len(true)]
    return float(np.isin(strongest, true).mean())


def figures_of_features(fitted, true):
    """What a fitted estimator says of features: precision and left, as far as it does."""
    figures = {}
    strength = getattr(fitted, "feature_importances_", getattr(fitted, "coef_", None))
    if strength is None:
        return figures
    strength = np.abs(np.atleast_2d(strength)).sum(axis=0)
    if true is not None:
        figures["precision"] = precision_at_true(strength, true)
    if hasattr(fitted, "active_features_"):
        figures["left"] = int(fitted.active_features_.sum())
    elif hasattr(fitted, "coef_"):
        figures["left"] = int((strength > 0).sum())
    return figures


# --------------------------------------------------------------------------------------- report


def main():
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("folder", type=Path, nargs="?", metavar="FOLDER", help="holds madelon.npz")
    names = [*FAMILIES, MADELON]
    add("--families", nargs="+", choices=names, default=names, metavar="FAMILY")
    add("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD")
    add("--set", action="append", default=[], metavar="LABEL: PARAMETER=VALUE, ...")
    add("--against", default=DEFAULT, metavar="METHOD", help="what they are compared with")
    add("--samples", type=int, metavar="N", help="to train on, in every family but madelon")
    add("--draws", type=int, default=3, help="of every family")
    add("--seed", type=int, default=0, help="of the data and of all methods")
    arguments = parser.parse_args()
    missing = madelon_in(arguments.folder).missing
    if MADELON in arguments.families and missing:
        print(f"{MADELON} is left out: {missing}.")
        arguments.families.remove(MADELON)
    try:
        arguments.set = dict(map(configuration, arguments.set))
        for label in METHODS.keys() & arguments.set:
            raise ValueError(f"the label {label!r} is the name of a method")
        if arguments.set and arguments.against not in arguments.methods:
            raise ValueError(f"--against {arguments.against!r} is not one of the methods")
        makers = methods_of(arguments)
    except ValueError as error:
        parser.error(str(error))
    if arguments.families:
        print_machine()
        results = measured(arguments, makers)
        report(results, arguments)
        write_json(arguments.json, results)


def measured(arguments, makers):
    """All figures: by family a dict of `chance` and of lists of `measure` by method."""
    results = {}
    for name in arguments.families:
        outcomes = results[name] = {"chance": []}
        for number, data in enumerate(draws_of(name, arguments)):
            outcomes["chance"].append(data.chance)
            for method, make in makers.items():
                if method == LIMIT and data.true is None:
                    continue
                outcome = measure(method, make, data, arguments.seed + number)
                outcomes.setdefault(method, []).append(outcome)
                print(name, number, method, outcome, file=sys.stderr, flush=True)
    return results


def report(results, arguments):
    """Print a table of every figure: a row for each family, a column for each method."""
    methods = [*arguments.methods, *arguments.set]
    for title, figure in FIGURES.items():
        print(f"\n{title}")
        print_table(
            ["family", *methods],
            (
                [name, *(figure(results[name], method) for method in methods)]
                for name in arguments.families
            ),
        )
    if arguments.set:
        report_gains(results, arguments)


def report_gains(results, arguments):
    """Print what each configuration gains: in every family, and in the mean over them."""
    scores = {
        name: {
            method: [each["score"] for each in outcomes[method]]
            for method in (arguments.against, *arguments.set)
        }
        for name, outcomes in results.items()
    }
    gains = {
        name: [gain(of_method[label], of_method[arguments.against]) for label in arguments.set]
        for name, of_method in scores.items()
    }
    if len(gains) > 1:
        gains["mean"] = [mean_gain(of_label) for of_label in zip(*gains.values(), strict=True)]
    print(f"\nscore minus that of {arguments.against} ± standard error, over paired draws")
    print_table(
        ["family", *arguments.set], ([name, *map(shown_gain, each)] for name, each in gains.items())
    )


def score_of(outcomes, method):
    """The mean score over the draws, and the share of the limit in per cent."""
    score = mean_of("score", outcomes, method)
    limit, chance = mean_of("score", outcomes, LIMIT), np.mean(outcomes["chance"])
    if score is None or limit is None or method == LIMIT:
        return in_brackets(score, None, ".3f")
    return in_brackets(score, 100 * (score - chance) / (limit - chance), ".3f")


def precision_of(outcomes, method):
    """The mean precision, and the mean number of features left."""
    precision, left = (mean_of(what, outcomes, method) for what in ("precision", "left"))
    return in_brackets(precision, left, ".2f")


def attribution_of(outcomes, method):
    """The mean precision by integrated gradients, and by the gradient times the feature."""
    values = [mean_of(way, outcomes, method) for way in ("integrated", "gradient")]
    return " / ".join(format(value, ".2f") for value in values if value is not None)


def seconds_of(outcomes, method):
    seconds = [outcome["seconds"] for outcome in outcomes.get(method, ())]
    return digits(min(seconds), 2) if seconds else ""


def mean_of(what, outcomes, method):
    """The mean of a figure over the draws; None where there is no such figure."""
    values = [outcome[what] for outcome in outcomes.get(method, ())]
    return float(np.mean(values)) if values and values[0] is not None else None


def in_brackets(value, other, form):
    parts = [] if value is None else [format(value, form)]
    parts += [] if other is None else [f"({round(other):,})"]
    return " ".join(parts)


FIGURES = {
    "score (share of the limit, per cent)": score_of,
    "precision (features left)": precision_of,
    "precision by attribution: integrated / gradient": attribution_of,
    "seconds": seconds_of,
}


if __name__ == "__main__":
    main()
