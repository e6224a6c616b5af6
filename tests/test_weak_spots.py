"""The weak spots of scikit-learn's MLP are none here; each has a test of its own."""

import pickle
import tracemalloc

import numpy as np
import pytest
from estimator_cases import (
    TARGETS,
    WEIGHT,
    N,
    T,
    X,
    Y,
    arrays,
    both,
    classifier,
    every_class_target,
    regressor,
)
from scipy import sparse
from sklearn.utils import get_tags

from sklearn_set import SETClassifier, base
from sklearn_set.optimizers import SOLVERS

# Nearly every fit here is shorter than convergence takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)


@pytest.mark.parametrize(
    ("n_of_classes", "fraction"),
    [([30, 20, 8], 0.25), ([5, 5, 5, 5], 0.2), ([24, 30], 0.1), ([28, 28, 2], 0.1)],
    ids=["three", "four small", "two", "a rare one"],
)
@pytest.mark.parametrize("seed", range(5))
def test_weak_spot_01_early_stopping_is_stratified(n_of_classes, fraction, seed, split):
    y = np.repeat([f"class {i}" for i in range(len(n_of_classes))], n_of_classes)
    model = classifier(
        early_stopping=True, validation_fraction=fraction, random_state=seed, batch_size=10
    )
    model.fit(X[: len(y)], y)
    for part in ("train", "held out"):
        classes, counts = np.unique(y[split[part]], return_counts=True)
        np.testing.assert_array_equal(classes, np.unique(y))
        shares = np.array(n_of_classes) * len(split[part]) / len(y)
        assert (np.abs(counts - shares) <= 1).all()


def test_weak_spot_02_memory():
    # 61,000 features, 1000 hidden neurons, 620,000 connections in single precision.
    rng = np.random.default_rng(0)
    values = rng.random((20, 61_000), dtype=np.float32)
    wide = sparse.csr_array(np.where(values < 0.01, 100 * values, 0))
    y = np.arange(20) % 2
    model = SETClassifier(1000, epsilon=10, max_iter=3, n_snapshots=1, mixup=0, random_state=0)
    tracemalloc.start()
    try:
        model.fit(wide, y)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    n_connections = model.n_connections_
    assert n_connections > 620_000
    assert model.coefs_[0].dtype == np.float32
    # Kept: weight, index, the other direction.  Peak: two moments more, all of it twice while a
    # layer evolves, and the activations of a batch (a dozen bytes per feature and sample).
    assert kept < 20 * n_connections
    assert peak < 60 * n_connections + 4 * 32 * 62_000
    # The pickle has weights and indices (8 bytes), and neither moments nor the other direction.
    assert model._optimizer is None
    assert len(pickle.dumps(model)) < 14 * n_connections


def test_weak_spot_03_partial_fit_with_a_seed_does_not_replay_the_shuffle(monkeypatch):
    orders = []
    train = base.train

    def spy(state, *args, **kwargs):
        orders.append(tuple(state.randomness.copy().order.permutation(N)))
        return train(state, *args, **kwargs)

    monkeypatch.setattr(base, "train", spy)
    model = classifier(random_state=7)
    for _ in range(5):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    assert len(set(orders)) == 5


@pytest.mark.parametrize("solver", SOLVERS)
def test_weak_spot_04_warm_start_keeps_the_optimizer(solver):
    model = regressor(warm_start=True, solver=solver).fit(X, T)
    first = model._optimizer
    assert first is not None
    assert any(moment.any() for layer in first.moments for moment in layer)
    n_steps = first.n_steps
    model.fit(X, T)
    second = model._optimizer
    assert second is not first
    if solver == "adam":
        assert n_steps == 15
        assert second.n_steps == 30
    # Whoever forgets the moments makes another model.
    kept, forgot = (regressor(warm_start=True, solver=solver).fit(X, T) for _ in range(2))
    forgot._optimizer = None
    assert not np.array_equal(kept.fit(X, T).predict(X), forgot.fit(X, T).predict(X))


def test_weak_spot_05_partial_fit_with_warm_start_needs_not_every_class():
    model = classifier(warm_start=True).partial_fit(X, Y, classes=[0, 1, 2])
    part = Y == 1
    model.partial_fit(X[part], Y[part])
    assert len(model.loss_curve_) == 2


def test_weak_spot_06_partial_fit_is_what_it_says():
    # No solver pretends to stream: lbfgs is refused by name.
    with pytest.raises(ValueError, match="The 'solver' parameter of SETRegressor must be"):
        regressor(solver="lbfgs").partial_fit(X, T)
    assert regressor(max_iter=30).partial_fit(X, T).n_iter_ == 1


def test_weak_spot_07_a_loss_that_targets_do_not_fit_is_refused():
    with pytest.raises(ValueError, match="loss='poisson' requires non-negative y and sum"):
        regressor(loss="poisson").fit(X, -np.abs(T))


@both
def test_weak_spot_08_weights(factory, y):
    with pytest.raises(ValueError, match="Negative values"):
        factory().fit(X, y, sample_weight=-WEIGHT)
    # A batch whose weights are all zero is skipped.
    weight = np.where(np.arange(N) < 20, 0.0, 1.0)
    model = factory(shuffle=False, batch_size=20).fit(X, y, sample_weight=weight)
    assert np.isfinite(model.loss_curve_).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_class_target
def test_weak_spot_09_log_probabilities_are_finite(target, dtype):
    _, y, *_ = TARGETS[target]
    model = classifier(dtype=dtype).fit(X, y)
    model.coefs_[-1].data[:] *= 1e6
    probabilities, logarithms = model.predict_proba(X), model.predict_log_proba(X)
    assert (probabilities == 0).any()  # saturated
    assert np.isfinite(logarithms).all()
    assert logarithms.min() < -1000
    likely = probabilities > 1e-30
    np.testing.assert_allclose(logarithms[likely], np.log(probabilities[likely]), atol=1e-5)


@pytest.mark.parametrize("k", [1, 3, 6])
def test_weak_spot_10_stops_after_exactly_n_iter_no_change_epochs(k):
    model = classifier(n_iter_no_change=k, tol=1e6, max_iter=50).fit(X, Y)
    assert model.n_iter_ == k + 1


def test_weak_spot_11_tags_tell_what_targets_are_supported():
    assert get_tags(regressor()).target_tags.multi_output
    assert get_tags(classifier()).classifier_tags.multi_label
    assert not get_tags(classifier()).classifier_tags.poor_score
    for factory in (classifier, regressor):
        assert get_tags(factory()).input_tags.sparse


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive", "cosine"])
def test_weak_spot_12_schedules_metrics_and_validation_loss(learning_rate):
    model = classifier(
        solver="adam",
        learning_rate=learning_rate,
        early_stopping=True,
        validation_fraction=0.3,
        scoring="neg_log_loss",
        alpha=0,
    ).fit(X, Y)
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == 5
    # The metric is the loss: both curves tell the same.
    np.testing.assert_allclose(model.validation_loss_curve_, -np.array(model.validation_scores_))
    expected = {"constant": 1e-3, "adaptive": 1e-3, "invscaling": 1e-3 / (42 * 5 + 1) ** 0.5}
    rate = model._progress.learning_rate
    assert rate == pytest.approx(expected.get(learning_rate, 0.0), abs=1e-15)


@both
def test_weak_spot_13_the_best_network_is_kept(factory, y):
    scores = [0.3, 0.9, 0.1, 0.2]
    calls, best = [], []

    def scorer(model, X, y):
        calls.append(None)
        if len(calls) == 2:
            best.extend(array.copy() for array in arrays(model))
        return scores[len(calls) - 1]

    model = factory(early_stopping=True, scoring=scorer, max_iter=4).fit(X, y)
    assert model.best_iter_ == 2
    assert model.best_validation_score_ == 0.9
    for ours, theirs in zip(arrays(model), best, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # Plain training keeps the last network and tells which epoch was best.
    plain = factory(max_iter=4).fit(X, y)
    assert plain.best_iter_ == 1 + int(np.argmin(plain.loss_curve_))
    assert plain.best_loss_ == min(plain.loss_curve_)
