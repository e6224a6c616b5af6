"""Predictions are means of the right networks; snapshots are dropped where they should be."""

import copy
import pickle
import time
from dataclasses import replace

import numpy as np
import pytest
import reference
from conftest import assert_close, settings
from peaks import peak_of
from scipy import sparse
from snapshot_cases import TARGETS, X

from sklearn_set import SETClassifier, machine, memory, training
from sklearn_set.schedule import is_time_for_a_snapshot, n_certain_snapshots, takes_snapshot

quiet = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

every_target = pytest.mark.parametrize("target", TARGETS)

# Training lasts as long as it is told to, and says nothing.
SMALL = {
    "hidden_layer_sizes": (15, 10),
    "epsilon": 2.5,
    "batch_size": 16,
    "random_state": 0,
    "max_iter": 12,
    "n_snapshots": 4,
    "n_iter_no_change": np.inf,
}


def small(target="multiclass", **parameters):
    estimator, y = TARGETS[target]
    return estimator(**SMALL | parameters), y


def arrays(network):
    return [
        array.tobytes()
        for layer in network.layers
        for array in (layer.topology.indptr, layer.topology.indices, layer.weights, layer.bias)
    ]


def epochs_of(n_epochs, n_snapshots):
    return [
        n_iter
        for n_iter in range(1, n_epochs + 1)
        if is_time_for_a_snapshot(n_iter, n_epochs, n_snapshots)
    ]


# ------------------------------------------------------------------------------------------ when


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 5, 10, 19, 20, 21, 100, 101, 199])
@pytest.mark.parametrize("n_snapshots", [1, 2, 3, 5, 10, 50, 300])
def test_snapshots_are_spread_evenly_over_the_second_half(n_snapshots, n_epochs):
    epochs = epochs_of(n_epochs, n_snapshots)
    # the last network is one of them, and is no copy
    n_of_second_half = n_epochs - n_epochs // 2
    assert len(epochs) == min(n_snapshots, n_of_second_half) - 1
    assert all(2 * epoch > n_epochs for epoch in epochs)
    gaps = np.diff([*epochs, n_epochs])
    assert len(set(gaps)) <= 1
    if epochs:  # as much of it as whole epochs allow
        assert gaps[0] == max(1, n_epochs // (2 * n_snapshots))


def test_some_epochs_of_snapshots():
    assert epochs_of(100, 10) == [55, 60, 65, 70, 75, 80, 85, 90, 95]
    assert epochs_of(12, 4) == [9, 10, 11]
    assert epochs_of(10, 10) == [6, 7, 8, 9]
    assert epochs_of(3, 10) == [2]
    assert epochs_of(2, 2) == []
    assert epochs_of(100, 1) == []


@pytest.mark.parametrize("n_snapshots", [1, 2, 4, 30])
@pytest.mark.parametrize("n_epochs", [1, 2, 7, 12])
def test_those_that_are_certain_are_counted(n_epochs, n_snapshots):
    how = {"n_snapshots": n_snapshots, "max_iter": n_epochs}
    patient = settings(**how, n_iter_no_change=np.inf)
    assert n_certain_snapshots(patient) == len(epochs_of(n_epochs, n_snapshots))
    impatient = settings(**how | {"max_iter": max(2, n_epochs)}, n_iter_no_change=1)
    assert n_certain_snapshots(impatient) == 0


@pytest.mark.parametrize("n_search_epochs", [0, 1, 4, 25])
@pytest.mark.parametrize("n_snapshots", [1, 2, 5, 30])
@pytest.mark.parametrize("n_epochs", [25, 26, 60, 101])
def test_those_after_a_search_are_counted(n_epochs, n_snapshots, n_search_epochs):
    patient = settings(n_snapshots=n_snapshots, max_iter=n_epochs, n_iter_no_change=np.inf)
    patient = replace(patient, n_search_epochs=n_search_epochs)
    expected = sum(takes_snapshot(n_iter, patient) for n_iter in range(1, n_epochs))
    assert n_certain_snapshots(patient) == expected


@pytest.mark.parametrize("feature_search", [False, True])
def test_the_beginning_does_not_depend_on_the_number_of_epochs(monkeypatch, feature_search):
    """Neither its time nor its memory: training may be meant to last until it is interrupted."""

    class BeginsError(Exception):
        pass

    def begins(*args):
        raise BeginsError

    monkeypatch.setattr(training, "run_epoch", begins)
    seconds, n_bytes = [], []
    for max_iter in (100, 10_000_000):
        how = {"feature_search": feature_search, "learning_rate": "cosine"}
        model, y = small(max_iter=max_iter, **how)

        def begin(model=model, y=y):
            with pytest.raises(BeginsError):
                model.fit(X, y)

        began = time.thread_time()
        begin()
        seconds.append(time.thread_time() - began)
        n_bytes.append(peak_of(begin, n_runs=3))
    assert seconds[1] < seconds[0] + 1
    assert n_bytes[1] < n_bytes[0] + 100_000


# ------------------------------------------------------------------------------------------ what


def test_snapshots_are_the_networks_of_their_epochs(monkeypatch):
    """Copies: neither later steps nor later evolutions reach them."""
    after, run_epoch = [], training.run_epoch

    def spy(state, *args):
        loss = run_epoch(state, *args)
        after.append(arrays(state.network))
        return loss

    monkeypatch.setattr(training, "run_epoch", spy)
    model, y = small(max_iter=20, n_snapshots=3)
    model.fit(X, y)
    assert [arrays(network) for network in model._snapshots] == [after[13], after[16]]
    assert arrays(model._network) == after[19]
    indices = [network.layers[0].topology.indices for network in model._snapshots]
    assert not np.array_equal(*indices), "an evolution lies between"


@pytest.mark.parametrize("sparse_input", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_target
def test_predictions_are_means_of_the_raw_outputs(target, dtype, sparse_input):
    model, y = small(target, dtype=dtype)
    given = X.astype(dtype)
    model.fit(given, y)
    assert len(model._snapshots) == 3
    outputs = [
        reference.DenseMLP.of(network).forward(given)[0][-1]
        for network in [*model._snapshots, model._network]
    ]
    expected = np.mean(outputs, axis=0)
    raw = model._raw(sparse.csr_array(given) if sparse_input else given)
    assert raw.dtype == dtype
    assert_close(raw, expected, dtype)
    assert np.abs(expected - outputs[-1]).max() > 1e-3 * np.abs(expected).max()
    raw = model._raw(given)
    np.testing.assert_array_equal(model.predict(given), model._decide(raw))
    if isinstance(model, SETClassifier):
        np.testing.assert_array_equal(model.decision_function(given).reshape(raw.shape), raw)
        np.testing.assert_array_equal(model.predict_proba(given), model._probabilities(raw))


@every_target
def test_the_last_network_is_that_of_a_fit_without_snapshots(target):
    model, y = small(target)
    alone, _ = small(target, n_snapshots=1)
    model.fit(X, y)
    alone.fit(X, y)
    assert alone._snapshots == ()
    assert arrays(model._network) == arrays(alone._network)
    for ours, theirs in zip(model.coefs_, alone.coefs_, strict=True):
        assert ours.data.tobytes() == theirs.data.tobytes()
        np.testing.assert_array_equal(ours.indices, theirs.indices)
    for ours, theirs in zip(model.intercepts_, alone.intercepts_, strict=True):
        assert ours.tobytes() == theirs.tobytes()
    assert model.loss_curve_ == alone.loss_curve_
    assert model.n_connections_ == alone.n_connections_


def test_feature_importances_are_those_of_all_networks():
    model, y = small()
    model.fit(X, y)
    strength = sum(
        np.abs(reference.DenseMLP.of(network).weights[0]).sum(axis=1)
        for network in [*model._snapshots, model._network]
    )
    np.testing.assert_allclose(model.feature_importances_, strength / strength.sum())


# ------------------------------------------------------------------------------ when there are none


@every_target
def test_partial_fit_drops_them(target):
    model, y = small(target)
    model.fit(X, y)
    assert model._snapshots
    model.partial_fit(X, y)
    assert model._snapshots == ()
    expected = reference.DenseMLP.of(model._network).forward(X)[0][-1]
    assert_close(model._raw(X), expected, "float64")


@every_target
def test_early_stopping_takes_none(target):
    model, y = small(target, early_stopping=True, validation_fraction=0.25)
    model.fit(X, y)
    assert model.n_iter_ == 12
    assert model._snapshots == ()


def test_another_fit_takes_others():
    model, y = small()
    first = [arrays(network) for network in model.fit(X, y)._snapshots]
    again = [arrays(network) for network in model.fit(X, y)._snapshots]
    assert first == again
    model.set_params(n_snapshots=1).fit(X, y)
    assert model._snapshots == ()


def test_a_warm_start_takes_its_own():
    model, y = small(warm_start=True)
    first = [arrays(network) for network in model.fit(X, y)._snapshots]
    second = [arrays(network) for network in model.fit(X, y)._snapshots]
    assert len(second) == 3
    assert not any(network in first for network in second)


def test_a_failed_fit_leaves_them():
    model, y = small()
    expected = model.fit(X, y).predict_proba(X)
    for bad in ({"learning_rate_init": 1e300}, {"n_snapshots": 0}):
        broken = copy.deepcopy(model).set_params(**bad)
        with (
            pytest.raises(ValueError, match=r"diverge|finite|n_snapshots"),
            np.errstate(all="ignore"),
        ):
            broken.fit(X, y)
        assert len(broken._snapshots) == 3
        np.testing.assert_array_equal(broken.predict_proba(X), expected)


@quiet
def test_training_that_ends_early_keeps_what_it_has():
    """Nothing improves by a tol so large: the end comes before the second half."""
    model, y = small(max_iter=40, n_iter_no_change=3, tol=1e9)
    model.fit(X, y)
    assert model.n_iter_ == 4
    assert model._snapshots == ()


def test_an_interrupted_fit_keeps_what_it_has(monkeypatch):
    n_begun, run_epoch = [0], training.run_epoch

    def interrupted(*args):
        n_begun[0] += 1
        if n_begun[0] == 11:
            raise KeyboardInterrupt
        return run_epoch(*args)

    monkeypatch.setattr(training, "run_epoch", interrupted)
    model, y = small()
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    assert model.n_iter_ == 10
    assert len(model._snapshots) == 2
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_scorer_sees_none_of_an_earlier_fit():
    """It judges the network in training alone."""
    model, y = small()
    model.fit(X, y)
    seen = []

    def scoring(estimator, X, y):
        expected = reference.DenseMLP.of(estimator._network).forward(X)[0][-1]
        assert_close(estimator.decision_function(X), expected, "float64")
        seen.append(expected)
        return estimator.score(X, y)

    model.set_params(early_stopping=True, validation_fraction=0.25, scoring=scoring).fit(X, y)
    assert len(seen) == 12


@every_target
def test_a_pickled_model_predicts_the_same(target):
    model, y = small(target)
    loaded = pickle.loads(pickle.dumps(model.fit(X, y)))
    assert [arrays(network) for network in loaded._snapshots] == [
        arrays(network) for network in model._snapshots
    ]
    assert loaded._raw(X).tobytes() == model._raw(X).tobytes()
    assert vars(loaded).keys() == vars(model).keys()


# ------------------------------------------------------------------------------------- memory


@quiet
@pytest.mark.parametrize("max_iter", [1, 3, 12])
@pytest.mark.parametrize("n_snapshots", [1, 2, 4, 100])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_iter_no_change": 2, "tol": 1e9},
        {"n_iter_no_change": 3},
        {"n_iter_no_change": 12, "tol": 1e9},
        {"n_iter_no_change": 2, "tol": 1e9, "learning_rate": "adaptive"},
        {"early_stopping": True},
        {"n_iter_no_change": "auto"},
        {"n_iter_no_change": "auto", "mixup": 1.0},
    ],
    ids=str,
)
def test_never_more_are_counted_than_are_kept(options, n_snapshots, max_iter, monkeypatch):
    """Or a network that fits into memory might be refused."""
    counted, training_bytes = [], memory.training_bytes

    def spy(*args, n_snapshots, **how):
        counted.append(n_snapshots)
        one, none = (training_bytes(*args, n_snapshots=n, **how)["snapshots"] for n in (1, 0))
        parts = training_bytes(*args, n_snapshots=n_snapshots, **how)
        assert none == 0
        assert parts["snapshots"] == n_snapshots * one
        return parts

    monkeypatch.setattr(memory, "training_bytes", spy)
    model, y = small(**{"n_snapshots": n_snapshots, "max_iter": max_iter} | options)
    model.fit(X, y)
    assert len(counted) == 1
    assert counted[0] <= len(model._snapshots) <= max(0, min(n_snapshots, max_iter) - 1)
    if options == {}:
        assert counted[0] == len(model._snapshots)


def test_what_one_is_said_to_take_is_no_more_than_it_takes(monkeypatch):
    seen, training_bytes = [], memory.training_bytes

    def spy(*args, **how):
        seen.append(training_bytes(*args, **how))
        return seen[-1]

    monkeypatch.setattr(memory, "training_bytes", spy)
    model, y = small()
    model.fit(X, y)
    taken = sum(
        layer.weights.nbytes + layer.bias.nbytes
        for network in model._snapshots
        for layer in network.layers
    )
    assert 0 < seen[0]["snapshots"] <= taken


def test_too_many_for_the_memory_are_refused_with_advice(monkeypatch):
    monkeypatch.setattr(memory, "_NEVER_TOO_MUCH", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: 1)
    model, y = small()
    with pytest.raises(MemoryError, match=r"batch_size or n_snapshots\."):
        model.fit(X, y)
    with pytest.raises(MemoryError, match=r"epsilon or batch_size\."):
        model.set_params(n_snapshots=1).fit(X, y)


def test_one_row_asks_for_no_threads(monkeypatch):
    """Ten networks of a default fit predict it before a thread would be awake."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 5000))
    model = SETClassifier(random_state=0).fit(X, np.arange(80) % 2)
    assert len(model._networks()) == 10
    expected = model.decision_function(X)

    def refuse(n_jobs=None):
        raise AssertionError("threads were asked for")

    monkeypatch.setattr(machine, "effective_n_threads", refuse)
    for one in (X[:1], sparse.csr_array(X[:1])):
        assert model.decision_function(one).tobytes() == expected[:1].tobytes()
    with pytest.raises(AssertionError, match="threads were asked for"):
        model.predict(np.tile(X, (4, 1)))
