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

from sklearn_set import augmentation
from sklearn_set.augmentation import mixed_parts, soften
from sklearn_set.samples import Samples
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
        np.random.default_rng(1).permutation(N),
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


def mixed(data, mixup=0.7, *, order=None, seed=5, X=None, batch_size=BATCH):
    """All parts of an epoch; X replaces that of `data`."""
    if X is not None:
        data = replace(data, X=X)
    return list(
        mixed_parts(
            data,
            data.rows if order is None else order,
            mixup,
            batch_size=batch_size,
            rng=np.random.default_rng(seed),
        )
    )


def dense(X):
    return X.matrix().toarray() if X.is_sparse else X.values


def arrays_of(X):
    return [X.values, X.indices, X.indptr] if X.is_sparse else [X.values]


def drawn_again(order, part_sizes, mixup, seed=5):
    """Samples, partners and shares of an epoch from the same random numbers."""
    rng = np.random.default_rng(seed)
    partners, shares = [], []
    for size in part_sizes:
        shares.append(rng.beta(mixup, mixup, size=size))
        partners.append(rng.choice(order, size))
    shares = np.concatenate(shares)
    return order, np.concatenate(partners), np.where(shares < 0.5, 1 - shares, shares)


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of two batches."""
    monkeypatch.setattr(augmentation, "_NUMBERS_IN_A_PART", 2 * N_FEATURES * BATCH + 5)


@every_dtype
@pytest.mark.parametrize("mixup", [0.1, 1.0, 8.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ["soft_log_loss", "logistic_log_loss", "squared_error"])
@pytest.mark.usefixtures("small_parts")
def test_every_sample_is_the_stated_mean_of_two(loss, weighted, mixup, dtype):
    data = training_data(dtype, loss, weighted=weighted)
    order = data.rows
    if weighted:
        order = order[data.sample_weight[order] > 0]
        assert len(order) == N - 1
    parts = mixed(data, mixup)
    rows, partners, shares = drawn_again(order, [len(part.rows) for part in parts], mixup)
    assert shares.min() >= 0.5
    weight = np.ones(N) if data.sample_weight is None else data.sample_weight.astype(np.float64)
    for k, (row, partner, share) in enumerate(zip(rows, partners, shares, strict=True)):
        part, place = parts[k // (2 * BATCH)], k % (2 * BATCH)
        given = data.X.values
        x = share * given[row].astype(float) + (1 - share) * given[partner]
        assert_close(part.X.values[place], x, dtype)
        own, others = share * weight[row], (1 - share) * weight[partner]
        target = (own * data.y[row] + others * data.y[partner]) / (own + others)
        assert_close(part.y[place], target, dtype)
        if weighted:
            assert_close(part.sample_weight[place], own + others, dtype)
    for part in parts:
        assert part.loss == loss
        assert part.X.dtype == part.y.dtype == dtype
        assert part.y.flags.c_contiguous
        assert (part.sample_weight is not None) == weighted
        if weighted:
            assert part.sample_weight.dtype == dtype
        if loss == "soft_log_loss":
            assert_close(part.y.sum(axis=1), np.ones(len(part.rows)), dtype)


@pytest.mark.usefixtures("small_parts")
def test_the_larger_share_is_the_samples_own():
    """Seen without knowing what was drawn: X tells samples apart."""
    data = training_data("float64")
    X, rows = Samples(np.eye(N, N_FEATURES)), np.arange(N_FEATURES)
    data = TrainingData(X, data.y, None, data.loss, rows)
    X = np.concatenate([part.X.values for part in mixed(data)])
    assert X.shape == (N_FEATURES, N_FEATURES)
    assert (np.diag(X) >= 0.5).all()
    assert (np.diag(X) < 1).any()
    np.testing.assert_allclose(X.sum(axis=1), 1)


@pytest.mark.parametrize("n_samples", [1, BATCH - 1, BATCH, 2 * BATCH, 2 * BATCH + 1, N])
@pytest.mark.parametrize("numbers", [1, N_FEATURES * BATCH, 2 * N_FEATURES * BATCH, 1 << 22])
def test_parts_hold_whole_batches_and_together_the_epoch(numbers, n_samples, monkeypatch):
    monkeypatch.setattr(augmentation, "_NUMBERS_IN_A_PART", numbers)
    data = training_data("float64")
    order = data.rows[:n_samples]
    parts = mixed(data, order=order)
    sizes = [len(part.rows) for part in parts]
    assert sum(sizes) == n_samples
    assert all(size % BATCH == 0 for size in sizes[:-1])
    assert all(size * N_FEATURES <= max(numbers, N_FEATURES * BATCH) for size in sizes)
    assert len(sizes) == -(-n_samples // (BATCH * max(1, numbers // (N_FEATURES * BATCH))))
    for part in parts:
        assert part.rows.dtype == np.int32
        np.testing.assert_array_equal(part.rows, np.arange(len(part.rows)))
        assert (part.X.n, part.X.n_features) == (len(part.rows), N_FEATURES)
        assert part.y.shape == (len(part.rows), N_OUTPUTS)


def test_threads_change_no_bit():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 500)), rng.random((300, 2))
    data = TrainingData(Samples(X), y, None, "squared_error", np.arange(300, dtype=np.int32))
    (one,), (two,) = (
        list(
            mixed_parts(
                data,
                data.rows,
                1.0,
                batch_size=BATCH,
                rng=np.random.default_rng(0),
                n_threads=n_threads,
            )
        )
        for n_threads in (1, 2)
    )
    np.testing.assert_array_equal(one.X.values, two.X.values)


@every_dtype
@pytest.mark.parametrize("duplicates", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.usefixtures("small_parts")
def test_dense_and_sparse_samples_give_the_same_bits(weighted, duplicates, dtype):
    data = training_data(dtype, weighted=weighted)
    ours, theirs = mixed(data), mixed(data, X=as_csr(data.X.values, duplicates=duplicates))
    for one, other in zip(ours, theirs, strict=True):
        assert other.X.is_sparse
        assert other.X.dtype == dtype
        if duplicates:
            assert_close(dense(other.X), dense(one.X), dtype)
        else:
            np.testing.assert_array_equal(dense(other.X), dense(one.X))
        np.testing.assert_array_equal(other.y, one.y)
        np.testing.assert_array_equal(other.rows, one.rows)
        if weighted:
            np.testing.assert_array_equal(other.sample_weight, one.sample_weight)


@pytest.mark.parametrize("sparse_input", [False, True])
@pytest.mark.usefixtures("small_parts")
def test_samples_of_weight_zero_leave_no_trace_even_as_partners(sparse_input):
    """Not by their values, which are not even finite here, nor by their being there."""
    data = training_data("float64", weighted=True)
    data.sample_weight[[2, 11]] = 0
    ignored = data.sample_weight == 0
    data.X.values[ignored], data.y[ignored] = np.nan, np.nan
    parts = mixed(data, X=as_csr(data.X.values) if sparse_input else None)
    without = mixed(data, order=data.rows[~ignored[data.rows]])
    assert sum(len(part.rows) for part in parts) == N - 3
    for part, expected in zip(parts, without, strict=True):
        np.testing.assert_array_equal(dense(part.X), dense(expected.X))
        np.testing.assert_array_equal(part.y, expected.y)
        np.testing.assert_array_equal(part.sample_weight, expected.sample_weight)
        assert np.isfinite(dense(part.X)).all()
        assert np.isfinite(part.y).all()
        assert (part.sample_weight > 0).all()


@pytest.mark.parametrize("sparse_input", [False, True])
@pytest.mark.usefixtures("small_parts")
def test_mixing_only_reads_what_it_is_given(sparse_input):
    data = training_data("float64", weighted=True)
    X = as_csr(dense(data.X)) if sparse_input else data.X
    arrays = [*arrays_of(X), data.y, data.sample_weight, data.rows]
    kept = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    parts = mixed(data, X=X)
    for array, before in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(array, before)
        for part in parts:
            made = [*arrays_of(part.X), part.y, part.sample_weight, part.rows]
            assert not any(np.shares_memory(array, other) for other in made)


def test_samples_outside_the_epoch_are_nobodys_partner():
    """A held-out part must not be trained on."""
    data = training_data("float64")
    order = data.rows[:9]
    held_out = np.setdiff1d(np.arange(N), order)
    data.X.values[held_out] = np.nan
    for seed in range(5):
        parts = mixed(data, order=order, seed=seed)
        assert all(np.isfinite(part.X.values).all() for part in parts)


def test_batches_of_more_pairs_than_can_be_numbered_are_refused():
    data = replace(training_data("float64"), sample_weight=None)
    order = np.broadcast_to(np.int32(0), 2**30)
    with pytest.raises(ValueError, match=r"batch_size=1073741824\. Lower batch_size"):
        mixed(data, order=order, batch_size=2**30)
