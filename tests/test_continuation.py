"""`partial_fit` and `warm_start` go on with a model, where that is possible."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from estimator_cases import (
    BINARY,
    MULTILABEL,
    NAMES,
    SMALL,
    N,
    T,
    X,
    Y,
    _scores,
    arrays,
    assert_same_model,
    both,
    classifier,
    regressor,
)

from sklearn_set.optimizers import SGD, SOLVERS, Adam

# Nearly every fit here is shorter than convergence takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

# ---------------------------------------------------------------------------------- partial_fit


def test_classes_are_required_first_and_may_be_left_out_later():
    model = classifier()
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        model.partial_fit(X, Y)
    model.partial_fit(X, Y, classes=[2, 0, 1])
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    model.partial_fit(X, Y).partial_fit(X, Y, classes=[0, 1, 2])
    assert len(model.loss_curve_) == 3
    assert model.n_iter_ == 1


def test_other_classes_and_unseen_labels_are_refused():
    model = classifier().partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        model.partial_fit(X, Y, classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        model.partial_fit(X, Y + 1)
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        classifier().partial_fit(X, Y, classes=[0, 1])


def test_labels_may_be_unseen_for_a_while():
    model = classifier()
    for name in ("bee", "cat", "bee", "ape"):
        part = np.flatnonzero(np.isin(NAMES, name))
        model.partial_fit(X[part], NAMES[part], classes=["ape", "bee", "cat", "dog"])
    assert model.predict_proba(X).shape == (N, 4)
    assert (model.predict_proba(X) > 0).all()


def test_partial_fit_of_one_sample():
    model = classifier()
    for i in range(5):
        model.partial_fit(X[i : i + 1], Y[i : i + 1], classes=[0, 1, 2])
    assert model.t_ == 5
    regressor().partial_fit(X[:1], T[:1]).partial_fit(X[1:2], T[1:2])
    multilabel = classifier().partial_fit(X[:1], MULTILABEL[:1], classes=[0, 1, 2])
    assert multilabel.partial_fit(X[1:2], MULTILABEL[1:2]).predict(X).shape == (N, 3)


def test_partial_fit_never_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = classifier(batch_size=1000)
        model.partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X[:5], Y[:5])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("options", [{}, {"dropout": 0.2}], ids=str)
@both
def test_parts_make_the_same_model_as_epochs(factory, y, options, solver):
    streamed = factory(solver=solver, **options)
    for _ in range(5):
        if factory is classifier:
            streamed.partial_fit(X, y, classes=[0, 1, 2])
        else:
            streamed.partial_fit(X, y)
    fitted = factory(solver=solver, max_iter=5, **options).fit(X, y)
    assert_same_model(streamed, fitted)
    assert streamed.loss_curve_ == fitted.loss_curve_


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_pickled_stream_goes_on_as_its_twin(solver):
    model = classifier(solver=solver, dropout=0.1)
    for _ in range(3):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    twin = pickle.loads(pickle.dumps(model))
    other = copy.deepcopy(model)
    assert_same_model(twin, model)
    before = model.coefs_[0].data.copy()
    for part in (slice(0, 40), slice(20, 60), slice(0, 60)):
        for each in (model, twin, other):
            each.partial_fit(X[part], Y[part])
    assert not np.array_equal(before, model.coefs_[0].data)
    assert_same_model(twin, model)
    assert_same_model(other, model)
    assert twin.loss_curve_ == model.loss_curve_


@both
def test_fit_then_partial_fit_goes_on(factory, y):
    model = factory(max_iter=30).fit(X, y)
    n_epochs, start = len(model.loss_curve_), model.score(X, y)
    for _ in range(30):
        model.partial_fit(X, y)
    assert len(model.loss_curve_) == n_epochs + 30
    assert model.score(X, y) >= start
    assert model.loss_ < model.loss_curve_[n_epochs - 1]


def test_partial_fit_refuses_another_number_of_features():
    model = regressor().partial_fit(X, T)
    with pytest.raises(ValueError, match="X has 7 features, but SETRegressor is expecting 8"):
        model.partial_fit(X[:, :7], T)


@pytest.mark.parametrize(("first", "then"), [(Y, MULTILABEL), (MULTILABEL, Y)])
@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
def test_a_model_refuses_another_kind_of_target(first, then, how):
    # Three classes and three labels give networks of the same shape, but not of the same meaning.
    model = classifier(warm_start=how == "warm_start").fit(X, first)
    with pytest.raises(ValueError):  # noqa: PT011  (whatever the words)
        model.partial_fit(X, then) if how == "partial_fit" else model.fit(X, then)


def test_a_new_learning_rate_is_used_at_once(monkeypatch):
    rates = []
    original = Adam.next_step_size
    monkeypatch.setattr(
        Adam, "next_step_size", lambda self, rate: (rates.append(rate), original(self, rate))[1]
    )
    model = regressor(batch_size=N).partial_fit(X, T).partial_fit(X, T)
    model.set_params(learning_rate_init=0.01).partial_fit(X, T)
    assert rates == [0.001, 0.001, 0.01]


# ----------------------------------------------------------------------------------- warm_start


@pytest.mark.parametrize("solver", SOLVERS)
@both
def test_warm_fits_make_the_same_model_as_a_long_one(factory, y, solver):
    options = {"solver": solver, "rewire_interval": 2, "dropout": 0.1, "n_iter_no_change": 12}
    warm = factory(warm_start=True, max_iter=3, **options)
    for _ in range(4):
        warm.fit(X, y)
    long = factory(max_iter=12, **options).fit(X, y)
    assert_same_model(warm, long)
    assert warm.loss_curve_ == long.loss_curve_
    assert warm.t_ == long.t_
    assert (warm.n_iter_, long.n_iter_) == (3, 12)


def test_warm_start_begins_like_any_fit():
    assert_same_model(regressor(warm_start=True).fit(X, T), regressor().fit(X, T))


def test_without_warm_start_fit_begins_anew():
    model = regressor().fit(X, T)
    first = [array.copy() for array in arrays(model)]
    model.fit(X, T)
    for ours, theirs in zip(arrays(model), first, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(model.loss_curve_) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_layer_sizes": (15, 11)},
        {"hidden_layer_sizes": (15,)},
        {"hidden_layer_sizes": 15},
        {"activation": "tanh"},
        {"activation": ("relu", "tanh")},
        {"epsilon": 2.5},
    ],
    ids=str,
)
@pytest.mark.parametrize("how", ["warm_start=True", "partial_fit"])
@both
def test_a_changed_architecture_is_refused(factory, y, how, change):
    model = factory(warm_start=how == "warm_start=True").fit(X, y)
    before = model.predict(X)
    ((name, value),) = change.items()
    model.set_params(**change)
    with pytest.raises(ValueError, match=f"^{how} goes on with the network it has") as error:
        model.fit(X, y) if model.warm_start else model.partial_fit(X, y)
    assert f"{name}={value!r}" in str(error.value)
    assert f"Set {name} back" in str(error.value)
    np.testing.assert_array_equal(model.predict(X), before)
    model.set_params(**{name: SMALL.get(name, "relu")})
    model.fit(X, y) if model.warm_start else model.partial_fit(X, y)


def test_the_same_architecture_in_other_words_is_accepted():
    model = classifier(warm_start=True).fit(X, Y)
    model.set_params(hidden_layer_sizes=[15, 10], activation=["relu", "relu"], epsilon=3.0)
    assert len(model.fit(X, Y).loss_curve_) == 10


def test_other_classes_are_refused():
    model = classifier(warm_start=True).fit(X, Y)
    message = "warm_start can only be used where `y` has the same classes as in the previous call"
    for y in (Y + 1, BINARY, NAMES):
        with pytest.raises(ValueError, match=message):
            model.fit(X, y)


def test_another_number_of_outputs_is_refused():
    model = regressor(warm_start=True).fit(X, T)
    with pytest.raises(ValueError, match="of 1 outputs, but y has 3"):
        model.fit(X, _scores)


def test_other_data_are_accepted_by_a_warm_start():
    model = regressor(warm_start=True).fit(X, T)
    model.fit(X[:25].astype(np.float32), T[:25])
    assert model.coefs_[0].dtype == np.float64
    assert model.t_ == 5 * N + 5 * 25


def test_another_solver_starts_with_new_moments():
    model = regressor(warm_start=True).fit(X, T)
    assert isinstance(model._optimizer, Adam)
    model.set_params(solver="sgd").fit(X, T)
    assert isinstance(model._optimizer, SGD)
    assert len(model.loss_curve_) == 10
