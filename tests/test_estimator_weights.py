"""Weights of samples and of classes count as they should."""

import warnings

import numpy as np
import pandas as pd
import pytest
from estimator_cases import (
    BINARY,
    LEARNS,
    MULTILABEL,
    NAMES,
    WEIGHT,
    N,
    T,
    X,
    Y,
    assert_same_model,
    both,
    classifier,
    regressor,
)
from sklearn.utils.class_weight import compute_sample_weight

# Nearly every fit here is shorter than convergence takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

# ------------------------------------------------------------------------------- sample weights


@both
def test_weights_of_one_change_nothing(factory, y):
    plain = factory().fit(X, y)
    for weight in (1, 1.0, np.float32(1), np.ones(N), np.ones(N, int), [1.0] * N):
        assert_same_model(factory().fit(X, y, sample_weight=weight), plain)


@both
def test_a_scalar_weight_is_that_weight_for_all(factory, y):
    assert_same_model(
        factory(alpha=0.3).fit(X, y, sample_weight=2.5),
        factory(alpha=0.3).fit(X, y, sample_weight=np.full(N, 2.5)),
    )


@both
def test_only_ratios_of_weights_matter(factory, y):
    # A power of two: not even rounding may differ.
    one, other = (factory(alpha=0).fit(X, y, sample_weight=c * WEIGHT) for c in (1, 4))
    assert_same_model(one, other)


@both
def test_a_weight_is_worth_repetitions(factory, y):
    counts = np.arange(N) % 4
    options = {"shuffle": False, "batch_size": 200, "alpha": 0.1, "max_iter": 20}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Got `batch_size`")
        weighted = factory(**options).fit(X, y, sample_weight=counts)
        repeated = factory(**options).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    for ours, theirs in zip(weighted.coefs_, repeated.coefs_, strict=True):
        np.testing.assert_array_equal(ours.indices, theirs.indices)
        np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-WEIGHT, "Negative values in data passed to `sample_weight`"),
        (np.where(np.arange(N) == 5, -1e-9, 1), "Negative values"),
        (-1.0, "Negative values"),
        (np.zeros(N), "Sample weights must contain at least one non-zero number"),
        (0, "Sample weights must contain at least one non-zero number"),
        (WEIGHT[:-1], r"sample_weight.shape == \(59,\), expected \(60,\)"),
        (np.ones((N, 2)), "Sample weights must be 1D array or scalar"),
        (np.where(WEIGHT > 1, np.nan, 1), "sample_weight contains NaN"),
        (np.where(WEIGHT > 1, np.inf, 1), "sample_weight contains infinity"),
    ],
    ids=[
        "negative",
        "one negative",
        "negative scalar",
        "zeros",
        "zero",
        "short",
        "2d",
        "nan",
        "inf",
    ],
)
def test_bad_weights_are_refused(weight, message, method):
    with pytest.raises(ValueError, match=message):
        getattr(regressor(), method)(X, T, sample_weight=weight)


@both
def test_weights_may_be_a_series(factory, y):
    expected = factory().fit(X, y, sample_weight=WEIGHT)
    assert_same_model(factory().fit(X, y, sample_weight=pd.Series(WEIGHT)), expected)


# -------------------------------------------------------------------------------- class weights


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("y", "class_weight"),
    [
        (Y, "balanced"),
        (Y, {0: 2.0, 1: 0.5, 2: 1.0}),
        (Y, {1: 3.0}),
        (BINARY, "balanced"),
        (BINARY, {0: 0.0, 1: 4}),
        (NAMES, "balanced"),
        (NAMES, {"bee": 0.25}),
        (MULTILABEL, "balanced"),
        (MULTILABEL, [{0: 1, 1: 3}, {0: 2, 1: 1}, {0: 1, 1: 1}]),
    ],
)
def test_class_weights_are_sample_weights(y, class_weight, dtype):
    given = X.astype(dtype)
    expected = classifier().fit(given, y, sample_weight=compute_sample_weight(class_weight, y))
    model = classifier(class_weight=class_weight).fit(given, y)
    assert model.coefs_[0].dtype == dtype
    assert_same_model(model, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_class_weights_multiply_sample_weights(dtype):
    given, weight = X.astype(dtype), WEIGHT.astype(dtype)
    model = classifier(class_weight={0: 2.0, 2: 0.5}).fit(given, Y, sample_weight=weight)
    factor = np.array([2.0, 1.0, 0.5])[Y]
    expected = classifier().fit(given, Y, sample_weight=factor * weight)
    assert_same_model(model, expected)


def test_class_weights_favour_their_class():
    noise = np.random.default_rng(1).normal(size=(N, 8))
    shares = []
    for seed in range(5):
        favoured = classifier(class_weight={0: 1000.0}, **LEARNS | {"random_state": seed})
        shares.append(np.mean(favoured.fit(noise, Y).predict(noise) == 0))
    assert np.median(shares) > 0.9


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({7: 1.0}, "not in class_weight"),
        ("heavy", "'class_weight' parameter of SETClassifier must be"),
        (3, "'class_weight' parameter of SETClassifier must be"),
        ({0: -1.0}, "(?i)negative"),
        ({0: 0.0, 1: 0.0, 2: 0.0}, "at least one non-zero number"),
    ],
)
def test_bad_class_weights_are_refused(class_weight, message):
    with pytest.raises(ValueError, match=message):
        classifier(class_weight=class_weight).fit(X, Y)


def test_balanced_is_refused_by_partial_fit():
    message = "class_weight='balanced' is not supported for partial_fit"
    with pytest.raises(ValueError, match=message):
        classifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])


def test_a_dict_serves_partial_fit_even_where_classes_are_missing():
    model = classifier(class_weight={0: 2.0, 2: 0.5})
    expected = classifier()
    for part in (slice(0, 30), np.flatnonzero(Y == 1), np.flatnonzero(Y != 0)):
        model.partial_fit(X[part], Y[part], classes=[0, 1, 2])
        factor = np.array([2.0, 1.0, 0.5])[Y[part]]
        expected.partial_fit(X[part], Y[part], classes=[0, 1, 2], sample_weight=factor)
    assert_same_model(model, expected)
