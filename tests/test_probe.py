"""A probe gives the gradient of any position, connected or not, as dense backpropagation would.

Compared with the dense reference on a full pattern, and with finite differences of its loss.
"""

import warnings

import numpy as np
import pytest
import reference
from conftest import (
    as_csr,
    assert_close,
    every_kernel,
    irregular_network,
    make_data,
    samples,
    some_rows,
)

from sklearn_set import machine, probe
from sklearn_set.probe import LayerProbe, n_probe_samples

SIZES = (7, 9, 8, 3)
N_SAMPLES, N_PROBED = 30, 17

# See test_gradient.py.
H = 1e-5
MAX_RELATIVE_ERROR = 1e-6


def positive(data):
    """The same data without weights of zero, which a probe is not given."""
    if data.sample_weight is not None:
        data.sample_weight[data.sample_weight == 0] = 0.25
    return data


def probe_of(network, data, rows, X=None):
    X = samples(data.X if X is None else X)
    return probe.probe(network, X, data.y, data.sample_weight, data.loss, rows, data.loss_parameter)


def all_gradients(layer_probe):
    """Of all positions, as a matrix of shape (n_in, n_out)."""
    shape = layer_probe.inputs.shape[0], layer_probe.deltas.shape[0]
    return layer_probe.gradients(np.arange(shape[0] * shape[1])).reshape(shape)


def dense_gradients(network, data, rows, dtype="float64"):
    """Of all positions, by backpropagation through dense matrices."""
    dense = reference.DenseMLP.of(network, dtype)
    dense.patterns = [np.ones_like(pattern) for pattern in dense.patterns]
    weight = None if data.sample_weight is None else data.sample_weight[rows]
    return dense.gradients(data.X[rows], data.y[rows], data.loss, weight)[1]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", list(reference.LOSSES))
@pytest.mark.parametrize("activation", list(reference.ACTIVATIONS))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_are_those_of_dense_backpropagation(dtype, activation, loss, weighted):
    data = positive(make_data(N_SAMPLES, SIZES, loss, dtype, seed=1, weighted=weighted))
    network = irregular_network(SIZES, activation, dtype, seed=3)
    rows = some_rows(N_SAMPLES, N_PROBED, seed=2)
    expected = dense_gradients(network, data, rows)
    for depth, layer_probe in enumerate(probe_of(network, data, rows)):
        gradients = all_gradients(layer_probe)
        assert gradients.dtype == dtype
        assert np.abs(expected[depth]).max() > 1e-3
        assert_close(gradients, expected[depth], dtype, f"layer {depth}")


@pytest.mark.parametrize("loss", list(reference.LOSSES))
@pytest.mark.parametrize("activation", list(reference.ACTIVATIONS))
def test_gradients_are_the_derivatives_of_the_loss(activation, loss):
    data = positive(make_data(N_SAMPLES, SIZES, loss, "float64", seed=1))
    network = irregular_network(SIZES, activation, "float64", seed=3)
    rows = some_rows(N_SAMPLES, N_PROBED, seed=2)
    dense = reference.DenseMLP.of(network)
    # Errors are reported as the mean over the outputs, their gradient is that of the sum.
    n_summed = SIZES[-1] if loss in reference.AVERAGED else 1

    def loss_with(depth, position, change):
        weights = dense.weights[depth]
        kept = weights[position]
        weights[position] += change
        result = dense.gradients(data.X[rows], data.y[rows], loss, data.sample_weight[rows])[0]
        weights[position] = kept
        return result * n_summed

    for depth, layer_probe in enumerate(probe_of(network, data, rows)):
        gradients = all_gradients(layer_probe)
        assert not dense.patterns[depth].all()
        for position in list(np.ndindex(gradients.shape))[depth::3]:
            above, below = (loss_with(depth, position, change) for change in (H, -H))
            error = abs((above - below) / (2 * H) - gradients[position])
            assert error < MAX_RELATIVE_ERROR * np.abs(gradients).max()


@pytest.mark.parametrize("duplicates", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dense_and_sparse_samples_give_the_same_bits(dtype, duplicates):
    data = make_data(N_SAMPLES, SIZES, "softmax_log_loss", dtype, seed=1, weighted=False)
    network = irregular_network(SIZES, "relu", dtype, seed=3)
    rows = some_rows(N_SAMPLES, N_PROBED, seed=2)
    pairs = zip(
        probe_of(network, data, rows),
        probe_of(network, data, rows, as_csr(data.X, duplicates=duplicates)),
        strict=True,
    )
    for one, other in pairs:
        np.testing.assert_array_equal(one.inputs, other.inputs)
        np.testing.assert_array_equal(one.deltas, other.deltas)


@pytest.mark.parametrize("sparse_input", [False, True])
@pytest.mark.parametrize("n_samples", [1, 37, 64])
def test_threads_change_no_bit(n_samples, sparse_input):
    sizes = 3000, 500, 4
    data = make_data(n_samples, sizes, "softmax_log_loss", "float32", seed=1, weighted=False)
    network = irregular_network(sizes, "relu", "float32", seed=3)
    X = as_csr(data.X) if sparse_input else samples(data.X)
    rows = np.random.default_rng(0).permutation(n_samples)
    arguments = network, X, data.y, None, data.loss, rows
    pairs = zip(probe.probe(*arguments), probe.probe(*arguments, n_threads=2), strict=True)
    np.testing.assert_array_equal(probe.probe(*arguments)[0].inputs, data.X[rows].T)
    for one, two in pairs:
        np.testing.assert_array_equal(one.inputs, two.inputs)
        np.testing.assert_array_equal(one.deltas, two.deltas)
        np.testing.assert_array_equal(all_gradients(one), all_gradients(two))


def test_only_the_rows_count():
    data = make_data(N_SAMPLES, SIZES, "squared_error", "float64", seed=1, weighted=False)
    network = irregular_network(SIZES, "tanh", "float64", seed=3)
    rows = some_rows(N_SAMPLES, N_PROBED, seed=2)
    before = [all_gradients(layer) for layer in probe_of(network, data, rows)]
    others = np.setdiff1d(np.arange(N_SAMPLES), rows)
    data.X[others], data.y[others] = np.nan, np.nan
    for one, other in zip(before, probe_of(network, data, rows), strict=True):
        np.testing.assert_array_equal(one, all_gradients(other))


def test_a_weight_is_worth_repetitions():
    data = make_data(N_SAMPLES, SIZES, "logistic_log_loss", "float64", seed=1)
    data.sample_weight[:] = 1
    data.sample_weight[:3] = 2
    network = irregular_network(SIZES, "silu", "float64", seed=3)
    weighted = probe_of(network, data, np.arange(8))
    data.sample_weight = None
    repeated = probe_of(network, data, np.array([0, 1, 2, *range(8)]))
    for one, other in zip(weighted, repeated, strict=True):
        assert_close(all_gradients(one), all_gradients(other), "float64")


def test_a_probe_changes_nothing():
    data = make_data(N_SAMPLES, SIZES, "softmax_log_loss", "float64", seed=1, weighted=False)
    network = irregular_network(SIZES, "identity", "float64", seed=3)
    for layer in network.layers:
        layer.weights.flags.writeable = layer.bias.flags.writeable = False
    data.X.flags.writeable = data.y.flags.writeable = False
    probe_of(network, data, np.arange(N_SAMPLES))


def test_a_network_without_hidden_layers_is_probed():
    data = make_data(N_SAMPLES, (7, 3), "softmax_log_loss", "float64", seed=1, weighted=False)
    network = irregular_network((7, 3), [], "float64", seed=3)
    rows = np.arange(N_SAMPLES)
    (layer,) = probe_of(network, data, rows)
    assert_close(all_gradients(layer), dense_gradients(network, data, rows)[0], "float64")


@every_kernel()
@pytest.mark.parametrize("n_samples", [1, 2, 15, 16, 17, 40])
def test_gradients_at_some_positions_for_any_number_of_threads(n_samples, kernel):
    variant, dtype = kernel
    gradients_at = machine.kernels(dtype, variant).gradients_at
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(90, n_samples)).astype(dtype)
    deltas = rng.normal(size=(7000, n_samples)).astype(dtype)
    positions = np.unique(rng.integers(90 * 7000, size=30_000))
    expected = np.einsum("kb,kb->k", *(inputs[positions // 7000], deltas[positions % 7000]))
    one = gradients_at(positions, inputs, deltas)
    assert one.dtype == dtype
    assert_close(one, expected, dtype)
    for n_threads in (2, 4):
        np.testing.assert_array_equal(gradients_at(positions, inputs, deltas, n_threads), one)
    for chosen in (positions[:0], positions[:1], positions[-3:]):
        result = gradients_at(chosen, inputs, deltas)
        np.testing.assert_array_equal(result, one[np.isin(positions, chosen)])


@every_kernel()
def test_positions_outside_the_layer_are_refused(kernel):
    variant, dtype = kernel
    gradients_at = machine.kernels(dtype, variant).gradients_at
    tables = np.ones((3, 5), dtype), np.ones((4, 5), dtype)
    for outside in ([-1, 3], [3, 12]):
        with pytest.raises(ValueError, match="no such positions"):
            gradients_at(np.array(outside), *tables)
    assert LayerProbe(*tables).gradients(np.array([0, 11])).tolist() == [5, 5]


def test_an_overflow_is_silent():
    data = make_data(N_SAMPLES, SIZES, "squared_error", "float32", seed=1, weighted=False)
    network = irregular_network(SIZES, "identity", "float32", seed=3)
    data.X *= 1e30
    for layer in network.layers:
        layer.weights *= 1e20
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        probed = probe_of(network, data, np.arange(N_SAMPLES))
        assert not np.isfinite(all_gradients(probed[0])).all()


@pytest.mark.parametrize(
    ("sizes", "n_samples", "batch_size", "dtype", "expected"),
    [
        ((10, 20, 3), 1000, 32, "float32", 128),
        ((10, 20, 3), 1000, 200, "float32", 200),
        ((10, 20, 3), 50, 32, "float32", 50),
        ((500_000, 500_000), 1000, 200, "float32", 2**28 // (2 * 10**6 * 4)),
        ((500_000, 500_000), 1000, 200, "float64", 2**28 // (2 * 10**6 * 8)),
        ((500_000, 500_000), 7, 7, "float64", 7),
        ((10**8, 10**8), 1000, 200, "float64", 1),
    ],
)
def test_number_of_samples(sizes, n_samples, batch_size, dtype, expected):
    assert n_probe_samples(sizes, n_samples, batch_size, np.dtype(dtype)) == expected
