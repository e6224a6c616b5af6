"""Samples that training makes up are those stated: soft targets, mixed pairs, dropped features.

What is mixed is computed again, pair by pair, from the same random numbers.
"""

import warnings
from dataclasses import replace
from itertools import combinations, pairwise

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
    make_stepper,
    serial_work,
    some_rows,
)
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_set import SETClassifier, SETRegressor, augmentation, training
from sklearn_set.augmentation import mixed_parts, soften
from sklearn_set.network import SparseNetwork
from sklearn_set.optimizers import Adam
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


# ------------------------------------------------------------------------------- input dropout

N_BATCH = 50


def mask_of(kernel, n_features, p, *, sparse_input=False, X=None, seed=8, step_number=4):
    """What every feature of every sample is multiplied by, as gradients tell.

    A linear network of zeros has one output for each sample of the batch, whose target is -1 for
    this sample and 0 for the others: the gradient of a weight is the number that was seen.
    """
    network = make_network(
        [np.ones((n_features, N_BATCH), bool)], [], kernel[1], np.random.default_rng(6)
    )
    network.layers[0].weights[...] = 0
    network.layers[0].bias[...] = 0
    X = np.ones((N_BATCH, n_features), kernel[1]) if X is None else X
    data = Data(X, -np.eye(N_BATCH, dtype=kernel[1]), None, "squared_error")
    gradients = kernel_gradients(
        kernel,
        network,
        data,
        np.arange(N_BATCH, dtype=np.int32),
        X=as_csr(X) if sparse_input else None,
        step_number=step_number,
        input_dropout=p,
        dropout_seed=seed,
    )[1]
    return gradients[0].reshape(n_features, N_BATCH).T * N_BATCH


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("sparse_input", [False, True])
@every_kernel()
def test_features_are_dropped_or_scaled(kernel, sparse_input, p):
    n_features = 400
    mask = mask_of(kernel, n_features, p, sparse_input=sparse_input)
    kept = mask != 0
    np.testing.assert_allclose(mask[kept], 1 / (1 - p), rtol=TOLERANCES[kernel[1]])
    deviation = np.sqrt(p * (1 - p))
    assert abs(kept.mean() - (1 - p)) < 5 * deviation / np.sqrt(kept.size)
    # every single sample and feature too
    for axis in (0, 1):
        n = kept.shape[axis]
        assert np.abs(kept.mean(axis=axis) - (1 - p)).max() < 6 * deviation / np.sqrt(n)
    expected = reference.dropout_mask(N_BATCH, n_features, p, 8, 4, reference.FEATURES, kernel[1])
    np.testing.assert_array_equal(kept, expected != 0)


@every_kernel()
def test_other_steps_and_seeds_drop_other_features(kernel):
    one, step, seed = (
        mask_of(kernel, 300, 0.5, **options) > 0
        for options in ({}, {"step_number": 5}, {"seed": 9})
    )
    allowed = 5 * np.sqrt(0.1875 / one.size)  # a quarter is kept by both
    for a, b in [(one, step), (one, seed), (step, seed), (one[1:], one[:-1])]:
        assert abs((a & b).mean() - 0.25) < allowed
    assert (mask_of(kernel, 300, 0.0) == 1).all()


@every_kernel()
def test_masks_do_not_return_with_the_low_bits_of_the_step(kernel):
    masks = [mask_of(kernel, 300, 0.5, step_number=4 + more) > 0 for more in (0, 2**26, 2**32)]
    allowed = 5 * np.sqrt(0.1875 / masks[0].size)  # a quarter is kept by both
    for a, b in combinations(masks, 2):
        assert abs((a & b).mean() - 0.25) < allowed


@every_kernel()
def test_what_is_kept_of_a_large_fraction_is_scaled_by_what_is_left(kernel):
    """float32 does not hold 0.9999: what it leaves would be wrong by a part in six thousand."""
    p = 0.9999
    mask = mask_of(kernel, 40_000, p)
    kept = mask != 0
    np.testing.assert_allclose(mask[kept], 1 / (1 - p), rtol=TOLERANCES[kernel[1]])
    assert abs(mask.mean() - 1) < 5 * np.sqrt(p / (1 - p) / mask.size)


def seed_that_draws(number, neuron, position, step_number):
    """The seed with which a feature of a sample draws just this number: the hash, backwards."""

    def unmix(x):
        x ^= x >> 16
        x = x * pow(0x846CA68B, -1, 2**32) % 2**32
        x ^= x >> 15 ^ x >> 30
        x = x * pow(0x7FEB352D, -1, 2**32) % 2**32
        return x ^ x >> 16

    def mix(x):
        return int(reference.mix(x % 2**32)[0])

    golden = 0x9E3779B9
    state = (unmix(number) - position * golden) % 2**32
    key = unmix(state) ^ mix(neuron + golden)
    return unmix(key) ^ mix(step_number * 64 + 63)


@pytest.mark.parametrize("left", [0.5, 0.25, 2**-21])
@every_kernel()
def test_fractions_finer_than_the_hash_are_dropped_in_their_share(kernel, left):
    """Of those that draw the largest of 2**32 numbers, the only ones that may be kept."""
    p, n_features = 1 - left * 2**-32, 5
    rng = np.random.default_rng(41)
    draws = []
    for _ in range(200):
        feature, sample = rng.integers(n_features), rng.integers(N_BATCH)
        seed = seed_that_draws(2**32 - 1, int(feature), int(sample), step_number=4)
        mask = mask_of(kernel, n_features, p, seed=seed)
        draws.append(mask[sample, feature])
        mask[sample, feature] = 0
        assert not mask.any()
    draws = np.array(draws)
    np.testing.assert_allclose(draws[draws != 0], 2**32 / left, rtol=TOLERANCES[kernel[1]])
    n = np.count_nonzero(draws)
    assert abs(n - 200 * left) <= 5 * np.sqrt(200 * left * (1 - left)) + 1e-3


@pytest.mark.parametrize("loss", ["soft_log_loss", "squared_error"])
@pytest.mark.parametrize("n_batch", [1, 7, 33])
@pytest.mark.parametrize("sparse_input", [False, True])
@every_kernel()
def test_gradients_are_those_of_masked_data(kernel, sparse_input, n_batch, loss):
    """Together with the dropout of hidden neurons, which has masks of its own."""
    dtype, sizes = kernel[1], (16, 23, 18, 3)
    how = {"dropout_seed": 3_000_000_000, "step_number": 17}
    network = irregular_network(sizes, ["relu", "tanh"], dtype, seed=10)
    data = make_data(60, sizes, loss, dtype, seed=11)
    rows = some_rows(60, n_batch, seed=12)
    model = reference.DenseMLP.of(network)
    features = reference.dropout_mask(n_batch, 16, 0.3, *how.values(), reference.FEATURES, dtype)
    expected = model.gradients(
        data.X[rows].astype(float) * features,
        data.y[rows],
        loss,
        data.sample_weight[rows],
        0.1,
        model.masks(n_batch, 0.4, *how.values(), dtype),
    )
    loss, on_weights, on_biases = kernel_gradients(
        kernel,
        network,
        data,
        rows,
        X=as_csr(data.X, duplicates=True) if sparse_input else None,
        input_dropout=0.3,
        dropout=0.4,
        alpha=0.1,
        **how,
    )
    assert abs(loss - expected[0]) <= TOLERANCES[dtype] * expected[0]
    for depth, pattern in enumerate(model.patterns):
        assert_close(on_weights[depth], expected[1][depth][pattern], dtype)
        assert_close(on_biases[depth], expected[2][depth], dtype)


@every_kernel()
def test_same_bits_of_dropped_features_for_any_number_of_threads(kernel):
    """And for dense and sparse samples; the features are many enough to be shared."""
    sizes, n_batch = (9000, 40, 3), 60
    assert sizes[0] * n_batch > serial_work()
    rng = np.random.default_rng(13)
    patterns = [rng.random(shape) < 0.05 for shape in pairwise(sizes)]
    patterns[-1][...] = True
    first = make_network(patterns, "relu", kernel[1], rng)
    data = make_data(70, sizes, "soft_log_loss", kernel[1], seed=14)
    results = []
    for n_threads, X in [(1, None), (2, None), (3, None), (2, as_csr(data.X))]:
        network = first.copy()
        optimizer = Adam().attach(network)
        stepper = make_stepper(
            kernel,
            network,
            optimizer,
            data,
            batch_size=n_batch,
            X=X,
            n_threads=n_threads,
            input_dropout=0.5,
            dropout_seed=15,
        )
        losses = [
            stepper.step(some_rows(70, n_batch, seed=k), 0.01, optimizer.next_step_size(0.01), k)
            for k in range(2)
        ]
        values = [array for layer in network.layers for array in (layer.weights, layer.bias)]
        results.append((losses, [array.tobytes() for array in values]))
    assert all(result == results[0] for result in results[1:])


# ------------------------------------------------------------------------------------ estimators

quiet = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

rng = np.random.default_rng(20)
X = rng.normal(size=(60, 30)) * (rng.random((60, 30)) < 0.6)
Y = np.arange(60) % 3
TARGETS = {
    "multiclass": (SETClassifier, Y),
    "binary": (SETClassifier, Y % 2),
    "multilabel": (SETClassifier, np.eye(3, dtype=int)[Y] | np.eye(3, dtype=int)[Y // 2]),
    "regression": (SETRegressor, X[:, :2] - X[:, 2:4]),
}
WEIGHT = rng.uniform(0.5, 2, 60)
WEIGHT[7] = 0
AUGMENTED = {
    "hidden_layer_sizes": (25, 15),
    "epsilon": 4,
    "batch_size": 16,
    "max_iter": 8,
    "random_state": 0,
    "mixup": 0.8,
    "input_dropout": 0.3,
    "n_snapshots": 3,
}


def networks(model):
    """Everything that predictions are made of."""
    return [
        array.tobytes()
        for network in [*model._snapshots, model._network]
        for layer in network.layers
        for array in (layer.topology.indptr, layer.topology.indices, layer.weights, layer.bias)
    ]


@pytest.fixture
def threads_always_pay(monkeypatch):
    """As if one thread were slow: on a busy machine training would else be serial at times."""

    class Impatient(training.Workspace):
        def __init__(self, *args):
            super().__init__(*args)
            self.pace[0] = 1e9

    monkeypatch.setattr(training, "Workspace", Impatient)


@pytest.mark.usefixtures("threads_always_pay")
@every_dtype
@pytest.mark.parametrize("target", TARGETS)
def test_same_bits_for_any_number_of_threads_and_format(target, dtype, monkeypatch):
    estimator, y = TARGETS[target]
    monkeypatch.setattr(augmentation, "_NUMBERS_IN_A_PART", 2 * X.shape[1] * 32)
    options = AUGMENTED | {
        "hidden_layer_sizes": (700, 700),
        "epsilon": 9,
        "batch_size": 32,
        "max_iter": 3,
        "n_snapshots": 2,
    }
    work = sum(options["hidden_layer_sizes"]) * options["epsilon"] * (options["batch_size"] + 16)
    assert work > serial_work(), "the middle layer must wake threads"
    given = X.astype(dtype)
    results = []
    for n_jobs, convert in [(1, np.asarray), (2, np.asarray), (2, sparse.csr_array)]:
        model = estimator(n_jobs=n_jobs, **options).fit(convert(given), y, WEIGHT)
        assert len(model._snapshots) == 1
        predicted = model._raw(convert(given)).tobytes()
        results.append((model.loss_curve_, predicted, networks(model)))
    assert all(result == results[0] for result in results[1:])


@quiet
@pytest.mark.parametrize("change", [{"mixup": 0}, {"input_dropout": 0}, {"random_state": 1}])
@pytest.mark.parametrize("target", TARGETS)
def test_each_has_an_effect_that_the_seed_decides(target, change):
    estimator, y = TARGETS[target]
    first, again = (estimator(**AUGMENTED).fit(X, y) for _ in range(2))
    assert networks(first) == networks(again)
    assert networks(estimator(**AUGMENTED | change).fit(X, y)) != networks(first)


@pytest.mark.parametrize("target", TARGETS)
def test_predictions_drop_and_mix_nothing(target):
    estimator, y = TARGETS[target]
    model = estimator(**AUGMENTED | {"input_dropout": 0.8, "n_snapshots": 1}).fit(X, y)
    expected, _ = reference.DenseMLP.of(model._network).forward(X)
    assert_close(model._raw(X), expected[-1], "float64")
    np.testing.assert_array_equal(model.predict(X), model.predict(X))
    assert_close(model._raw(X[5:6]), expected[-1][5:6], "float64")


@quiet
@pytest.mark.parametrize("target", ["multiclass", "binary", "multilabel"])
def test_smoothed_labels_make_predictions_less_certain(target):
    estimator, y = TARGETS[target]
    plain = {
        "hidden_layer_sizes": 30,
        "epsilon": 30,
        "max_iter": 60,
        "learning_rate_init": 0.02,
        "alpha": 0.0,
        "zeta": 0,
        "mixup": 0,
        "input_dropout": 0,
        "random_state": 0,
    }
    certainty = []
    for smoothing in (0.0, 0.4):
        model = estimator(**plain, label_smoothing=smoothing).fit(X, y)
        assert model.score(X, y) == 1
        certainty.append(model.predict_proba(X).max(axis=1).mean())
    assert certainty[0] > 0.97
    assert certainty[1] < certainty[0] - 0.05


@pytest.mark.parametrize("options", [{"mixup": 0.5}, {"label_smoothing": 0.2}], ids=str)
@pytest.mark.parametrize("sparse_input", [False, True])
@pytest.mark.parametrize("target", TARGETS)
def test_read_only_data_of_every_target_are_left_as_they_were(target, sparse_input, options):
    estimator, y = TARGETS[target]
    if estimator is SETRegressor and "label_smoothing" in options:
        options = {"mixup": 2.0}
    given = sparse.csr_array(X) if sparse_input else X.copy()
    buffers = [given.data, given.indices, given.indptr] if sparse_input else [given]
    y, weight = y.copy(), WEIGHT.copy()
    for array in [*buffers, y, weight]:
        array.flags.writeable = False
    small = AUGMENTED | {"mixup": 0, "n_iter_no_change": np.inf, "max_iter": 2}
    model = estimator(**small | options).fit(given, y, weight)
    np.testing.assert_array_equal(given.toarray() if sparse_input else given, X)
    assert np.isfinite(model.loss_curve_).all()


def test_a_sample_of_weight_zero_leaves_no_trace_in_a_fit():
    """Not even when it is as large as numbers get, and might be a partner."""
    spoilt = X.copy()
    spoilt[7] = np.finfo(float).max / 10
    models = [SETClassifier(**AUGMENTED).fit(given, Y, WEIGHT) for given in (X, spoilt)]
    assert networks(models[0]) == networks(models[1])


@pytest.mark.parametrize("target", TARGETS)
def test_a_stream_may_mix_and_drop_too(target):
    estimator, y = TARGETS[target]
    given = {"classes": np.arange(y.max() + 1)} if target in ("multiclass", "binary") else {}
    if target == "multilabel":
        given = {"classes": np.arange(3)}
    model = estimator(**AUGMENTED)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        for start in (0, 1, 20):  # the first part is a single sample, its own partner
            model.partial_fit(X[start : start + 1 + start], y[start : start + 1 + start], **given)
    assert model._snapshots == ()
    assert isinstance(model._network, SparseNetwork)
    assert np.isfinite(model._raw(X)).all()
