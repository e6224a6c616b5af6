"""Accuracy of the default classifier on real gene-expression data, beside two others.

    python tests/benchmarks/accuracy.py FOLDER golub khan su tox_171

FOLDER holds NAME.npz with arrays X and y.  Five stratified folds, the same for every model;
StandardScaler inside the pipeline, and before it sign(x) log(1 + |x|) where X holds raw
intensities (largest value above 100); classes of fewer than five samples are left out.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_set import SETClassifier, show_versions

MODELS = (
    SETClassifier(random_state=0),
    MLPClassifier(random_state=0),
    LogisticRegression(max_iter=2000),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    show_versions()
    print("\n| data | samples x features |", end="")
    print(*(f" {type(model).__name__} | s per fit |" for model in MODELS), sep="")
    print("|---" * (2 + 2 * len(MODELS)) + "|")
    for name in arguments.names:
        X, y = load(arguments.folder / f"{name}.npz")
        cells = [name, f"{X.shape[0]} x {X.shape[1]}"]
        for model in MODELS:
            result = cross_validate(
                make_pipeline(preparation(X), StandardScaler(), model),
                X,
                y,
                cv=StratifiedKFold(5, shuffle=True, random_state=0),
            )
            score = result["test_score"]
            cells += [f"{score.mean():.3f} ± {score.std():.3f}", f"{result['fit_time'].mean():.2f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


def load(path):
    with np.load(path) as arrays:
        X, y = arrays["X"], arrays["y"]
    labels, counts = np.unique(y, return_counts=True)
    keep = np.isin(y, labels[counts >= 5])
    return X[keep], y[keep]


def preparation(X):
    if np.abs(X).max() > 100:
        return FunctionTransformer(signed_log)
    return "passthrough"


def signed_log(X):
    return np.sign(X) * np.log1p(np.abs(X))


if __name__ == "__main__":
    main()
