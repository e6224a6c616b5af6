"""A mini-batch as a whole: padding, formats and errors change nothing.

The same bits for dense or sparse X; the last partial batch counts; lanes of padding have no effect;
scalars keep their precision; what cannot work is refused.
"""

import numpy as np
import pytest
import reference
from conftest import (
    FLOAT64_KERNELS,
    TOLERANCES,
    Data,
    as_csr,
    assert_close,
    every_kernel,
    irregular_network,
    kernel_gradients,
    kernel_name,
    make_data,
    make_network,
    make_stepper,
    poisoned_workspace,
    samples,
    settings,
    some_rows,
)
from scipy import sparse
from stepping import IRREGULAR, assert_same_bits, values_of

from sklearn_set.optimizers import SGD, Adam
from sklearn_set.samples import Samples, check_n_samples
from sklearn_set.state import Progress, Randomness, TrainingState
from sklearn_set.training import TrainingData, run_epoch

MIXED = ["relu", "gelu", "all_relu"]

# ------------------------------------------------------------------------- dense and sparse


@pytest.mark.parametrize("n_batch", [1, 4, 7, 40])
@every_kernel()
def test_dense_and_sparse_data_give_the_same_bits(kernel, n_batch):
    data = make_data(60, IRREGULAR, "logistic_log_loss", kernel[1], seed=5)
    results = []
    for X in (data.X, as_csr(data.X)):
        network = irregular_network(IRREGULAR, MIXED, kernel[1], seed=6)
        optimizer = SGD().attach(network)
        stepper = make_stepper(kernel, network, optimizer, data, batch_size=n_batch, X=X)
        losses = [
            stepper.step(some_rows(60, n_batch, seed=step + 20), 0.05, 0.05, step)
            for step in range(3)
        ]
        results.append((losses, values_of(network, optimizer)))
    assert np.isfinite(results[0][0]).all()
    assert results[0][0] == results[1][0]
    assert_same_bits(results[0][1], results[1][1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dense_and_sparse_data_give_the_same_predictions(dtype):
    network = irregular_network(IRREGULAR, MIXED, dtype, seed=7)
    X = make_data(75, IRREGULAR, "squared_error", dtype, seed=8).X
    assert network.forward(samples(X)).tobytes() == network.forward(as_csr(X)).tobytes()


# ------------------------------------------------------------------------ batches and lanes


@pytest.mark.parametrize("n_samples", [23, 24, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_last_partial_batch_counts(dtype, n_samples):
    """An epoch in batches of eight is three steps of the reference, the last one smaller."""
    network = irregular_network(IRREGULAR, MIXED, dtype, seed=9)
    data = make_data(30, IRREGULAR, "squared_error", dtype, seed=10, weighted=False)
    rows = some_rows(30, n_samples, seed=11)
    dense = reference.DenseMLP.of(network)
    optimizer = SGD(momentum=0.9, nesterov=True).attach(network)
    progress = Progress(learning_rate=0.02)
    loss = run_epoch(
        TrainingState(network, optimizer, progress, Randomness(0), rows, None),
        TrainingData(Samples(data.X), data.y, None, data.loss, rows),
        settings(batch_size=8, alpha=0.1, shuffle=False),
        poisoned_workspace(network, 8),
    )
    batches = [rows[start : start + 8] for start in range(0, n_samples, 8)]
    total = sum(
        len(batch)
        * dense.step(
            data.X[batch], data.y[batch], data.loss, "nesterov", 0.02, alpha=0.1, momentum=0.9
        )
        for batch in batches
    )
    assert abs(loss - total / n_samples) <= TOLERANCES[dtype] * abs(loss)
    assert progress.n_steps == len(batches)
    assert progress.n_samples_seen == n_samples
    for depth, layer in enumerate(network.layers):
        expected = dense.weights[depth][dense.patterns[depth]]
        assert_close(layer.weights, expected, dtype, f"weights {depth}")
        assert_close(layer.bias, dense.biases[depth], dtype, f"biases {depth}")


@pytest.mark.parametrize("loss", list(reference.LOSSES))
@pytest.mark.parametrize(("n_batch", "n_full"), [(3, 4), (5, 8), (9, 16), (25, 32)])
@every_kernel()
def test_lanes_of_padding_have_no_effect(kernel, n_batch, n_full, loss):
    """A batch that needs padding gives the bits of a full one whose other samples weigh nothing.

    Activations of padding are those of a sample of zeros, far from zero themselves; dropout
    draws by position and so hits the true samples alike.
    """
    data = make_data(40, IRREGULAR, loss, kernel[1], seed=12, zero_features=False)
    data.sample_weight[:] = np.random.default_rng(13).uniform(0.5, 2, 40)
    data.sample_weight[n_batch:] = 0
    results = []
    for n_rows in (n_batch, n_full):
        network = irregular_network(IRREGULAR, ["silu", "logistic", "tanh"], kernel[1], seed=14)
        optimizer = SGD().attach(network)
        stepper = make_stepper(
            kernel, network, optimizer, data, batch_size=40, dropout=0.3, dropout_seed=1, alpha=0.1
        )
        value = stepper.step(np.arange(n_rows, dtype=np.int32), 0.1, 0.1, 0)
        results.append((value, values_of(network, optimizer)))
    assert np.isfinite(results[0][0])
    assert results[0][0] == results[1][0]
    for name, values in results[0][1].items():
        np.testing.assert_array_equal(values, results[1][1][name], err_msg=name)


@every_kernel()
def test_batch_wider_than_the_workspace_is_refused(kernel):
    network = irregular_network(IRREGULAR, "relu", kernel[1], seed=15)
    data = make_data(40, IRREGULAR, "squared_error", kernel[1], seed=16)
    optimizer = SGD().attach(network)
    stepper = make_stepper(kernel, network, optimizer, data, batch_size=16)
    before = {name: values.copy() for name, values in values_of(network, optimizer).items()}
    with pytest.raises(ValueError, match="the batch is wider than the workspace"):
        stepper.step(np.arange(17, dtype=np.int32), 0.1, 0.1, 0)
    assert_same_bits(values_of(network, optimizer), before)
    assert np.isfinite(stepper.step(np.arange(16, dtype=np.int32), 0.1, 0.1, 0))


@every_kernel()
def test_batch_without_weight_changes_nothing(kernel):
    """There is no mean over weights that sum to zero: nan, and the next batch is as ever."""
    network = irregular_network(IRREGULAR, "tanh", kernel[1], seed=17)
    data = make_data(20, IRREGULAR, "squared_error", kernel[1], seed=18)
    data.sample_weight[:10] = 0
    optimizer = SGD().attach(network)
    stepper = make_stepper(kernel, network, optimizer, data, batch_size=10, alpha=0.5)
    before = {name: values.copy() for name, values in values_of(network, optimizer).items()}
    assert np.isnan(stepper.step(np.arange(10, dtype=np.int32), 0.1, 0.1, 0))
    assert stepper.weights_are_finite
    assert_same_bits(values_of(network, optimizer), before)
    rows = np.arange(10, 20, dtype=np.int32)
    expected, *_ = reference.DenseMLP.of(network).gradients(
        data.X[rows], data.y[rows], data.loss, data.sample_weight[rows], 0.5
    )
    assert abs(stepper.step(rows, 0.1, 0.1, 1) - expected) <= TOLERANCES[kernel[1]] * expected


# ------------------------------------------------------------------------- borrowed memory


@pytest.mark.parametrize("sparse_input", [False, True])
@pytest.mark.parametrize("loss", ["softmax_log_loss", "squared_error"])
@every_kernel()
def test_read_only_data_is_accepted(kernel, loss, sparse_input):
    """joblib hands memory maps to its workers; what is only read need not be writable."""
    network = irregular_network(IRREGULAR, "relu", kernel[1], seed=19)
    data = make_data(10, IRREGULAR, loss, kernel[1], seed=20)
    X = as_csr(data.X) if sparse_input else data.X
    rows = np.arange(10, dtype=np.int32)
    X = samples(X)
    of_X = [X.values, X.indices, X.indptr] if sparse_input else [X.values]
    arrays = [*of_X, data.y, data.sample_weight, rows]
    copies = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    for layer in network.layers:
        for array in (layer.topology.indptr, layer.topology.indices):
            array.flags.writeable = False
    stepper = make_stepper(kernel, network, SGD().attach(network), data, batch_size=10, X=X)
    assert np.isfinite(stepper.step(rows, 0.1, 0.1, 0))
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)

    for layer in network.layers:
        layer.weights.flags.writeable = layer.bias.flags.writeable = False
    assert np.isfinite(network.forward(samples(X))).all()
    for attribute in ("weights", "bias"):
        network = network.copy()
        getattr(network.layers[1], attribute).flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            make_stepper(kernel, network, SGD().attach(network), data, batch_size=10)


@every_kernel()
def test_arrays_of_the_other_number_type_are_refused(kernel):
    """A kernel that read them would read noise."""
    dtype = kernel[1]
    other = {"float32": "float64", "float64": "float32"}[dtype]
    network = irregular_network(IRREGULAR, "relu", dtype, seed=21)
    data = make_data(10, IRREGULAR, "squared_error", dtype, seed=22)
    for attribute in ("X", "y", "sample_weight"):
        wrong = make_data(10, IRREGULAR, "squared_error", dtype, seed=22)
        setattr(wrong, attribute, getattr(wrong, attribute).astype(other))
        with pytest.raises(ValueError, match="Buffer dtype mismatch"):
            make_stepper(kernel, network, SGD().attach(network), wrong, batch_size=10)
    wrong_X = as_csr(data.X)
    wrong_X.indices = wrong_X.indices.astype(np.int64)
    with pytest.raises(ValueError, match="Buffer dtype mismatch"):
        make_stepper(kernel, network, SGD().attach(network), data, batch_size=10, X=wrong_X)


@pytest.mark.parametrize("kernel", [("baseline", "float64")], ids=kernel_name)
def test_targets_in_another_order_are_refused(kernel):
    """Only C-ordered arrays can be borrowed: a copy would be gone before the first step."""
    network = irregular_network(IRREGULAR, "relu", "float64", seed=21)
    data = make_data(10, IRREGULAR, "squared_error", "float64", seed=22)
    data.y = np.asfortranarray(data.y)
    with pytest.raises(ValueError, match="contiguous"):
        make_stepper(kernel, network, SGD().attach(network), data, batch_size=10)


def test_samples_keep_what_fits():
    """Views where nothing needs to change, the kernels' types where something does."""
    X = np.random.default_rng(23).normal(size=(6, 4))
    assert Samples(X, np.dtype("float64")).values is X
    turned = Samples(np.asfortranarray(X), np.dtype("float32")).values
    assert turned.flags.c_contiguous
    assert turned.dtype == np.float32
    for format in ("csr", "csc", "coo"):
        matrix = sparse.coo_array(np.where(np.abs(X) > 0.7, X, 0)).asformat(format)
        made = Samples(matrix, np.dtype("float64"))
        assert (made.dtype, made.indices.dtype, made.indptr.dtype) == ("f8", "i4", "i8")
        expected = matrix.toarray()
        np.testing.assert_array_equal(made.matrix().toarray(), expected)
        assert made.size == Samples(-matrix).size == np.abs(expected).max()
    matrix = sparse.csr_array(X)
    assert np.shares_memory(Samples(matrix).values, matrix.data)


def test_more_samples_than_can_be_numbered_are_refused():
    """Before anything is copied: the arrays stand for more than memory holds."""
    check_n_samples(2**31 - 1)
    for X in (np.broadcast_to(np.float32(0), (2**31, 1)), np.broadcast_to(0.0, (2**33, 3))):
        with pytest.raises(ValueError, match=f"X has {X.shape[0]} samples, more than the 2147483"):
            Samples(X, np.dtype("float32"))


# ---------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@every_kernel()
def test_weights_that_overflow_are_noticed(kernel, value, depth):
    """In any layer, in whichever slot, in the step in which it happens; not before."""
    sizes = (16, 19, 9, 3)
    network = irregular_network(sizes, "relu", kernel[1], seed=25)
    data = make_data(10, sizes, "squared_error", kernel[1], seed=26)
    for slot in (0, 17, -1):
        damaged = network.copy()
        optimizer = SGD(momentum=0.5, nesterov=False).attach(damaged)
        stepper = make_stepper(kernel, damaged, optimizer, data, batch_size=10)
        assert stepper.weights_are_finite
        stepper.step(np.arange(10, dtype=np.int32), 1e-3, 1e-3, 0)
        assert stepper.weights_are_finite
        optimizer.moments[depth][0][slot] = value
        stepper.step(np.arange(10, dtype=np.int32), 1e-3, 1e-3, 1)
        assert not np.isfinite(damaged.layers[depth].weights[slot])
        assert not stepper.weights_are_finite


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@every_kernel()
def test_biases_and_moments_that_overflow_are_noticed(kernel, value, depth):
    """In any layer, in whichever place."""
    sizes = (16, 19, 9, 3)
    network = irregular_network(sizes, "relu", kernel[1], seed=25)
    optimizer = Adam().attach(network)
    data = make_data(10, sizes, "squared_error", kernel[1], seed=26)
    stepper = make_stepper(kernel, network, optimizer, data, batch_size=10)
    stepper.step(np.arange(10, dtype=np.int32), 1e-3, 1e-3, 0)
    for values in (network.layers[depth].bias, *optimizer.bias_moments[depth]):
        for place in (0, values.shape[0] // 2, -1):
            before = values[place]
            assert stepper.biases_are_finite
            values[place] = value
            assert not stepper.biases_are_finite
            values[place] = before


@every_kernel()
def test_rate_that_explodes_is_noticed(kernel):
    """The usual way to infinity: a rate far too large, step by step."""
    sizes = (16, 19, 9, 3)
    network = irregular_network(sizes, "relu", kernel[1], seed=27)
    data = make_data(10, sizes, "squared_error", kernel[1], seed=28)
    stepper = make_stepper(kernel, network, SGD().attach(network), data, batch_size=10)
    for step in range(50):
        stepper.step(np.arange(10, dtype=np.int32), 1e3, 1e3, step)
        if not stepper.weights_are_finite:
            break
    assert not stepper.weights_are_finite
    with np.errstate(over="ignore", invalid="ignore"):
        squares = sum(np.vdot(layer.weights, layer.weights) for layer in network.layers)
    assert not np.isfinite(squares), "weights whose squares can be summed are no reason to stop"


@every_kernel(FLOAT64_KERNELS)
def test_double_scalars_stay_double(kernel):
    """A third is not what the next float32 is: every scalar argument reaches the kernel whole.

    Declared as float in Cython, the type of the float64 kernels would round them all by 1e-8.
    """
    third = 1 / 3
    sizes = (16, 19, 9, 3)
    data = make_data(12, sizes, "squared_error", "float64", seed=29)
    rows = np.arange(12, dtype=np.int32)
    for name in ("rate", "alpha", "weight_decay", "momentum", "dropout", "leaky_relu"):
        network = irregular_network(sizes, "leaky_relu", "float64", seed=30)
        if name == "leaky_relu":
            for layer in network.layers[:2]:
                layer.activation_parameter = third
        options = {option: third for option in ("alpha", "weight_decay") if option == name}
        momentum = third if name == "momentum" else 0.5
        rate = third if name == "rate" else 0.125
        dropout = third if name == "dropout" else 0.0
        dense = reference.DenseMLP.of(network)
        optimizer = SGD(momentum=momentum, nesterov=False).attach(network)
        stepper = make_stepper(
            kernel, network, optimizer, data, batch_size=12, dropout=dropout, **options
        )
        for step in range(2):
            stepper.step(rows, rate, rate, step)
            dense.step(
                data.X[rows],
                data.y[rows],
                data.loss,
                "momentum",
                rate,
                sample_weight=data.sample_weight[rows],
                masks=dense.masks(12, dropout, 0, step, "float64"),
                momentum=momentum,
                **options,
            )
        for depth, layer in enumerate(network.layers):
            expected = dense.weights[depth][dense.patterns[depth]]
            assert_close(layer.weights, expected, "float64", f"{name}, weights {depth}")


# ----------------------------------------------------------------------------------- builds


def test_a_batch_smaller_than_told_is_penalised_as_one_of_that_size():
    sizes, gradients = (12, 9, 3), []
    data = make_data(20, sizes, "squared_error", "float64", seed=71, weighted=False)
    for alpha in (0.0, 0.4):
        network = irregular_network(sizes, "tanh", "float64", seed=72)
        weights = [layer.weights.copy() for layer in network.layers]
        how = {"alpha": alpha, "smallest_batch": 16}
        gradients.append(
            kernel_gradients(FLOAT64_KERNELS[-1], network, data, some_rows(20, 5, 0), **how)[1]
        )
    for without, with_penalty, before in zip(*gradients, weights, strict=True):
        np.testing.assert_allclose(with_penalty - without, 0.4 / 16 * before, atol=1e-14)


def test_digits_of_a_prediction_do_not_depend_on_how_many_are_made():
    """In so large a layer it pays in narrow blocks only to add the inputs up in two halves."""
    rng = np.random.default_rng(73)
    network = make_network([np.ones((10, 5000), dtype=bool)], "identity", "float64", rng)
    X = rng.normal(size=(64, 10))
    of_all = network.forward(Samples(X))
    np.testing.assert_array_equal(of_all[:1], network.forward(Samples(X[:1])))
    some = np.array([7, 0, 63, 7])
    np.testing.assert_array_equal(of_all[some], network.forward(Samples(X), rows=some))


@every_kernel()
@pytest.mark.parametrize("sparse_input", [False, True])
def test_a_sample_of_weight_zero_may_be_anything(kernel, sparse_input):
    """It is not read: infinite numbers times a weight of zero would be none."""
    sizes, rows = (12, 9, 3), np.arange(20, dtype=np.int32)
    data = make_data(20, sizes, "squared_error", kernel[1], seed=71)
    results = []
    for value in (0, np.inf):
        data.X[data.sample_weight == 0] = data.y[data.sample_weight == 0] = value
        network = irregular_network(sizes, "identity", kernel[1], seed=72)
        how = {"batch_size": 20, "X": as_csr(data.X) if sparse_input else None}
        stepper = make_stepper(kernel, network, SGD().attach(network), data, **how)
        loss = stepper.step(rows, 0.1, 0.1, 0)
        results.append((loss, *(layer.weights.tolist() for layer in network.layers)))
    assert np.isfinite(results[0][0])
    assert results[0] == results[1]


@every_kernel()
@pytest.mark.parametrize("sparse_input", [False, True])
def test_features_without_connections_are_passed_over(kernel, sparse_input):
    """Where most have none, and others only one; alone or beside others that are read."""
    pattern = np.zeros((300, 6), bool)
    pattern[[0, 17, 150, 151, 299], [0, 3, 3, 1, 5]] = True
    pattern[40:60] = True
    patterns = [pattern, np.ones((6, 3), bool)]
    network = make_network(patterns, "tanh", kernel[1], np.random.default_rng(0))
    data = make_data(30, (300, 6, 3), "softmax_log_loss", kernel[1], seed=1)
    rows = some_rows(30, 21, seed=2)
    dense = reference.DenseMLP.of(network)
    X = np.random.default_rng(3).normal(size=(30, 300)).astype(kernel[1])
    expected = dense.gradients(X[rows], data.y[rows], data.loss)
    given = Data(as_csr(X) if sparse_input else X, data.y, None, data.loss)
    loss, on_weights, _ = kernel_gradients(kernel, network, given, rows)
    assert abs(loss - expected[0]) <= TOLERANCES[kernel[1]] * loss
    assert_close(on_weights[0], expected[1][0][pattern], kernel[1])
    assert np.all(on_weights[0] != 0)
