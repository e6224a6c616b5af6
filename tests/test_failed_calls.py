"""A call that fails is told in words, and leaves an estimator and its input as they were."""

import pickle

import numpy as np
import pytest
from estimator_cases import WEIGHT, N, T, X, Y, arrays, both, classifier, regressor
from sklearn.exceptions import NotFittedError

from sklearn_set import SETClassifier

# Nearly every fit here is shorter than convergence takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

# what goes wrong -> (parameters to set, X, y of the classifier, y of the regressor, weights);
# None stands for something good
FAILURES = {
    "bad parameter": ({"zeta": 2}, None, None, None, None),
    "bad size": ({"hidden_layer_sizes": (5, 0)}, None, None, None, None),
    "nan in X": ({}, np.where(X > 1, np.nan, X), None, None, None),
    "flat X": ({}, X[0], None, None, None),
    "short y": ({}, None, Y[:-1], T[:-1], None),
    "bad y": ({}, None, T, np.full(N, np.inf), None),
    "one class": ({}, None, np.full(N, 9), np.full(N, np.nan), None),
    "bad weights": ({}, None, None, None, -WEIGHT),
    "divergence": ({"solver": "sgd", "learning_rate_init": 1e200}, X, None, None, None),
}

# state -> how it is reached
STATES = {
    "fresh": lambda model, y: model,
    "fitted": lambda model, y: model.fit(X, y),
    "warm": lambda model, y: model.set_params(warm_start=True).fit(X, y),
    "streaming": lambda model, y: model.partial_fit(
        X, y, **({"classes": [0, 1, 2]} if isinstance(model, SETClassifier) else {})
    ),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("failure", FAILURES)
@both
def test_a_failed_call_leaves_no_trace(factory, y, failure, state, method):
    parameters, bad_X, bad_class_y, bad_real_y, weight = FAILURES[failure]
    bad_y = bad_class_y if factory is classifier else bad_real_y
    model = STATES[state](factory(), y)
    before = model.predict(X) if state != "fresh" else None
    model.set_params(**parameters)
    attributes, frozen = dict(vars(model)), pickle.dumps(model)
    classes = {}
    if factory is classifier and method == "partial_fit":
        classes["classes"] = [0, 1, 2]
    with pytest.raises(ValueError):  # noqa: PT011  (the words are tested elsewhere)
        getattr(model, method)(
            X if bad_X is None else bad_X,
            y if bad_y is None else bad_y,
            sample_weight=weight,
            **classes,
        )
    assert vars(model).keys() == attributes.keys()
    for name, value in attributes.items():
        assert vars(model)[name] is value, name
    assert pickle.dumps(model) == frozen
    if state == "fresh":
        assert not hasattr(model, "n_features_in_")
        with pytest.raises(NotFittedError):
            model.predict(X)
    else:
        np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize("state", ["fitted", "warm", "streaming"])
def test_a_part_that_makes_it_diverge_leaves_no_trace(state):
    model = STATES[state](regressor(solver="sgd"), T)
    before, frozen = model.predict(X), pickle.dumps(model)
    with pytest.raises(ValueError, match="non-finite"):
        model.partial_fit(X * 1e200, T)
    assert pickle.dumps(model) == frozen
    np.testing.assert_array_equal(model.predict(X), before)
    model.partial_fit(X, T)


def test_a_scorer_that_fails_leaves_no_trace():
    def scorer(model, X, y):
        raise RuntimeError("out of order")

    model = classifier(warm_start=True).fit(X, Y)
    model.set_params(early_stopping=True, scoring=scorer)
    attributes = dict(model.__dict__)
    weights = [array.copy() for array in arrays(model)]
    with pytest.raises(RuntimeError, match="out of order"):
        model.fit(X, Y)
    assert all(model.__dict__[name] is value for name, value in attributes.items())
    assert model.__dict__.keys() == attributes.keys()
    for ours, theirs in zip(arrays(model), weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@both
def test_a_fit_leaves_its_input_alone(factory, y):
    given, weight = X.copy(), WEIGHT.copy()
    labels = y.copy()
    for array in (given, weight, labels):
        array.flags.writeable = False
    model = factory().fit(given, labels, sample_weight=weight)
    model.predict(given)
    np.testing.assert_array_equal(given, X)


def test_methods_before_fit_say_so():
    model = classifier()
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises(NotFittedError, match="This SETClassifier instance is not fitted yet"):
            getattr(model, method)(X)
    for name in ("coefs_", "intercepts_", "feature_importances_"):
        with pytest.raises(AttributeError, match=f"not fitted yet: it has no {name}"):
            getattr(model, name)
        assert not hasattr(model, name)
