"""The search for features finds those that matter, keeps all where all do, and loses nothing."""

import itertools
import pickle

import numpy as np
import pytest
from evolving import make_network
from sklearn.datasets import make_friedman1

from sklearn_set import SETClassifier, SETRegressor, training
from sklearn_set.network import ActiveInputs
from sklearn_set.search import FeatureSearch
from sklearn_set.settings import even_batch
from sklearn_set.workspace import Workspace

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

RING_FEATURES = [5, 17, 42]


def ring(n_samples=500, n_features=200):
    """Two classes: inside and outside of a sphere in three of the features."""
    X = np.random.default_rng(0).normal(size=(n_samples, n_features))
    radius = (X[:, RING_FEATURES] ** 2).sum(axis=1)
    return X, (radius > np.median(radius)).astype(int)


def a_search(n_epochs=60, max_iter=100):
    return FeatureSearch(np.arange(8), np.arange(8, 10), n_epochs, max_iter)


def n_active(network):
    """How many features may have connections."""
    return network.sizes[0] if network.inputs is None else network.inputs.n_active


# ------------------------------------------------------------------------------- whole fits


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_features_of_a_ring_are_found(dtype):
    X, y = ring()
    X = X.astype(dtype)
    model = SETClassifier(random_state=0).fit(X[:400], y[:400])
    assert np.flatnonzero(model.active_features_).tolist() == RING_FEATURES
    blind = SETClassifier(random_state=0, feature_search=False).fit(X[:400], y[:400])
    assert model.score(X[400:], y[400:]) > max(0.9, blind.score(X[400:], y[400:]) + 0.1)
    assert model.n_connections_ < blind.n_connections_
    n_active, losses = zip(*model.search_curve_, strict=True)
    assert len(losses) == 60
    assert n_active[0] == 200
    assert n_active[-1] == 2
    assert n_active[int(np.argmin(losses))] == 3
    assert blind.search_curve_ is None
    assert blind.active_features_.all()


def test_features_of_a_sum_are_found():
    X, y = make_friedman1(600, 100, noise=1.0, random_state=1)
    model = SETRegressor(random_state=0).fit(X, y)
    assert model.active_features_[[0, 1, 3, 4]].all()  # the third one does least
    assert model.active_features_.sum() < 20


def test_all_features_remain_where_all_matter():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 40))
    y = X @ np.ones(40)
    model = SETRegressor(random_state=0, feature_search=True).fit(X, y)
    assert model.active_features_.mean() > 0.9


def test_equal_bits_for_any_number_of_threads_and_any_format():
    from scipy import sparse

    X, y = ring(200, 50)
    models = [
        SETClassifier(60, max_iter=50, random_state=3, n_jobs=n_jobs).fit(given, y)
        for n_jobs, given in itertools.product((1, 2), (X, sparse.csr_array(X)))
    ]
    for model in models[1:]:
        assert model.search_curve_ == models[0].search_curve_
        for one, other in zip(model.coefs_, models[0].coefs_, strict=True):
            np.testing.assert_array_equal(one.toarray(), other.toarray())


@pytest.mark.parametrize(
    "without",
    # the third: no evolution in the 30 epochs of a search
    [{"zeta": 0}, {"early_stopping": True}, {"rewire_interval": 30}, {"max_iter": 2}],
    ids=str,
)
def test_there_is_no_search(without):
    X, y = ring(200, 50)
    model = SETClassifier(feature_search=True, random_state=0, **{"max_iter": 50} | without)
    with pytest.warns(UserWarning, match="feature_search=True has no effect: "):
        assert model.fit(X, y).search_curve_ is None
    assert model.set_params(feature_search="auto").fit(X, y).search_curve_ is None


def test_only_the_first_of_several_fits_searches():
    X, y = ring(200, 50)
    model = SETClassifier(60, max_iter=50, warm_start=True, random_state=0).fit(X, y)
    found = model.active_features_
    assert found.sum() < 50
    n_connections = model.n_connections_
    for go_on in (model.fit, model.partial_fit):
        go_on(X, y)
        assert model.search_curve_ is None
        assert model.n_connections_ == n_connections
        np.testing.assert_array_equal(model.active_features_, found)
    with pytest.raises(ValueError, match="differs from what epsilon=9 gives"):
        model.set_params(epsilon=9).fit(X, y)
    assert SETClassifier(20).partial_fit(X, y, classes=[0, 1]).search_curve_ is None


def test_too_few_samples_are_refused():
    X, y = ring(9, 50)
    weight = np.repeat([0.0, 1.0], [3, 9])
    for given in ((X, y), (*ring(12, 50), weight)):
        with pytest.raises(ValueError, match=r"feature_search=True holds out samples, .* got 9"):
            SETClassifier(5, feature_search=True).fit(*given)


def test_samples_of_weight_zero_are_not_enough_for_an_automatic_search():
    X, y = ring(200, 50)
    for n_counting, searches in ((8, False), (149, False), (150, True)):
        weight = (np.arange(200) < n_counting).astype(float)
        model = SETClassifier(20, max_iter=50, random_state=0).fit(X, y, sample_weight=weight)
        assert (model.search_curve_ is not None) == searches


def test_ctrl_c_keeps_the_best_network_so_far(monkeypatch):
    X, y = ring(300, 60)
    run_epoch = training.run_epoch
    calls = []

    def interrupted(*given):
        calls.append(1)
        if len(calls) == 55:
            raise KeyboardInterrupt
        return run_epoch(*given)

    monkeypatch.setattr(training, "run_epoch", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = SETClassifier(100, random_state=0).fit(X, y)
    assert model.n_iter_ == 54
    assert len(model.search_curve_) == 54
    # not the last network, which has lost too many features
    assert model.search_curve_[-1][0] == 3
    assert model.active_features_[RING_FEATURES].all()
    assert model.score(X, y) > 0.8


def test_an_end_that_a_callback_asks_for_ends_the_search(monkeypatch):
    X, y = ring(300, 60)
    monkeypatch.setattr(
        "sklearn_set.hooks.FitTask.epoch_ends",
        lambda self: self.__dict__.setdefault("n", []).append(1) or len(self.n) == 50,
    )
    model = SETClassifier(100, random_state=0).fit(X, y)
    assert model.n_iter_ == 50
    assert model.active_features_[RING_FEATURES].all()
    assert len(model.search_curve_) == 50


def test_ctrl_c_while_the_search_chooses_loses_nothing(monkeypatch):
    X, y = ring(300, 60)
    whole = SETClassifier(100, random_state=0).fit(X, y)
    choice, calls = FeatureSearch.choice, []

    def cut(self):
        calls.append(len(self.curve))
        if len(calls) == 1:
            raise KeyboardInterrupt
        return choice(self)

    monkeypatch.setattr(FeatureSearch, "choice", cut)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = SETClassifier(100, warm_start=True, random_state=0).fit(X, y)
    assert calls[0] == model.n_iter_ == 60
    assert model.search_curve_ == whole.search_curve_
    np.testing.assert_array_equal(model.active_features_, whole.active_features_)
    assert model.fit(X, y).n_iter_ == 100
    np.testing.assert_array_equal(model.active_features_, whole.active_features_)


@pytest.mark.parametrize("n_epochs", [1, 40, 59, 60, 61, 100])
def test_the_best_epoch_is_of_those_after_the_search_if_there_are_any(n_epochs, monkeypatch):
    X, y = ring(200, 50)
    monkeypatch.setattr(
        "sklearn_set.hooks.FitTask.epoch_ends",
        lambda self: self.__dict__.setdefault("n", []).append(1) or len(self.n) == n_epochs,
    )
    model = SETClassifier(20, feature_search=True, random_state=0).fit(X, y)
    first = 60 if n_epochs > 60 else 0
    assert model.n_iter_ == n_epochs
    assert model.best_loss_ == min(model.loss_curve_[first:])
    assert model.best_iter_ == first + 1 + int(np.argmin(model.loss_curve_[first:]))


def test_an_infinite_loss_of_the_held_out_samples_ends_the_fit(monkeypatch):
    X, y = ring(100, 50)
    sample_losses = training.sample_losses
    spoiled = iter([0.0] * 4 + [np.inf])

    def infinite(*given):
        losses = sample_losses(*given)
        losses[3] += next(spoiled)
        return losses

    monkeypatch.setattr(training, "sample_losses", infinite)
    with pytest.raises(ValueError, match="Solver produced non-finite"):
        SETRegressor(20, max_iter=20, feature_search=True, random_state=0).fit(X, y)


def test_the_penalty_falls_with_the_share_of_the_features(monkeypatch):
    X, y = ring(300, 60)
    seen, run_epoch = [], training.run_epoch

    def spy(state, data, settings, workspace):
        seen.append((settings.alpha, data.rows.shape[0], settings.batch_size))
        return run_epoch(state, data, settings, workspace)

    monkeypatch.setattr(training, "run_epoch", spy)
    model = SETClassifier(100, alpha=0.5, random_state=0).fit(X, y)
    share = model.active_features_.mean()
    assert seen[:60] == [(0.5, 240, 30)] * 60
    assert seen[60:] == [(0.5 * share, 300, 30)] * 40


def test_batches_of_a_search_tell_whether_threads_pay(monkeypatch):
    """They may be smaller than those after it: it trains on fewer samples."""
    X, y = ring(300, 60)
    seconds, run_epoch = {}, training.run_epoch

    def spy(state, data, settings, workspace):
        loss = run_epoch(state, data, settings, workspace)
        seconds.setdefault(settings.batch_size, []).append(workspace.pace[0])
        return loss

    monkeypatch.setattr(training, "run_epoch", spy)
    SETClassifier(100, batch_size=200, random_state=0).fit(X, y)
    assert {size: len(known) for size, known in seconds.items()} == {120: 60, 200: 40}
    assert min(min(known) for known in seconds.values()) > 0


def test_a_search_that_has_ended_holds_no_networks():
    X, y = ring(200, 50)
    states = []

    class Looks(SETClassifier):
        def _publish(self, state, problem):
            states.append(state)
            super()._publish(state, problem)

    Looks(60, max_iter=50, random_state=0).fit(X, y)
    search = states[0].course.search
    assert search.has_ended
    assert not search._candidates
    assert not search._losses


@pytest.mark.parametrize(
    ("first", "then", "n_rows"),
    [
        # A resumed search goes back from few connections to many.
        (((20, 50, 1), 0.5), ((20, 50, 1), 9.0), 50),
        # With fewer connections, a wide layer may be summed in two parts.
        (((4000, 10_000, 1), 10.0), ((4000, 10_000, 1), 7.2), 10_000),
    ],
    ids=["more", "fewer"],
)
def test_the_workspace_has_room_for_the_sums_of_a_network_that_changes(first, then, n_rows):
    networks = [make_network(sizes, epsilon=epsilon) for sizes, epsilon in (first, then)]
    workspace = Workspace(networks[0], 32, 1)
    assert workspace.partial.shape[0] < n_rows
    for network in (networks[1], networks[0]):
        workspace.adapt(network)
        assert workspace.partial.shape == (n_rows, 32)


# ------------------------------------------------------------------- which features are active


def test_the_number_of_features_falls_by_the_same_share():
    network = make_network((100, 20, 1), epsilon=2.0)
    search = a_search()
    strengths = np.random.default_rng(0).permutation(100) + 1.0
    layer = network.layers[0]
    inputs = np.repeat(np.arange(100), np.diff(layer.topology.indptr))
    layer.weights[:] = strengths[inputs]
    left = []
    for n_done in range(60):
        if n_done:
            search.advance(network)
        search.curve.append((n_active(network), 1.0))  # the loss does not fall
        left.append(n_active(network))
    assert search.begun == 15
    assert left[:15] == [100] * 15
    assert left[-1] == 2
    expected = [max(round(100 * (2 / 100) ** (k / 45)), 2) for k in range(1, 46)]
    assert left[15:] == expected
    # strongest by the fourth-power norm of their weights
    norms = np.bincount(inputs, layer.weights**4, 100)
    np.testing.assert_array_equal(
        np.flatnonzero(network.inputs.active), np.sort(norms.argsort()[-2:])
    )


def test_features_that_went_stay_away():
    network = make_network((100, 20, 1))
    search = a_search()
    search.curve = [(100, 1.0)] * 40
    search.begun = 15
    search._strength = np.arange(100.0)
    network.layers[0].weights[:] = 0
    network.inputs = ActiveInputs(np.arange(100) < 30, 200)  # the weakest, as remembered
    search.advance(network)
    assert network.inputs.n_active < 30
    assert np.flatnonzero(network.inputs.active).tolist() == list(
        range(30 - network.inputs.n_active, 30)
    )


def test_features_go_when_the_loss_stalls_and_at_the_latest_after_a_third():
    network = make_network((100, 20, 1))
    for losses, begun in (
        (1 / np.arange(1, 61), 34 + 1),  # falls by more than 2 % all the time
        (np.concatenate([1 / np.arange(1, 21), np.full(40, 0.05)]), 23),
        (np.full(60, -3.0), 15),  # a Poisson loss may be negative
        (0.999 ** np.arange(60), 15),  # too slowly to wait for
    ):
        search = a_search()
        for n_done, loss in enumerate(losses):
            if n_done:
                search.advance(network)
            search.curve.append((n_active(network), loss))
        assert search.begun == begun


def test_many_small_weights_are_weaker_than_few_large_ones():
    network = make_network((2, 40, 1), epsilon=100.0)
    layer = network.layers[0]
    layer.weights[:40], layer.weights[40:] = 0.1, 0.0
    layer.weights[77] = 1.0
    search = a_search()
    search.advance(network)
    np.testing.assert_allclose(search._strength, [(40 * 0.1**4) ** 0.25, 1.0])
    layer.weights[:] = 0
    search.advance(network)
    np.testing.assert_allclose(search._strength, [0.7 * (40 * 0.1**4) ** 0.25, 0.7])
    for huge in (1e-200, 1e200):
        layer.weights[:] = huge
        search._strength = None
        search.advance(network)
        np.testing.assert_allclose(search._strength / huge, np.full(2, 40**0.25))


def judged(losses, n_left):
    """A search whose networks had these losses on two samples; each network is its bias."""
    network = make_network((n_left[0], 4, 1))
    search = a_search()
    search.begun = 0
    for each, (loss, n) in enumerate(zip(losses, n_left, strict=True)):
        active = np.arange(n_left[0]) < n
        network.inputs = ActiveInputs(active, 40)
        network.layers[0].bias[:] = each
        search.judge(network, np.array(loss), None)
    return search


def test_the_most_features_within_one_standard_error_win():
    # Each loss is averaged with its neighbours'.  The fifth network is the best.
    losses = [[9.0, 9.0]] * 2 + [[4.0, 4.0]] + [[1.0, 1.0]] * 3 + [[9.0, 9.0]]
    search = judged(losses, [8, 7, 6, 5, 4, 3, 2])
    network = search.choice()
    assert network.layers[0].bias[0] == 4
    assert network.inputs.n_active == 4
    # Excesses of the first network: mean 1 and error 2 / sqrt(2); then mean 2 and the same error.
    # The fourth spoils its neighbours.
    for first, winner in (([0.0, 4.0], 0), ([1.0, 5.0], 5)):
        losses = [first] * 3 + [[9.0, 9.0]] + [[1.0, 1.0]] * 3
        search = judged(losses, [9, 8, 7, 6, 5, 4, 3])
        assert search.choice().layers[0].bias[0] == winner


def test_networks_that_cannot_win_are_not_kept():
    losses = [[10.0 - k, 10.0 - k] for k in range(9)]
    search = judged(losses, list(range(20, 11, -1)))
    assert set(search._candidates) <= {6, 7, 8}
    assert judged([[1.0, 2.0]] * 9, [9] * 9)._candidates.keys() == set(range(9))
    assert len(search._losses) < 9


def test_a_long_search_keeps_few_networks():
    search = a_search(n_epochs=1000)
    search.begun = 0
    network = make_network((9, 4, 1))
    assert network.layers[0].topology.t_slots is not None  # what the kernels make of a topology
    n_bytes = len(pickle.dumps(network))
    for _ in range(1000):
        search.judge(network, np.array([1.0, 2.0]), None)
    assert search._candidates.keys() == {*range(0, 1000, 10), 998, 999}
    assert len(search._losses) == 302
    for candidate in search._candidates.values():
        for layer in candidate.layers:
            assert layer.topology._transposed is None
            assert layer.topology.indices is not None
    assert len(pickle.dumps(search.choice())) == n_bytes


def test_a_search_without_an_epoch_finds_nothing():
    search = a_search()
    assert search.choice() is None


@pytest.mark.parametrize(
    ("n_samples", "at_most", "expected"),
    [
        (100, 32, 25),
        (33, 32, 17),
        (47, 32, 24),
        (48, 32, 32),
        (32, 32, 32),
        (15, 32, 15),
        (1, 32, 1),
        (1733, 173, 158),
        (640, 64, 64),
    ],
)
def test_batches_are_even(n_samples, at_most, expected):
    size = even_batch(n_samples, at_most)
    assert size == expected
    assert -(-n_samples // size) == -(-n_samples // at_most)
    assert n_samples % size == 0 or n_samples % size >= size / 2 - 1
