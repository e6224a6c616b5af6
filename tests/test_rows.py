"""The kernels of every variant and number type equal the dense reference.

Forward pass, loss, deltas and gradients, through `Stepper.step` and `forward`, for batches that
end in every kind of block; rows that are empty, full, long or zero; tables beyond the cache; dense
and sparse X.  Scratch memory is full of nan before every step, so nothing is read unwritten.
"""

from fractions import Fraction

import numpy as np
import pytest
import reference
from conftest import (
    FLOAT64_KERNELS,
    TOLERANCES,
    as_csr,
    assert_close,
    every_kernel,
    irregular_network,
    kernel_gradients,
    make_data,
    make_network,
    poisoned_workspace,
    random_network,
    some_rows,
)

from sklearn_set import machine
from sklearn_set.activations import ACTIVATIONS
from sklearn_set.optimizers import SGD
from sklearn_set.samples import Samples

# One, two, four and multiples of eight are the widths; 128, 64, 32, ... the blocks within.
BATCHES = [1, 2, 3, 7, 8, 9, 16, 31, 32, 33, 128, 200]
LOSSES = list(reference.LOSSES)

# Below one, but not as a float.
ALMOST_ONE = Fraction(10**20 - 1, 10**20)

# Layers with every degree modulo four, empty rows and columns, and one of a single neuron.
IRREGULAR = (16, 19, 1, 9, 3)


def test_tables_name_the_same_things():
    """Whoever adds a loss is asked for its reference here."""
    for dtype in ("float32", "float64"):
        kernels = machine.kernels(dtype)
        assert set(kernels.LOSS_CODES) == set(reference.LOSSES)
        assert dtype == kernels.REAL_DTYPE


def compare_gradients(
    kernel, network, data, rows, *, X=None, step_number=0, all_alive=True, **options
):
    """Assert that one step's loss and gradients are those of the reference.

    With `all_alive` every layer must have gradients that are not those of the L2 term: where
    nothing flows, everything agrees.
    """
    dtype = kernel[1]
    dense = reference.DenseMLP.of(network)
    masks = None
    if options.get("dropout"):
        masks = dense.masks(
            len(rows), options["dropout"], options["dropout_seed"], step_number, dtype
        )
    weight = None if data.sample_weight is None else data.sample_weight[rows]
    expected = dense.gradients(
        data.X[rows], data.y[rows], data.loss, weight, options.get("alpha", 0.0), masks
    )
    assert not all_alive or all(gradient.any() for gradient in expected[2])
    before = network.copy()
    loss, on_weights, on_biases = kernel_gradients(
        kernel, network, data, rows, X=X, step_number=step_number, **options
    )
    # The L2 term of the first loss of a Stepper is summed in `dtype` over all weights.
    assert abs(loss - expected[0]) <= TOLERANCES[dtype] * abs(expected[0])
    for depth, layer in enumerate(network.layers):
        pattern = dense.patterns[depth]
        assert_close(on_weights[depth], expected[1][depth][pattern], dtype, f"weights {depth}")
        assert_close(on_biases[depth], expected[2][depth], dtype, f"biases {depth}")
        # The same numbers have been subtracted from the weights.
        old = before.layers[depth]
        np.testing.assert_array_equal(layer.weights, old.weights - on_weights[depth])
        np.testing.assert_array_equal(layer.bias, old.bias - on_biases[depth])


# --------------------------------------------------------------------- every batch size


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_batch", BATCHES)
@every_kernel()
def test_gradients_of_every_batch_size(kernel, n_batch, loss):
    names = ["relu", "gelu", "all_relu"]
    network = irregular_network(IRREGULAR, names, kernel[1], seed=n_batch)
    data = make_data(230, IRREGULAR, loss, kernel[1], seed=1)
    rows = some_rows(230, n_batch, seed=n_batch + 1)
    assert data.sample_weight[rows].sum() > 0
    compare_gradients(kernel, network, data, rows, alpha=0.3)


@pytest.mark.parametrize("duplicates", [False, True])
@pytest.mark.parametrize("n_batch", BATCHES)
@every_kernel()
def test_gradients_from_sparse_data(kernel, n_batch, duplicates):
    network = irregular_network(IRREGULAR, "tanh", kernel[1], seed=n_batch)
    data = make_data(230, IRREGULAR, "squared_error", kernel[1], seed=2, weighted=False)
    X = as_csr(data.X, duplicates=duplicates)
    assert X.indptr.dtype == np.int64
    rows = some_rows(230, n_batch, seed=n_batch + 2)
    compare_gradients(kernel, network, data, rows, X=X)


@pytest.mark.parametrize("sparse_input", [False, True])
@pytest.mark.parametrize("n_samples", BATCHES)
@every_kernel()
def test_forward_of_every_number_of_samples(kernel, n_samples, sparse_input):
    """In blocks of at most 64 samples, the last of them partial."""
    variant, dtype = kernel
    names = ["relu", "elu", "silu"]
    network = irregular_network(IRREGULAR, names, dtype, seed=n_samples)
    X = make_data(n_samples, IRREGULAR, "squared_error", dtype, seed=3).X
    kernels = machine.kernels(dtype, variant)
    width = min(64, kernels.batch_width(n_samples))
    tables = [np.full((size, width), np.nan, dtype) for size in network.sizes]
    outputs = np.full((n_samples, network.sizes[-1]), np.nan, dtype)
    given = as_csr(X, duplicates=True) if sparse_input else Samples(X)
    kernels.forward([network], given, tables, outputs)
    z, _ = reference.DenseMLP.of(network).forward(X)
    assert_close(outputs, z[-1], dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_samples", [1, 5, 64, 150])
def test_forward_of_the_network(n_samples, dtype):
    """`SparseNetwork.forward` lets layers share two rooms in turn."""
    network = irregular_network((16, 40, 7, 33, 2, 3), "tanh", dtype, seed=4)
    X = make_data(n_samples, network.sizes, "squared_error", dtype, seed=5).X
    z, _ = reference.DenseMLP.of(network).forward(X)
    assert_close(network.forward(Samples(X, np.dtype(dtype))), z[-1], dtype)


# --------------------------------------------------------------- activations and dropout


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("activation", list(reference.ACTIVATIONS))
@every_kernel()
def test_activations(kernel, activation, dropout):
    """Two hidden layers, so that All-ReLU shows both of its signs."""
    sizes = (16, 23, 18, 4)
    network = irregular_network(sizes, activation, kernel[1], seed=6)
    data = make_data(60, sizes, "softmax_log_loss", kernel[1], seed=7)
    rows = some_rows(60, 33, seed=8)
    compare_gradients(
        kernel, network, data, rows, dropout=dropout, dropout_seed=3_000_000_000, step_number=17
    )


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@every_kernel()
def test_kernels_are_right_at_both_ends_of_the_bounds(kernel, activation, end):
    sizes = (16, 23, 18, 4)
    network = irregular_network(sizes, activation, kernel[1], seed=6)
    for layer in network.layers[:2]:
        layer.activation_parameter = ACTIVATIONS[activation].bounds[end]
    data = make_data(40, sizes, "squared_error", kernel[1], seed=7)
    compare_gradients(kernel, network, data, np.arange(33, dtype=np.int32))


@pytest.mark.parametrize(
    ("dropout", "seed", "step_number"),
    # step * 64 + layer passes 2**32 in the fourth row; a probability no float32 holds
    [
        (0.5, 0, 0),
        (0.5, 1, 0),
        (0.5, 1, 1),
        (0.9, 5, 2**26 + 3),
        (1 / 3, 2**32 - 1, 2**32 - 1),
        (0.5, 5, 2**32 + 1),
        (0.5, 5, 2**64 - 1),
    ],
)
@every_kernel()
def test_dropout_masks(kernel, dropout, seed, step_number):
    sizes = (16, 23, 18, 4)
    network = irregular_network(sizes, ["relu", "identity"], kernel[1], seed=9)
    data = make_data(60, sizes, "squared_error", kernel[1], seed=10)
    rows = some_rows(60, 13, seed=11)
    compare_gradients(
        kernel, network, data, rows, dropout=dropout, dropout_seed=seed, step_number=step_number
    )


@pytest.mark.parametrize("n_batch", [1, 2, 9])
@pytest.mark.parametrize("activation", [name for name in reference.ACTIVATIONS if name != "relu"])
def test_silent_neurons_learn_where_their_activation_is_not_flat(activation, n_batch):
    """Without connections and bias a neuron puts out zero, but its bias has a gradient."""
    patterns = [np.ones((6, 5), dtype=bool), np.ones((5, 3), dtype=bool)]
    patterns[0][:, :2] = False
    network = make_network(patterns, activation, "float64", np.random.default_rng(61))
    network.layers[0].bias[:2] = 0
    data = make_data(12, network.sizes, "squared_error", "float64", seed=62)
    compare_gradients(FLOAT64_KERNELS[-1], network, data, some_rows(12, n_batch, seed=63))


@every_kernel(FLOAT64_KERNELS)
def test_dropout_masks_of_a_deep_network(kernel):
    """A chain of layers: what is left of every neuron has passed all their masks."""
    n, depth = 100, 67
    rng = np.random.default_rng(51)
    chain = [np.eye(n, dtype=bool)] * depth
    network = make_network([*chain, np.ones((n, 2), dtype=bool)], "identity", kernel[1], rng)
    for layer in network.layers[:-1]:
        layer.weights[...] = rng.choice([-1, 1], n)
        layer.bias[...] = 0
    data = make_data(20, network.sizes, "squared_error", kernel[1], seed=52, zero_features=False)
    compare_gradients(
        kernel, network, data, some_rows(20, 9, seed=53), dropout=0.05, dropout_seed=6
    )


def test_no_two_layers_or_steps_have_the_same_key():
    steps = [0, 1, 63, 2**26 - 1, 2**26, 2**26 + 1, 2**32, 2**58, 2**58 + 2**32, 2**64 - 1]
    layers = [reference.FEATURES, 0, 1, 61, 62, 63, 64, 126, 127, 128, 10**6]
    keys = {int(reference.dropout_key(9, step, layer)[0]) for step in steps for layer in layers}
    assert len(keys) == len(steps) * len(layers)


@pytest.mark.parametrize("dropout", [0.9995, 1 - 1e-7, 1 - 1e-9, np.nextafter(1, 0), ALMOST_ONE])
@every_kernel()
def test_dropout_of_nearly_all(kernel, dropout):
    """Nothing or nearly nothing passes the hidden layers, and nothing becomes infinite."""
    sizes = (16, 230, 180, 4)
    network = irregular_network(sizes, "tanh", kernel[1], seed=54)
    data = make_data(60, sizes, "squared_error", kernel[1], seed=55)
    rows = some_rows(60, 33, seed=56)
    compare_gradients(
        kernel, network, data, rows, dropout=dropout, dropout_seed=7, all_alive=False, alpha=0.1
    )


def test_dropout_masks_look_random():
    """The share that is dropped, and no trace of one neuron, sample, layer or step in the next."""
    n = 300
    masks = {
        (step, depth): reference.dropout_mask(n, n, 0.4, 7, step, depth) > 0
        for step in (0, 1)
        for depth in (0, 1)
    }
    kept = masks[0, 0]
    # All of these are means of n * n or nearly as many draws of probability 0.6 (or, for pairs,
    # 0.36): five standard deviations are at most 5 * 0.5 / 300.
    allowed = 5 * 0.5 / (n - 1)
    assert abs(kept.mean() - 0.6) < allowed
    pairs = [
        (kept, masks[1, 0]),
        (kept, masks[0, 1]),
        (masks[1, 0], masks[0, 1]),
        (kept[1:], kept[:-1]),
        (kept[:, 1:], kept[:, :-1]),
        (kept, kept.T),
    ]
    for a, b in pairs:
        assert abs((a & b).mean() - 0.36) < allowed
    # every single neuron and sample too: 600 means of 300 draws, five deviations of each
    for axis in (0, 1):
        assert np.abs(kept.mean(axis=axis) - 0.6).max() < 5 * np.sqrt(0.24 / n)


# ------------------------------------------------------------------- rows of every kind


def pattern_of_degrees(degrees, n_out, rng):
    pattern = np.zeros((len(degrees), n_out), dtype=bool)
    for i, degree in enumerate(degrees):
        pattern[i, rng.choice(n_out, degree, replace=False)] = True
    return pattern


@pytest.mark.parametrize("name", ["relu", "tanh"])
@every_kernel()
def test_rows_around_the_flush(kernel, name):
    """Gradients wait until 512 slots are full: rows just below, at, above, and of many times that.

    Dead rows (zero features; relu neurons with a bias of -1000) lie within a flush and at its
    borders, where gradients of an earlier flush must not be taken for theirs.
    """
    rng = np.random.default_rng(12)
    degrees = [511, 0, 1, 512, 513, 0, 0, 100, 411, 1, 256, 256, 1700, 3, 700, 0, 2, 509, 1]
    first = pattern_of_degrees(degrees, 1700, rng)
    # 1700 biases: four flushes of those; chunks of some 2048 connections
    second = pattern_of_degrees(rng.permutation([0, 1, 2, 5] * 425), 19, rng)
    third = pattern_of_degrees(degrees, 1700, rng)
    network = make_network([first, second, third], name, kernel[1], rng)
    assert network.layers[0].topology.chunks.shape[0] > 2
    for layer in network.layers[:2]:
        layer.bias[:: 3 if layer.bias.shape[0] > 100 else 4] = -1000
    data = make_data(20, network.sizes, "squared_error", kernel[1], seed=13, weighted=False)
    data.X[:, [3, 10]] = 0
    compare_gradients(kernel, network, data, some_rows(20, 9, seed=14), alpha=0.1)


@every_kernel()
def test_negative_zeros_are_zeros(kernel):
    """A row of -0.0 is skipped as a row of 0.0 is, and changes nothing."""
    network = irregular_network((16, 19, 9, 3), "relu", kernel[1], seed=15)
    data = make_data(20, network.sizes, "squared_error", kernel[1], seed=16)
    data.X[:, 1] = -0.0
    compare_gradients(kernel, network, data, some_rows(20, 11, seed=17))


@every_kernel()
def test_silent_neurons_of_other_activations_learn(kernel):
    """Outputs of zero are flat for relu alone: identity neurons at zero must get their delta."""
    network = irregular_network((16, 19, 9, 3), "identity", kernel[1], seed=18)
    for layer in network.layers[:2]:
        layer.bias[...] = 0
    data = make_data(20, network.sizes, "softmax_log_loss", kernel[1], seed=19)
    data.X[...] = 0
    rows = some_rows(20, 12, seed=20)
    _, _, on_biases = kernel_gradients(kernel, network.copy(), data, rows)
    assert np.abs(on_biases[0]).max() > 1e-3
    compare_gradients(kernel, network, data, rows)


@every_kernel()
def test_tables_beyond_the_cache(kernel):
    """More than 1 MB of activations, where both passes prefetch, in wide and in narrow blocks."""
    dtype = kernel[1]
    n = (1 << 20) // (200 * np.dtype(dtype).itemsize) + 20
    network = random_network((30, n, n, 2), 1.5, ["silu", "relu"], dtype, seed=21)
    data = make_data(200, network.sizes, "softmax_log_loss", dtype, seed=22)
    compare_gradients(kernel, network, data, some_rows(200, 200, seed=23))


@every_kernel()
def test_smallest_networks(kernel):
    """One neuron everywhere, with and without its connection; no hidden layer."""
    rng = np.random.default_rng(24)
    one, none = np.ones((1, 1), bool), np.zeros((1, 1), bool)
    for patterns in ([one], [one, one], [one, none, one], [none, one]):
        for n_batch in (1, 3, 9):
            network = make_network(patterns, "tanh", kernel[1], rng)
            data = make_data(
                9,
                network.sizes,
                "logistic_log_loss",
                kernel[1],
                seed=25,
                weighted=False,
                zero_features=False,
            )
            rows = some_rows(9, n_batch, seed=26)
            compare_gradients(kernel, network, data, rows, all_alive=False)


# ------------------------------------------------------------------------ extreme numbers


@pytest.mark.parametrize("loss", ["softmax_log_loss", "logistic_log_loss"])
@every_kernel()
def test_confident_outputs_neither_overflow_nor_vanish(kernel, loss):
    """Pre-activations of some thousands: exp would overflow, log(0) would be infinite."""
    dtype = kernel[1]
    network = make_network([np.ones((2, 3), bool)], [], dtype, np.random.default_rng(27))
    network.layers[0].bias[...] = 0
    network.layers[0].weights[...] = [1000, 0, -1000, 0, 2000, 500]
    data = make_data(4, (2, 3), loss, dtype, seed=28, weighted=False)
    data.X[...] = [[1, 0], [-2, 0], [0, 1], [1.5, -2]]
    compare_gradients(kernel, network, data, np.arange(4, dtype=np.int32))


@pytest.mark.parametrize("where", ["outputs", "hidden layers"])
@every_kernel()
def test_a_sample_of_weight_zero_leaves_no_trace(kernel, where):
    """Even where its outputs overflow."""
    dtype = kernel[1]
    sizes = (16, 19, 9, 3)
    network = irregular_network(sizes, "relu", dtype, seed=29)
    network.layers[2].weights *= 1e8
    data = make_data(12, sizes, "softmax_log_loss", dtype, seed=30)
    rows = np.arange(12, dtype=np.int32)
    ignored = np.flatnonzero(data.sample_weight == 0)
    assert len(ignored) == 1
    expected = kernel_gradients(kernel, network.copy(), data, rows)
    # The hidden layers bear a millionth of the largest number; the outputs overflow.
    data.X[ignored] = np.finfo(dtype).max / (1e6 if where == "outputs" else 1)
    outputs = network.forward(Samples(data.X))
    assert not np.isfinite(outputs[ignored]).any()
    assert np.isfinite(np.delete(outputs, ignored, axis=0)).all()
    loss, on_weights, on_biases = kernel_gradients(kernel, network.copy(), data, rows)
    assert loss == expected[0]
    for depth in range(3):
        np.testing.assert_array_equal(on_weights[depth], expected[1][depth])
        np.testing.assert_array_equal(on_biases[depth], expected[2][depth])


@every_kernel()
def test_workspace_of_another_batch_serves(kernel):
    """Tables are wider than the batch, and hold what the batch before left."""
    variant, dtype = kernel
    network = irregular_network(IRREGULAR, ["relu", "gelu", "all_relu"], dtype, seed=31)
    data = make_data(60, IRREGULAR, "squared_error", dtype, seed=32, weighted=False)
    dense = reference.DenseMLP.of(network)
    optimizer = SGD(momentum=0.5, nesterov=False).attach(network)
    stepper = machine.kernels(dtype, variant).Stepper(
        network,
        optimizer,
        poisoned_workspace(network, 40, 1),
        Samples(data.X),
        data.y,
        None,
        loss=data.loss,
    )
    for step, n_batch in enumerate([40, 5, 33, 1, 17, 2]):
        rows = some_rows(60, n_batch, seed=step)
        loss = stepper.step(rows, 0.05, 0.05, step)
        expected = dense.step(data.X[rows], data.y[rows], data.loss, "momentum", 0.05, momentum=0.5)
        assert abs(loss - expected) <= TOLERANCES[dtype] * abs(expected)
    for depth, layer in enumerate(network.layers):
        expected = dense.weights[depth][dense.patterns[depth]]
        assert_close(layer.weights, expected, dtype, f"weights {depth}")
        assert_close(layer.bias, dense.biases[depth], dtype, f"biases {depth}")
