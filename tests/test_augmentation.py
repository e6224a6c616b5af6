"""Softened targets and mixed pairs are those stated."""

from dataclasses import replace

import numpy as np
import pytest
import reference
from conftest import (
    TOLERANCES,
    Data,
    as_csr,
    assert_close,
    every_kernel,
    irregular_network,
    kernel_gradients,
    make_data,
    make_network,
    some_rows,
)
from scipy.stats import chisquare

from sklearn_set import machine
from sklearn_set.augmentation import mixed, soften
from sklearn_set.samples import MixedSamples, Samples
from sklearn_set.training import TrainingData

every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])

every_smoothing = pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.75])

N, N_FEATURES, N_OUTPUTS, BATCH = 23, 7, 3, 4
SIZES = (N_FEATURES, N_OUTPUTS)


def training_data(dtype, loss="soft_log_loss", *, weighted=False, seed=0):
    """Samples of which all are to be trained on; with weights, of which one is zero."""
    data = make_data(N, SIZES, loss, dtype, seed, weighted=weighted)
    return TrainingData(
        Samples(data.X),
        data.y,
        data.sample_weight,
        loss,
        np.random.default_rng(1).permutation(N).astype(np.int32),
    )


# -------------------------------------------------------------------------------- soft targets


@every_dtype
@every_smoothing
def test_class_numbers_become_probabilities(dtype, smoothing):
    data = training_data(dtype, "softmax_log_loss")
    soft = soften(data, N_OUTPUTS, smoothing)
    expected = np.full((N, N_OUTPUTS), smoothing / N_OUTPUTS)
    for sample, label in enumerate(data.y):
        expected[sample, label] = 1 - smoothing + smoothing / N_OUTPUTS
    assert soft.y.dtype == dtype
    assert soft.y.flags.c_contiguous
    assert soft.loss == "soft_log_loss"
    assert_close(soft.y, expected, dtype)
    assert_close(soft.y.sum(axis=1), np.ones(N), dtype)
    if smoothing == 0:
        np.testing.assert_array_equal(soft.y, np.eye(N_OUTPUTS)[data.y])
    for name in ("X", "sample_weight", "rows"):
        assert getattr(soft, name) is getattr(data, name)


@every_dtype
@every_smoothing
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_both_answers_of_a_logistic_output_are_softened(dtype, smoothing, n_outputs):
    """Binary and multilabel targets alike."""
    y = np.random.default_rng(2).integers(2, size=(N, n_outputs)).astype(dtype)
    X = Samples(np.zeros((N, 2), dtype))
    data = TrainingData(X, y, None, "logistic_log_loss", np.arange(N))
    soft = soften(data, n_outputs, smoothing)
    assert soft.y.dtype == dtype
    assert soft.loss == "logistic_log_loss"
    assert_close(soft.y, np.where(y == 1, 1 - smoothing / 2, smoothing / 2), dtype)
    if smoothing == 0:
        np.testing.assert_array_equal(soft.y, y)


@pytest.mark.parametrize("loss", ["softmax_log_loss", "logistic_log_loss"])
def test_softening_only_reads_what_it_is_given(loss):
    data = training_data("float64", loss)
    kept = data.y.copy()
    data.y.flags.writeable = False
    soft = soften(data, N_OUTPUTS, 0.2)
    np.testing.assert_array_equal(data.y, kept)
    assert not np.shares_memory(soft.y, data.y)


@every_kernel()
def test_one_hot_targets_have_the_loss_of_their_class_numbers(kernel):
    sizes = (16, 19, 9, 3)
    network = irregular_network(sizes, "tanh", kernel[1], seed=1)
    data = make_data(40, sizes, "softmax_log_loss", kernel[1], seed=2)
    soft = Data(data.X, np.eye(3, dtype=kernel[1])[data.y], data.sample_weight, "soft_log_loss")
    rows = some_rows(40, 21, seed=3)
    loss, on_weights, on_biases = kernel_gradients(kernel, network.copy(), data, rows)
    soft_loss, on_soft_weights, on_soft_biases = kernel_gradients(kernel, network, soft, rows)
    assert abs(loss - soft_loss) <= TOLERANCES[kernel[1]] * loss
    soft_gradients = [*on_soft_weights, *on_soft_biases]
    for expected, actual in zip([*on_weights, *on_biases], soft_gradients, strict=True):
        assert_close(actual, expected, kernel[1])


@every_kernel()
def test_confident_outputs_neither_overflow_nor_vanish(kernel):
    """Pre-activations of some thousands, with targets that are certain, mixed and equal."""
    dtype = kernel[1]
    network = make_network([np.ones((2, 3), bool)], [], dtype, np.random.default_rng(4))
    network.layers[0].bias[...] = 0
    network.layers[0].weights[...] = [1000, 0, -1000, 0, 2000, 500]
    X = np.array([[1, 0], [-2, 0], [0, 1], [1.5, -2]], dtype)
    y = np.array([[1, 0, 0], [1, 0, 0], [0.25, 0.5, 0.25], [0.5, 0, 0.5]], dtype)
    expected = reference.DenseMLP.of(network).gradients(X, y, "soft_log_loss")
    data = Data(X, y, None, "soft_log_loss")
    loss, on_weights, on_biases = kernel_gradients(kernel, network, data, np.arange(4, dtype="i4"))
    assert abs(loss - expected[0]) <= TOLERANCES[dtype] * expected[0]
    assert_close(on_weights[0], expected[1][0].ravel(), dtype)
    assert_close(on_biases[0], expected[2][0], dtype)


# ---------------------------------------------------------------------------------- mixed pairs


def mixed_of(data, mixup=0.7, *, order=None, seed=5, X=None, batch_size=BATCH):
    """An epoch; X replaces that of `data`."""
    if X is not None:
        data = replace(data, X=X)
    order = data.rows if order is None else order
    return mixed(data, order, mixup, batch_size, np.random.default_rng(seed))


def read(part, n_threads=1):
    """The samples as kernels read them."""
    table_of = machine.kernels(part.X.dtype.name).table_of
    return table_of(part.X, part.rows, part.X.n_features, n_threads=n_threads).T


@every_dtype
@pytest.mark.parametrize("mixup", [0.1, 1.0, 8.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ["soft_log_loss", "logistic_log_loss", "squared_error"])
def test_every_sample_is_the_stated_mean_of_two(loss, weighted, mixup, dtype):
    data = training_data(dtype, loss, weighted=weighted)
    part = mixed_of(data, mixup)
    first, second, share = part.X.first, part.X.second, part.X.share
    order = data.rows
    if weighted:
        order = order[data.sample_weight[order] > 0]
        assert len(order) == N - 1
    np.testing.assert_array_equal(first, order)
    shares = np.random.default_rng(5).beta(mixup, mixup, size=len(order))
    assert_close(share, np.where(shares < 0.5, 1 - shares, shares), dtype)
    X, weight = read(part), np.ones(N) if data.sample_weight is None else data.sample_weight
    for place, (row, partner, p) in enumerate(zip(first, second, share.astype(float), strict=True)):
        given = data.X.values
        assert_close(X[place], p * given[row].astype(float) + (1 - p) * given[partner], dtype)
        own, others = p * weight[row], (1 - p) * weight[partner]
        target = (own * data.y[row] + others * data.y[partner]) / (own + others)
        assert_close(part.y[place], target, dtype)
        if weighted:
            assert_close(part.sample_weight[place], own + others, dtype)
    assert part.loss == loss
    assert part.X.dtype == part.y.dtype == dtype
    assert part.y.flags.c_contiguous
    assert (part.sample_weight is not None) == weighted
    if weighted:
        assert part.sample_weight.dtype == dtype
    if loss == "soft_log_loss":
        assert_close(part.y.sum(axis=1), np.ones(len(part.rows)), dtype)


@every_kernel()
@pytest.mark.parametrize("n_rows", [1, 3, 8, 9, 17, 23])
def test_kernels_read_means_of_every_batch(kernel, n_rows):
    """Dense and sparse, of more features than are read at a time, in any order."""
    variant, dtype = kernel
    rng = np.random.default_rng(n_rows)
    X = rng.normal(size=(N, 300)).astype(dtype)
    X[rng.random(X.shape) < 0.5] = 0
    first, second = rng.integers(N, size=(2, N)).astype(np.int32)
    share, rows = rng.random(N).astype(dtype), rng.permutation(N)[:n_rows].astype(np.int32)
    table_of = machine.kernels(dtype, variant).table_of
    tables = [
        table_of(MixedSamples(given, first, second, share), rows, 300)
        for given in (Samples(X), as_csr(X))
    ]
    p = share[rows, np.newaxis].astype(float)
    assert_close(tables[0].T, p * X[first[rows]] + (1 - p) * X[second[rows]], dtype)
    np.testing.assert_array_equal(*tables)


def test_the_larger_share_is_the_samples_own():
    """Seen without knowing what was drawn: X tells samples apart."""
    data = training_data("float64")
    X, rows = Samples(np.eye(N, N_FEATURES)), np.arange(N_FEATURES, dtype=np.int32)
    X = read(mixed_of(TrainingData(X, data.y, None, data.loss, rows)))
    assert X.shape == (N_FEATURES, N_FEATURES)
    assert (np.diag(X) >= 0.5).all()
    assert (np.diag(X) < 1).any()
    np.testing.assert_allclose(X.sum(axis=1), 1)


@pytest.mark.parametrize("n_samples", [1, BATCH - 1, BATCH, 2 * BATCH, 2 * BATCH + 1, N])
def test_partners_are_of_the_same_batch_and_all_equally_likely(n_samples):
    data = training_data("float64")
    order, counts = data.rows[:n_samples], np.zeros((N, N), int)
    for seed in range(400):
        part = mixed_of(data, order=order, seed=seed)
        np.testing.assert_array_equal(part.X.first, order)
        np.testing.assert_array_equal(part.rows, np.arange(n_samples))
        np.add.at(counts, (part.X.first, part.X.second), 1)
    for start in range(0, n_samples, BATCH):
        batch = order[start : start + BATCH]
        seen = counts[np.ix_(batch, batch)]
        assert seen.sum() == 400 * len(batch)
        assert len(batch) == 1 or chisquare(seen.ravel()).pvalue > 1e-5


def test_threads_change_no_bit():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 500)), rng.random((300, 2))
    data = TrainingData(Samples(X), y, None, "squared_error", np.arange(300, dtype=np.int32))
    part = mixed_of(data)
    np.testing.assert_array_equal(read(part), read(part, n_threads=2))


@every_dtype
@pytest.mark.parametrize("duplicates", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_dense_and_sparse_samples_give_the_same_bits(weighted, duplicates, dtype):
    data = training_data(dtype, weighted=weighted)
    one = mixed_of(data)
    other = mixed_of(data, X=as_csr(data.X.values, duplicates=duplicates))
    assert other.X.indptr is not None
    assert other.X.dtype == dtype
    if duplicates:
        assert_close(read(other), read(one), dtype)
    else:
        np.testing.assert_array_equal(read(other), read(one))
    np.testing.assert_array_equal(other.y, one.y)
    np.testing.assert_array_equal(other.rows, one.rows)
    if weighted:
        np.testing.assert_array_equal(other.sample_weight, one.sample_weight)


@pytest.mark.parametrize("sparse_input", [False, True])
def test_samples_of_weight_zero_leave_no_trace_even_as_partners(sparse_input):
    """Not by their values, which are not even finite here, nor by their being there."""
    data = training_data("float64", weighted=True)
    data.sample_weight[[2, 11]] = 0
    ignored = data.sample_weight == 0
    data.X.values[ignored], data.y[ignored] = np.nan, np.nan
    part = mixed_of(data, X=as_csr(data.X.values) if sparse_input else None)
    expected = mixed_of(data, order=data.rows[~ignored[data.rows]])
    assert len(part.rows) == N - 3
    np.testing.assert_array_equal(read(part), read(expected))
    np.testing.assert_array_equal(part.y, expected.y)
    np.testing.assert_array_equal(part.sample_weight, expected.sample_weight)
    assert np.isfinite(read(part)).all()
    assert np.isfinite(part.y).all()
    assert (part.sample_weight > 0).all()


@pytest.mark.parametrize("sparse_input", [False, True])
def test_mixing_only_reads_what_it_is_given(sparse_input):
    data = training_data("float64", weighted=True)
    X = as_csr(data.X.values) if sparse_input else data.X
    arrays = [X.values, *([X.indices, X.indptr] if sparse_input else [])]
    arrays += [data.y, data.sample_weight, data.rows]
    kept = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    part = mixed_of(data, X=X)
    read(part)
    assert part.X.values is X.values
    for array, before in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(array, before)
        made = [part.X.first, part.X.second, part.X.share, part.y, part.sample_weight, part.rows]
        assert not any(np.shares_memory(array, other) for other in made)


def test_samples_outside_the_epoch_are_nobodys_partner():
    """A held-out part must not be trained on."""
    data = training_data("float64")
    order = data.rows[:9]
    held_out = np.setdiff1d(np.arange(N), order)
    data.X.values[held_out] = np.nan
    for seed in range(5):
        assert np.isfinite(read(mixed_of(data, order=order, seed=seed))).all()
