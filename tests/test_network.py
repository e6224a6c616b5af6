"""Networks: copies, alternating slopes, and a bound of their outputs."""

import numpy as np
import pytest
from small_models import drawn_network

from sklearn_set.samples import Samples


def test_the_slope_of_all_relu_alternates():
    slopes = [layer.activation_parameter for layer in drawn_network().layers[:-1]]
    assert slopes == [-0.6, 0.6, -0.6]


def test_a_copy_of_a_network_is_the_same_network():
    network = drawn_network()
    network.offset, network.factor = np.arange(6.0), 0.25
    X = Samples(np.random.default_rng(1).normal(size=(7, 6)))
    np.testing.assert_array_equal(network.copy().forward(X), network.forward(X))
    for ours, theirs in zip(network.layers, network.copy().layers, strict=True):
        assert not np.shares_memory(ours.weights, theirs.weights)
        assert not np.shares_memory(ours.bias, theirs.bias)


@pytest.mark.parametrize("units", [(None, 1.0), (None, 1024.0), (np.full(6, 1e6), 1.0)])
def test_no_output_is_beyond_the_bound(units):
    """It decides whether predictions may overflow; units of the features count."""
    network = drawn_network("identity")
    network.offset, network.factor = units
    X = Samples(np.random.default_rng(1).uniform(-1, 1, size=(50, 6)))
    bound, largest = network.bound(1.0), np.abs(network.forward(X)).max()
    assert largest <= bound < 1e4 * largest
    offset, factor = units
    size = factor * (1.0 if offset is None else 1.0 + np.abs(offset).max())
    network.offset, network.factor = None, 1.0
    assert network.bound(size) == bound
