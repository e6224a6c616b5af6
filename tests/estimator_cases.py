"""Small estimators, and a target of every kind; for tests of what users do with estimators."""

import numpy as np
import pytest

from sklearn_set import SETClassifier, SETRegressor

N = 60
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, 8)) * (_rng.random((N, 8)) < 0.7)
_scores = X @ _rng.normal(size=(8, 3)) + _rng.normal(size=(N, 3)) / 3
Y = _scores.argmax(axis=1)
BINARY = (_scores[:, 0] > 0).astype(int)
MULTILABEL = (_scores > 0).astype(int)
T = _scores[:, 0]
NAMES = np.array(["ape", "bee", "cat"])[Y]
WEIGHT = _rng.uniform(0.5, 2, N)

SMALL = {
    "hidden_layer_sizes": (15, 10),
    "epsilon": 3,
    "batch_size": 20,
    "max_iter": 5,
    "random_state": 0,
}

# Enough training for a network so small that each evolution and each penalty is felt.
LEARNS = {
    "max_iter": 150,
    "learning_rate_init": 0.02,
    "zeta": 0.05,
    "tol": 0.0,
    "alpha": 1e-4,
    "newborn_weights": "initial",
}


def classifier(**parameters):
    return SETClassifier(**SMALL | parameters)


def regressor(**parameters):
    return SETRegressor(**SMALL | parameters)


# kind of target -> (factory, y, n_outputs, out_activation)
TARGETS = {
    "binary": (classifier, BINARY, 1, "logistic"),
    "two strings": (classifier, np.where(BINARY, "yes", "no"), 1, "logistic"),
    "multiclass": (classifier, Y, 3, "softmax"),
    "strings": (classifier, NAMES, 3, "softmax"),
    "objects": (classifier, NAMES.astype(object), 3, "softmax"),
    "negative numbers": (classifier, Y * 5 - 7, 3, "softmax"),
    "multilabel": (classifier, MULTILABEL, 3, "logistic"),
    "two labels": (classifier, MULTILABEL[:, :2], 2, "logistic"),
    "one output": (regressor, T, 1, "identity"),
    "three outputs": (regressor, _scores, 3, "identity"),
    "integers": (regressor, np.rint(2 * T).astype(int), 1, "identity"),
}
CLASSIFICATION = [name for name, (factory, *_) in TARGETS.items() if factory is classifier]
every_target = pytest.mark.parametrize("target", TARGETS)
every_class_target = pytest.mark.parametrize("target", CLASSIFICATION)
both = pytest.mark.parametrize(("factory", "y"), [(classifier, Y), (regressor, T)])


def arrays(model):
    """Topology, weights and biases of every layer."""
    return [
        array
        for layer in model._network.layers
        for array in (layer.topology.indptr, layer.topology.indices, layer.weights, layer.bias)
    ]


def assert_same_model(one, other):
    """Assert that two models are equal, bit for bit."""
    for ours, theirs in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)
