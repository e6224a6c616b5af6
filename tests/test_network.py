"""Networks: copies, alternating slopes, and a bound of their outputs."""

import numpy as np
import pytest
from scipy import sparse
from small_models import drawn_network

from sklearn_set._core import measured
from sklearn_set.network import SparseNetwork, sum_of_outputs, threads_pay
from sklearn_set.samples import Samples


def test_the_slope_of_all_relu_alternates():
    slopes = [layer.activation_parameter for layer in drawn_network().layers[:-1]]
    assert slopes == [-0.6, 0.6, -0.6]


def test_a_copy_of_a_network_is_the_same_network():
    network = drawn_network()
    network.offset, network.factor, network.relevance = np.arange(6.0), 0.25, np.arange(1.0, 7)
    X = Samples(np.random.default_rng(1).normal(size=(7, 6)))
    np.testing.assert_array_equal(network.copy().forward(X), network.forward(X))
    for ours, theirs in zip(network.layers, network.copy().layers, strict=True):
        assert not np.shares_memory(ours.weights, theirs.weights)
        assert not np.shares_memory(ours.bias, theirs.bias)


@pytest.mark.parametrize(
    "units",
    [
        (None, 1.0, None),
        (None, 1024.0, None),
        (np.full(6, 1e6), 1.0, None),
        (None, 1.0, np.linspace(1, 32, 6)),
    ],
)
def test_no_output_is_beyond_the_bound(units):
    """It decides whether predictions may overflow; units of the features count."""
    network = drawn_network("identity")
    network.offset, network.factor, network.relevance = units
    X = Samples(np.random.default_rng(1).uniform(-1, 1, size=(50, 6)))
    bound, largest = network.bound(1.0), np.abs(network.forward(X)).max()
    assert largest <= bound < 1e4 * largest
    offset, factor, relevance = units
    factor *= 1.0 if relevance is None else relevance.max()
    size = factor * (1.0 if offset is None else 1.0 + np.abs(offset).max())
    network.offset, network.factor, network.relevance = None, 1.0, None
    assert network.bound(size) == bound


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("kind", [np.array, sparse.csr_array])
@pytest.mark.parametrize("n_samples", [1, 5, 64, 150])
def test_networks_together_give_the_bits_of_each_by_itself(monkeypatch, n_samples, kind, n_threads):
    """Those that read the data in the same units share what they have read."""
    monkeypatch.setattr(measured, "SERIAL_PREDICTION", 0)
    networks = [drawn_network() for _ in range(6)]
    rng = np.random.default_rng(2)
    offset = rng.normal(size=6)
    for network, units in zip(networks, (None, None, *[offset] * 4), strict=True):
        network.offset = units
        for layer in network.layers:
            layer.weights *= rng.uniform(0.5, 2, layer.weights.shape)
    networks[4].factor = 0.25
    networks[5].relevance = rng.uniform(0.1, 3, size=6)
    X = rng.normal(size=(n_samples, 6))
    X[:, 2] = 0  # a silent feature, unless something is subtracted
    X = Samples(kind(X))
    first, *others = networks
    expected = first.forward(X)
    for network in others:
        expected += network.forward(X)
    assert sum_of_outputs(networks, X, n_threads).tobytes() == expected.tobytes()


def test_networks_together_may_be_shared_by_threads_in_different_ways(monkeypatch):
    """With many threads the connections of each part are listed, but not in the denser network."""
    monkeypatch.setattr(measured, "SERIAL_PREDICTION", 0)
    rng = np.random.default_rng(0)
    how = {"activations": ["relu"], "weight_init": "auto", "dtype": np.dtype("float64")}
    sparse_one, dense_one = (
        SparseNetwork.erdos_renyi((300, 400, 3), epsilon, **how, rng=rng) for epsilon in (4, 60)
    )
    X = Samples(rng.normal(size=(70, 300)))
    expected = sparse_one.forward(X) + dense_one.forward(X) + sparse_one.forward(X)
    together = sum_of_outputs([sparse_one, dense_one, sparse_one], X, n_threads=4)
    assert together.tobytes() == expected.tobytes()
    first_layers = [network.layers[0].topology for network in (sparse_one, dense_one)]
    assert [topology._by_part is None for topology in first_layers] == [False, True]
    assert [topology._splits is None for topology in first_layers] == [True, False]


def test_threads_pay_for_much_work_alone():
    network = drawn_network()
    needed = measured.SERIAL_PREDICTION / network.n_connections
    assert not threads_pay([network], int(needed * 0.7))
    assert threads_pay([network], int(needed * 0.9))
    assert threads_pay([network] * 4, int(needed * 0.9) // 4)
