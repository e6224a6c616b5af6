"""Contributions are distances times slopes, by finite differences and integrals; they add up."""

import time

import numpy as np
import pytest
import reference
from conftest import as_csr, assert_close, irregular_network, random_network
from scipy import sparse

from sklearn_set import attribution
from sklearn_set.attribution import Question, base_outputs, contributions

SIZES = {0: (7, 3), 1: (7, 9, 3), 2: (7, 9, 8, 3), 3: (7, 9, 8, 6, 3)}
N_SAMPLES = 5

every_activation = pytest.mark.parametrize("activation", list(reference.ACTIVATIONS))
every_depth = pytest.mark.parametrize("n_hidden", list(SIZES))


def drawn(n_hidden, activation, seed=0, dtype="float64"):
    """A network, samples, and a baseline of one row."""
    rng = np.random.default_rng(seed)
    network = irregular_network(SIZES[n_hidden], activation, dtype, seed)
    return network, rng.normal(size=(N_SAMPLES, 7)), rng.normal(size=(1, 7))


def asked(baselines, n_outputs=3, n_pieces=1, n_threads=1):
    return Question(baselines, tuple(range(n_outputs)), n_pieces, n_threads)


def all_of(networks, X, question):
    """Contributions of all samples, of shape (n_explained, n_features, n_samples)."""
    rows, tables = zip(*contributions(networks, X, question), strict=True)
    assert [each.start for each in rows] == [0, *(each.stop for each in rows[:-1])]
    return np.concatenate(tables, axis=2)


def outputs_of(network, X):
    """Of every sample, of shape (n_samples, n_outputs), by dense matrices."""
    return reference.DenseMLP.of(network).forward(seen_by(network, X))[0][-1]


def seen_by(network, X):
    """The samples in the network's units."""
    offset = 0.0 if network.offset is None else network.offset
    return network.per_feature((X - offset) * network.factor)


def gradients_of(network, X):
    """Of every output by every feature, of shape (n_outputs, n_features, n_samples)."""
    dense = reference.DenseMLP.of(network)
    z, _ = dense.forward(seen_by(network, X))
    found = np.broadcast_to(np.eye(z[-1].shape[1]), (X.shape[0], *[z[-1].shape[1]] * 2))
    for depth in range(len(z) - 1, -1, -1):
        found = found @ dense.weights[depth].T
        if depth:
            name, parameter = dense.activations[depth - 1]
            found = found * reference.ACTIVATIONS[name][1](z[depth - 1], parameter)[:, np.newaxis]
    slope = network.per_feature(np.full(network.sizes[0], network.factor))
    return np.moveaxis(found, 0, -1) * slope[:, np.newaxis]


def integrated(network, x, baseline, n_points=20_000):
    """Integrated gradients of one sample by the midpoint rule: of shape (n_outputs, n_features)."""
    share = (np.arange(n_points) + 0.5)[:, np.newaxis] / n_points
    return gradients_of(network, baseline + share * (x - baseline)).mean(axis=-1) * (x - baseline)


# ---------------------------------------------------------------------------- what they are


@every_activation
@every_depth
def test_a_gradient_is_that_of_finite_differences(activation, n_hidden):
    network, X, baseline = drawn(n_hidden, activation, seed=1)
    found = all_of([network], X, asked(baseline, n_pieces=None))
    h = 1e-6
    for feature in range(X.shape[1]):
        change = np.zeros(X.shape[1])
        change[feature] = h
        slope = (outputs_of(network, X + change) - outputs_of(network, X - change)).T / (2 * h)
        expected = slope * (X - baseline)[:, feature]
        np.testing.assert_allclose(found[:, feature], expected, rtol=1e-6, atol=1e-8)


@every_activation
@pytest.mark.parametrize("n_hidden", [0, 1])
def test_one_hidden_layer_gives_integrated_gradients_in_one_piece(activation, n_hidden):
    network, X, baseline = drawn(n_hidden, activation)
    found = all_of([network], X, asked(baseline))
    expected = np.stack([integrated(network, x, baseline[0]) for x in X], axis=-1)
    tolerance = 2e-4 if activation in reference.KINKED else 1e-7  # of the midpoint rule
    assert np.abs(found - expected).max() < tolerance * np.abs(expected).max()


@every_activation
@pytest.mark.parametrize("n_hidden", [2, 3])
def test_pieces_approach_integrated_gradients(activation, n_hidden):
    network, X, baseline = drawn(n_hidden, activation)
    expected = np.stack([integrated(network, x, baseline[0]) for x in X], axis=-1)
    size = np.abs(expected).max()
    one, few, many = (
        np.abs(all_of([network], X, asked(baseline, n_pieces=n_pieces)) - expected).max() / size
        for n_pieces in (1, 32, 512)
    )
    assert few < 0.01
    assert many < 1e-3
    if activation != "identity":
        assert few < one / 10


@every_activation
@every_depth
@pytest.mark.parametrize("n_pieces", [1, 3])
def test_contributions_add_up(activation, n_hidden, n_pieces):
    network, X, _ = drawn(n_hidden, activation)
    # Far away, near, equal in all features, and on the other side of all corners.
    baselines = np.stack([X[0] * 100, X[0] + 1e-9, X[0], -X[0], np.zeros(7)])
    for baseline in baselines:
        question = asked(baseline[np.newaxis], n_pieces=n_pieces)
        total = all_of([network], X, question).sum(axis=1).T
        base = base_outputs([network], question)
        np.testing.assert_allclose(base, outputs_of(network, baseline[np.newaxis])[0], rtol=1e-12)
        expected = outputs_of(network, X)
        size = max(np.abs(base).max(), np.abs(expected).max())
        assert np.abs(base + total - expected).max() < 1e-12 * size


@pytest.mark.parametrize("scale", [1e-9, 1e-4, 1.0, 1e4])
@every_activation
def test_contributions_add_up_at_any_scale_of_the_features(activation, scale):
    """Relative to the difference itself, however small it is beside the outputs."""
    network, X, _ = drawn(2, activation)
    for layer in network.layers:
        layer.bias[:] = 0  # all corners are where the samples are
    X = X * scale
    total = all_of([network], X, asked(np.zeros((1, 7)))).sum(axis=1).T
    expected = outputs_of(network, X) - outputs_of(network, np.zeros((1, 7)))
    tolerance = 1e-6 * np.abs(expected).max() + 1e-15 * np.abs(outputs_of(network, X)).max()
    assert np.abs(total - expected).max() < tolerance


def test_a_neuron_on_both_sides_of_its_corner_has_the_mean_slope():
    network, _, _ = drawn(1, "relu")
    passes = attribution._Passes(network)
    start, stop = np.array([[-1e-30, -3e-12, 1.0]]), np.array([[1e-30, 1e-12, 1.0]])
    np.testing.assert_allclose(passes.mean_slope(0, start, stop), [[0.5, 0.25, 1.0]])


@every_depth
def test_a_linear_network_has_one_answer(n_hidden):
    network, X, baseline = drawn(n_hidden, "identity")
    weights = np.linalg.multi_dot(reference.DenseMLP.of(network).weights + [np.eye(3)])
    expected = weights.T[:, :, np.newaxis] * (X - baseline).T
    for n_pieces in (None, 1, 7):
        assert_close(all_of([network], X, asked(baseline, n_pieces=n_pieces)), expected, "float64")


def test_a_feature_without_connections_contributes_exactly_nothing():
    network, X, baseline = drawn(2, "tanh")
    silent = np.diff(network.layers[0].topology.indptr) == 0
    assert silent.any()
    for n_pieces in (None, 1, 4):
        found = all_of([network], X, asked(baseline, n_pieces=n_pieces))
        assert (found[:, silent] == 0).all()
        assert found[:, ~silent].any()


def test_a_feature_at_its_baseline_contributes_exactly_nothing():
    network, X, baseline = drawn(2, "tanh")
    X[:, 3] = baseline[0, 3]
    for n_pieces in (None, 1, 4):
        assert (all_of([network], X, asked(baseline, n_pieces=n_pieces))[:, 3] == 0).all()


# ----------------------------------------------------------------------------- means, and units


@pytest.mark.parametrize("n_pieces", [None, 1, 4])
def test_several_networks_and_baselines_count_by_their_mean(n_pieces):
    first, X, _ = drawn(2, "gelu", seed=0)
    second, _, _ = drawn(2, "silu", seed=1)
    baselines = np.random.default_rng(5).normal(size=(4, 7))
    networks = [first, second]
    found = all_of(networks, X, asked(baselines, n_pieces=n_pieces))
    single = [(network, baseline[np.newaxis]) for network in networks for baseline in baselines]
    expected = [all_of([net], X, asked(base, n_pieces=n_pieces)) for net, base in single]
    assert_close(found, np.mean(expected, axis=0), "float64")
    base = np.mean([outputs_of(net, each)[0] for net, each in single], axis=0)
    assert_close(base_outputs(networks, asked(baselines)), base, "float64")


@pytest.mark.parametrize("n_pieces", [None, 1, 4])
def test_units_of_features_change_nothing(n_pieces):
    network, X, baseline = drawn(2, "tanh")
    expected = all_of([network], X, asked(baseline, n_pieces=n_pieces))
    network.offset, network.factor = np.linspace(-4, 4, 7), 0.25
    network.relevance = 2.0 ** np.arange(-3, 4)
    X, baseline = (each * 4 / network.relevance + network.offset for each in (X, baseline))
    question = asked(baseline, n_pieces=n_pieces)
    assert_close(all_of([network], X, question), expected, "float64")
    outputs = outputs_of(network, baseline)[0]
    assert_close(base_outputs([network], question), outputs, "float64")


def test_only_the_outputs_asked_for_are_explained():
    network, X, baseline = drawn(2, "tanh")
    every = all_of([network], X, asked(baseline))
    some = Question(baseline, (2, 0), 1)
    np.testing.assert_array_equal(all_of([network], X, some), every[[2, 0]])
    base = base_outputs([network], asked(baseline))
    np.testing.assert_array_equal(base_outputs([network], some), base[[2, 0]])


# ------------------------------------------------------------------------------- how it is done


@pytest.mark.parametrize("n_pieces", [None, 1, 4])
def test_single_precision_is_explained_in_double(n_pieces):
    network, X, baseline = drawn(2, "relu", dtype="float32")
    X = X.astype("float32")
    question = asked(baseline, n_pieces=n_pieces)
    found = all_of([network], X, question)
    assert found.dtype == "float64"
    doubled, _, _ = drawn(2, "relu", dtype="float32")
    for layer in doubled.layers:
        layer.weights, layer.bias = (each.astype("f8") for each in (layer.weights, layer.bias))
    np.testing.assert_array_equal(found, all_of([doubled], X.astype("f8"), question))


@pytest.mark.parametrize("n_pieces", [None, 1, 4])
def test_sparse_samples_give_the_same_bits(n_pieces):
    network, X, baseline = drawn(2, "relu")
    X[np.random.default_rng(0).random(X.shape) < 0.5] = 0
    question = asked(baseline, n_pieces=n_pieces)
    expected = all_of([network], X, question)
    np.testing.assert_array_equal(all_of([network], sparse.csr_array(X), question), expected)
    twice = as_csr(X, duplicates=True).matrix()
    assert_close(all_of([network], twice, question), expected, "float64")


@pytest.mark.parametrize("n_pieces", [None, 1, 3])
def test_threads_change_no_bit(n_pieces):
    network = random_network((900, 300, 200, 4), 10, "silu", "float64", seed=0)
    rng = np.random.default_rng(0)
    X, baselines = rng.normal(size=(400, 900)), rng.normal(size=(2, 900))
    one = all_of([network], X, asked(baselines, 4, n_pieces))
    for n_threads in (2, 5):
        other = all_of([network], X, asked(baselines, 4, n_pieces, n_threads))
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n_pieces", [None, 1, 3])
def test_blocks_change_nothing(n_pieces, monkeypatch):
    network = random_network((30, 20, 10, 4), 5, "tanh", "float64", seed=0)
    X, baselines = np.random.default_rng(0).normal(size=(2, 21, 30))
    question = asked(baselines[:2], 4, n_pieces)
    expected = all_of([network], X, question)
    monkeypatch.setattr(attribution, "_MAX_BYTES", 0)
    blocks = [rows for rows, _ in contributions([network], X, question)]
    assert blocks == [slice(0, 8), slice(8, 16), slice(16, 21)]
    assert_close(all_of([network], X, question), expected, "float64")


@pytest.mark.parametrize(
    ("sizes", "n_outputs", "expected"),
    [((10, 20, 1), 1, 64), ((10**5, 1000, 10), 10, 13), ((10**7, 1000, 10), 10, 8)],
)
def test_memory_is_bounded(sizes, n_outputs, expected):
    assert asked(np.zeros((1, 1)), n_outputs).width(sizes) == expected


@pytest.mark.parametrize("n_threads", [1, 2])
def test_few_blocks_are_under_way_ahead_and_an_end_ends_them(n_threads):
    begun = []

    def noted(item, check):
        check()
        begun.append(item)
        return item

    found = attribution._in_order(noted, range(100), n_threads)
    assert [next(found) for _ in range(5)] == [0, 1, 2, 3, 4]
    found.close()
    assert len(begun) <= 5 + n_threads


@pytest.mark.parametrize("n_threads", [1, 2])
def test_an_error_in_a_block_is_raised(n_threads):
    found = attribution._in_order(lambda item, check: 1 / item, [2, 1, 0, 1, 1, 1], n_threads)
    assert [next(found), next(found)] == [0.5, 1]
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_nothing_is_changed():
    network, X, baseline = drawn(2, "relu")
    for layer in network.layers:
        layer.weights.flags.writeable = layer.bias.flags.writeable = False
    X.flags.writeable = baseline.flags.writeable = False
    assert all_of([network], X, asked(baseline)).any()


def test_blocks_under_way_end_when_nobody_waits_for_them():
    """What threads have begun does not go on for minutes after Ctrl-C."""
    ended = []

    def only_the_first_ends(item, check):
        began = time.monotonic()
        try:
            while item > 0 and time.monotonic() < began + 30:
                check()
                time.sleep(0.001)
        finally:
            ended.append(item)

    began = time.monotonic()
    blocks = attribution._in_order(only_the_first_ends, range(5), 2)
    next(blocks)
    blocks.close()
    assert time.monotonic() < began + 20
    assert 0 in ended
