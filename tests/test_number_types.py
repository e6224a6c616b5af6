"""dtype="auto": float32 where it takes less time and loses nothing, else the type of X."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_classification

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.number_types import automatic_type, suits_float32

WIDE = np.random.default_rng(0).normal(size=(40, 1200))
every_format = pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])


@every_format
@pytest.mark.parametrize(
    ("shape", "expected"),
    [((40, 1200), "float32"), ((40, 999), "float64"), ((1200, 1200), "float64")],
)
def test_large_wide_data_are_read_in_single_precision(convert, shape, expected):
    X = convert(np.ones(shape) * np.linspace(1, 2, shape[1]))
    assert automatic_type(X) == expected
    assert automatic_type(X.astype(np.float32)) == "float32"


@every_format
@pytest.mark.parametrize("factor", [1e-17, 1e17])
def test_numbers_of_usual_sizes_suit(convert, factor):
    assert suits_float32(convert(WIDE / np.abs(WIDE).max() * factor))


@every_format
@pytest.mark.parametrize("factor", [1e-300, 1e-19, 1e19, 1e300])
def test_numbers_that_it_cannot_hold_do_not_suit(convert, factor):
    assert not suits_float32(convert(WIDE * factor))


@pytest.mark.parametrize(("level", "suits"), [(1e3, True), (1e5, False), (-1e9, False)])
def test_numbers_that_it_cannot_tell_apart_do_not_suit(level, suits):
    X = WIDE + level
    assert suits_float32(X) == suits
    X[:, 1:550] = 7  # what does not vary does not count
    assert suits_float32(X) == suits
    X[:, 600:700] = WIDE[:, 600:700]  # most features decide
    assert suits_float32(X) == suits
    X[:, 600:] = WIDE[:, 600:]
    assert suits_float32(X) == (abs(level) < 1e6)  # a feature that would be lost
    X[:, 550:600] = 7
    X[:, 0] = level * (1 + 1e-14 * np.arange(40))  # noise of rounding is none
    assert suits_float32(X)


@every_format
def test_there_may_be_no_numbers(convert):
    assert suits_float32(convert(np.zeros((3, 5))))
    assert suits_float32(convert(np.ones((3, 5))))


@every_format
@pytest.mark.parametrize("estimator", [SETClassifier, SETRegressor])
def test_predictions_have_the_type_of_X(estimator, convert):
    X, y = convert(WIDE), WIDE[:, 0] > 0
    model = estimator(5, max_iter=2, n_iter_no_change=np.inf, random_state=0).fit(X, y * 1.0)
    assert {weights.dtype.name for weights in model.coefs_} == {"float32"}
    outputs = model.predict_proba if estimator is SETClassifier else model.predict
    assert outputs(X).dtype == np.float64
    assert outputs(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(outputs(X), outputs(X.astype(np.float32)), rtol=1e-5)


def test_a_stream_and_what_follows_a_fit_keep_their_type():
    X, y = WIDE, WIDE[:, 0] > 0
    model = SETClassifier(5, max_iter=2, n_iter_no_change=np.inf, random_state=0)
    assert model.partial_fit(X, y, classes=[False, True]).coefs_[0].dtype == np.float64
    assert model.set_params(warm_start=True).fit(X, y).coefs_[0].dtype == np.float64
    assert model.set_params(warm_start=False).fit(X, y).coefs_[0].dtype == np.float32
    assert model.partial_fit(X, y).coefs_[0].dtype == np.float32


@pytest.mark.slow
def test_single_precision_is_as_accurate():
    scores = {"float32": [], "float64": []}
    for seed in range(4):
        X, y = make_classification(
            160, 1500, n_informative=20, n_redundant=0, class_sep=2, random_state=seed
        )
        for dtype, of_dtype in scores.items():
            model = SETClassifier(dtype=dtype, max_iter=30, feature_search=False, random_state=0)
            of_dtype.append(model.fit(X[:100], y[:100]).score(X[100:], y[100:]))
    assert np.mean(scores["float32"]) == pytest.approx(np.mean(scores["float64"]), abs=0.03)
    assert np.mean(scores["float64"]) > 0.65


def test_parameters_that_it_cannot_hold_are_kept():
    model = SETClassifier(5, max_iter=1, n_iter_no_change=np.inf, adam_epsilon=1e-60)
    assert model.fit(WIDE, WIDE[:, 0] > 0).coefs_[0].dtype == np.float64


def test_targets_that_it_cannot_hold_are_kept():
    model = SETRegressor(5, max_iter=2, n_iter_no_change=np.inf).fit(WIDE, WIDE[:, 0] * 1e39)
    assert model.coefs_[0].dtype == np.float64
