"""Data that suit every loss, for tests of losses."""

import numpy as np
import pytest

from sklearn_set import SETRegressor
from sklearn_set.losses import REGRESSION_LOSSES

every_regression_loss = pytest.mark.parametrize("loss", REGRESSION_LOSSES)

N = 60
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, 8))
Y = _rng.poisson(np.exp(0.5 * X[:, :2])).astype(float)  # suits every loss
WEIGHT = _rng.uniform(0.5, 2, N)

SMALL = {
    "hidden_layer_sizes": (15, 10),
    "epsilon": 3,
    "batch_size": 20,
    "max_iter": 5,
    "random_state": 0,
}


def regressor(**parameters):
    return SETRegressor(**SMALL | parameters)


def assert_same_model(one, other):
    for ours, theirs in zip(one._network.layers, other._network.layers, strict=True):
        np.testing.assert_array_equal(ours.topology.indices, theirs.topology.indices)
        np.testing.assert_array_equal(ours.weights, theirs.weights)
        np.testing.assert_array_equal(ours.bias, theirs.bias)
