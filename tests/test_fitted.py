"""What a fitted estimator shows: coefficients and importances; looking changes nothing."""

import contextlib
import pickle

import numpy as np
import pytest
from estimator_cases import BINARY, N, T, X, Y, _scores, both, classifier, regressor
from scipy import sparse
from sklearn.feature_selection import SelectFromModel

# Nearly every fit here is shorter than convergence takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@both
def test_coefs_are_the_models_own_memory(factory, y, dtype):
    model = factory(dtype=dtype).fit(X, y)
    sizes = (8, 15, 10, 3 if factory is classifier else 1)
    assert len(model.coefs_) == len(model.intercepts_) == 3
    layers = model._network.layers
    for depth, (coef, intercept) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        assert isinstance(coef, sparse.csr_array)
        assert coef.shape == (sizes[depth], sizes[depth + 1])
        assert intercept.shape == (sizes[depth + 1],)
        assert coef.dtype == intercept.dtype == dtype
        assert coef.has_canonical_format
        assert np.shares_memory(coef.data, layers[depth].weights)
        assert np.shares_memory(coef.indices, layers[depth].topology.indices)
        assert np.shares_memory(coef.indptr, layers[depth].topology.indptr)
        assert np.shares_memory(intercept, layers[depth].bias)
    assert model.n_connections_ == sum(coef.nnz for coef in model.coefs_)
    n_positions = sum(np.prod(coef.shape) for coef in model.coefs_)
    assert model.density_ == pytest.approx(model.n_connections_ / n_positions)


def test_predictions_are_those_of_coefs_and_intercepts():
    model = regressor(activation=("tanh", "relu")).fit(X, _scores)
    assert model.feature_offset_ is None
    hidden = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    hidden = np.maximum(hidden @ model.coefs_[1] + model.intercepts_[1], 0)
    outputs = hidden @ model.coefs_[2] + model.intercepts_[2]
    expected = outputs * model.target_scale_ + model.target_offset_
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-10, atol=1e-12)
    model.coefs_[2].data[:] = 0
    model.intercepts_[2][:] = [1, 2, 3]
    expected = np.array([1, 2, 3]) * model.target_scale_ + model.target_offset_
    np.testing.assert_array_equal(model.predict(X), np.tile(expected, (N, 1)))


def test_methods_of_coefs_cannot_corrupt_the_model():
    # Values may be written; who tries to drop connections is stopped, or changes a copy.
    model = regressor().fit(X, T)
    for coef in model.coefs_:
        coef.data[::3] = 0
    expected = model.predict(X)
    for method in ("eliminate_zeros", "sum_duplicates", "sort_indices"):
        for coef in model.coefs_:
            with contextlib.suppress(ValueError):
                getattr(coef, method)()
    np.testing.assert_array_equal(model.predict(X), expected)
    model.partial_fit(X, T)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_feature_importances_are_strengths_that_sum_to_one(dtype):
    model = classifier(epsilon=0.5, hidden_layer_sizes=(4,), dtype=dtype).fit(X, BINARY)
    importances = model.feature_importances_
    strengths = abs(model.coefs_[0]).sum(axis=1)
    assert model.coefs_[0].nnz == 6  # so that some of the 8 features have no connection
    assert importances.shape == (8,)
    assert importances.dtype == np.float64
    assert (importances >= 0).all()
    assert importances.sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(importances, strengths / strengths.sum(), rtol=1e-5)
    np.testing.assert_array_equal(importances == 0, np.diff(model.coefs_[0].indptr) == 0)


def test_feature_importances_of_dead_weights_are_zero():
    model = classifier().fit(X, Y)
    model.coefs_[0].data[:] = 0
    np.testing.assert_array_equal(model.feature_importances_, np.zeros(8))


def test_features_can_be_selected():
    selector = SelectFromModel(classifier(max_iter=30), max_features=3, threshold=-np.inf)
    assert selector.fit_transform(X, Y).shape == (N, 3)
    assert not hasattr(selector.estimator_, "coef_")


def test_looking_changes_nothing():
    model = classifier().fit(X, Y)
    before = pickle.dumps(model)
    attributes = dict(vars(model))
    model._repr_html_()
    for name in dir(model):
        getattr(model, name, None)
    model.predict_proba(X)
    assert all(vars(model)[name] is value for name, value in attributes.items())
    assert vars(model).keys() == attributes.keys()
    assert pickle.dumps(model) == before
