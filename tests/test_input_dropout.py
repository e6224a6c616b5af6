"""Features are dropped as stated, and gradients are those of masked data."""

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

from sklearn_set.optimizers import Adam

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
