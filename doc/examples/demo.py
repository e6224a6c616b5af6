"""The main job, from end to end: cross-validate, compare and tune.

Pipelines of StandardScaler with SETClassifier, MLPClassifier and LogisticRegression are
cross-validated on the same folds of three data sets: two real ones that ship with scikit-learn, and
one generated in the shape of a microarray.  Then GridSearchCV tunes epsilon and zeta on one part of
each set, and the rest shows what the tuning was worth.

    python demo.py
    python demo.py --table    only compares, and prints the table of README.md

For data of your own there is a program: python -m sklearn_set FILE.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_validate,
    train_test_split,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, show_versions
from sklearn_set.datasets import make_microarray

GRID = {"setclassifier__epsilon": [5, 20], "setclassifier__zeta": [0.0, 0.1, 0.3]}
FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)
COLUMNS = "{:<20} {:>15} {:>12} {:>13} {:>9} {:>10}"
MARKDOWN = """| data | model | accuracy | connections | seconds per fit |
|---|---|---|---|---|"""


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--table", action="store_true", help="only compare, in Markdown")
    as_markdown = parser.parse_args(words).table
    # A first look does not ask whether 200 epochs are enough.
    warnings.simplefilter("ignore", ConvergenceWarning)
    if as_markdown:
        print(MARKDOWN)
    else:
        show_versions()
    for name, (X, y) in data_sets().items():
        X, y = np.asarray(X, dtype=np.float32), np.asarray(y)
        if as_markdown:
            print_markdown(name, X, y)
        else:
            compare(name, X, y)
            tune(X, y)


def data_sets():
    """X and y by name: two of scikit-learn, and one in the shape of a microarray."""
    return {
        "breast cancer": load_breast_cancer(return_X_y=True),
        "digits": load_digits(return_X_y=True),
        "generated microarray": make_microarray(
            n_samples=200, n_features=20_000, weights=[0.7, 0.3], random_state=0
        ),
    }


def models():
    """The three that are compared, with their defaults."""
    return (
        SETClassifier(random_state=0),
        MLPClassifier(random_state=0),
        LogisticRegression(max_iter=1000),
    )


def cross_validated(X, y):
    """Of every model its name, a fitted one, accuracy with its deviation, and seconds per fit."""
    for model in models():
        result = cross_validate(
            make_pipeline(StandardScaler(), model), X, y, cv=FOLDS, return_estimator=True
        )
        scores = result["test_score"]
        yield (
            type(model).__name__,
            result["estimator"][0][-1],
            f"{scores.mean():.3f} +- {scores.std():.3f}",
            f"{result['fit_time'].mean():.2f}",
        )


def print_markdown(name, X, y):
    """Rows of the table of README.md."""
    first = f"{name}, {X.shape[0]:,} × {X.shape[1]:,} "  # noqa: RUF001  (the sign of times)
    for model, fitted, accuracy, seconds in cross_validated(X, y):
        shown = (model, accuracy.replace("+-", "±"), sizes(fitted)[0], seconds)
        print(f"| {first}| {' | '.join(shown)} |")
        first = ""


def compare(name, X, y):
    """Cross-validate the three models on the same folds and print a table."""
    counts = np.unique(y, return_counts=True)[1]
    print(
        f"\n{name}: {X.shape[0]} samples x {X.shape[1]} features, classes of "
        f"{', '.join(map(str, counts))} samples; {FOLDS.n_splits} folds"
    )
    print(COLUMNS.format("", "accuracy", "connections", "dense count", "density", "s per fit"))
    for model, fitted, accuracy, seconds in cross_validated(X, y):
        print(COLUMNS.format(model, accuracy, *sizes(fitted), seconds))


def sizes(model):
    """Connections, what dense layers of the same sizes would have, and density, as text."""
    if isinstance(model, SETClassifier):
        dense = round(model.n_connections_ / model.density_)
        return f"{model.n_connections_:,}", f"{dense:,}", f"{model.density_:.2%}"
    weights = model.coefs_ if isinstance(model, MLPClassifier) else [model.coef_]
    dense = sum(weight.size for weight in weights)
    return f"{dense:,}", f"{dense:,}", "100%"


def tune(X, y):
    """Tune epsilon and zeta on three quarters of the data, score on the rest."""
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    start = time.perf_counter()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SETClassifier(random_state=0)), GRID, cv=3, n_jobs=-1
    ).fit(X_train, y_train)
    seconds = time.perf_counter() - start
    default = make_pipeline(StandardScaler(), SETClassifier(random_state=0))
    best = ", ".join(
        f"{name.rpartition('__')[2]}={value}" for name, value in search.best_params_.items()
    )
    n_fits = 3 * len(search.cv_results_["params"]) + 1
    print(
        f"GridSearchCV: best {best}; held-out accuracy {search.score(X_test, y_test):.3f}, "
        f"default {default.fit(X_train, y_train).score(X_test, y_test):.3f} "
        f"({n_fits} fits in {seconds:.1f} s)"
    )


if __name__ == "__main__":
    main()
