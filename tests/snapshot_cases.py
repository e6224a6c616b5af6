"""Data for tests of snapshots."""

import numpy as np

from sklearn_set import SETClassifier, SETRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(48, 12))
Y = np.arange(48) % 3
TARGETS = {
    "multiclass": (SETClassifier, Y),
    "binary": (SETClassifier, Y % 2),
    "multilabel": (SETClassifier, np.eye(3, dtype=int)[Y]),
    "regression": (SETRegressor, X[:, 0] - 2 * X[:, 1]),
    "two outputs": (SETRegressor, X[:, :2] + X[:, 2:4]),
}
