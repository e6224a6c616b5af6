"""Small models on tiny data, and what they have learned; for tests of training."""

import numpy as np

from sklearn_set import SETClassifier, SETRegressor, machine
from sklearn_set.network import SparseNetwork

rng = np.random.default_rng(0)
X = rng.normal(size=(48, 12))
Y = np.arange(48) % 3
T = X[:, 0] - 2 * X[:, 1] + rng.normal(size=48) / 10

SMALL = {"hidden_layer_sizes": (15, 10), "epsilon": 2.5, "batch_size": 16, "random_state": 0}


def classifier(**parameters):
    return SETClassifier(**SMALL | {"max_iter": 6} | parameters)


def regressor(**parameters):
    return SETRegressor(**SMALL | {"max_iter": 6} | parameters)


def values(estimator):
    """All that a model knows: topology, weights and biases of every layer."""
    return [
        array
        for layer in estimator._network.layers
        for array in (layer.topology.indptr, layer.topology.indices, layer.weights, layer.bias)
    ]


def assert_same(one, other):
    for ours, theirs in zip(values(one), values(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def patch_step(monkeypatch, instead):
    """Replace the kernels' step by ``instead(step, rows, *numbers)``."""
    real = machine.kernels("float64").Stepper

    class Patched:
        def __init__(self, *args, **kwargs):
            self.stepper = real(*args, **kwargs)

        def step(self, rows, *numbers):
            return instead(self.stepper.step, rows, *numbers)

        def __getattr__(self, name):
            return getattr(self.stepper, name)

    monkeypatch.setattr(machine.kernels("float64"), "Stepper", Patched)


def drawn_network(activation="all_relu"):
    return SparseNetwork.erdos_renyi(
        (6, 5, 4, 5, 3),
        20,
        activations=[activation] * 3,
        weight_init="auto",
        dtype=np.dtype("float64"),
        rng=np.random.default_rng(0),
    )
