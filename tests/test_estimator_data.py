"""X in every format and number type gives the same model, or is refused in words."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from estimator_cases import (
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
from scipy import sparse

# Nearly every fit here is shorter than convergence takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

# ------------------------------------------------------------------------------- formats of X


SPARSE_FORMATS = ["csr", "csc", "coo", "dok", "lil", "dia", "bsr"]


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("form", SPARSE_FORMATS)
@both
def test_every_sparse_format_gives_the_bits_of_dense(factory, y, form, kind):
    given = getattr(sparse, f"{form}_{kind}")(X)
    dense = factory().fit(X, y)
    assert_same_model(factory().fit(given, y), dense)
    np.testing.assert_array_equal(dense.predict(given), dense.predict(X))


def test_sparse_indices_may_be_wide_or_in_disorder():
    wide = sparse.csr_array(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    disorder = sparse.csr_array(X[:, ::-1])[:, ::-1]
    disorder.has_sorted_indices = False
    expected = classifier().fit(X, Y)
    for given in (wide, disorder):
        assert_same_model(classifier().fit(given, Y), expected)
        np.testing.assert_array_equal(
            expected.decision_function(given), expected.decision_function(X)
        )


@pytest.mark.parametrize(
    "convert",
    [
        np.asfortranarray,
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
        lambda X: X.tolist(),
        lambda X: pd.DataFrame(X),
        lambda X: pl.DataFrame(X, schema=[f"gene {i}" for i in range(8)]),
        lambda X: X.astype(">f8"),
    ],
    ids=["fortran", "strided", "list", "pandas", "polars", "big-endian"],
)
@both
def test_every_dense_container_gives_the_same_model(factory, y, convert):
    expected = factory().fit(X, y)
    model = factory().fit(convert(X), y)
    assert_same_model(model, expected)
    np.testing.assert_array_equal(model.predict(convert(X)), expected.predict(X))


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_names_of_features_are_kept_and_compared(library):
    columns = [f"gene {i}" for i in range(8)]
    frame = library.DataFrame(dict(zip(columns, X.T, strict=True)))
    labels = library.Series(NAMES.tolist())
    model = classifier().fit(frame, labels)
    np.testing.assert_array_equal(model.feature_names_in_, columns)
    assert set(model.predict(frame)) <= {"ape", "bee", "cat"}
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[columns[::-1]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X)


def test_names_and_numbers_of_features_are_forgotten_by_a_new_fit():
    model = regressor().fit(pd.DataFrame(X, columns=[f"gene {i}" for i in range(8)]), T)
    model.fit(X[:, :5], T)
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 5
    assert model.predict(X[:, :5]).shape == (N,)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, bool, np.float16])
def test_other_numbers_become_float64(dtype):
    given = (X * 3).astype(dtype)
    model = classifier().fit(given, Y)
    assert model.coefs_[0].dtype == np.float64
    assert_same_model(model, classifier().fit(given.astype(np.float64), Y))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.where(X > 1, np.nan, X), "NaN"),
        (np.where(X > 1, np.inf, X), "infinity"),
        (X[0], "Expected 2D array"),
        (X[:0], "minimum of 1 is required"),
        (X[:, :0], "minimum of 1 is required"),
        (X + 1j, "Complex data not supported"),
        (np.char.add(X.astype(str), "x"), "could not convert"),
    ],
    ids=["nan", "inf", "1d", "no sample", "no feature", "complex", "words"],
)
def test_bad_X_is_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(bad, Y[: len(bad)])


@both
def test_predict_with_another_number_of_features_is_refused(factory, y):
    model = factory().fit(X, y)
    message = "X has 7 features, but SET.* is expecting 8 features as input"
    for given in (X[:, :7], sparse.csr_array(X[:, :7])):
        with pytest.raises(ValueError, match=message):
            model.predict(given)


@both
def test_predictions_of_a_sample_do_not_depend_on_its_neighbours(factory, y):
    model = factory().fit(X, y)
    together = model.predict(np.tile(X, (5, 1)))
    np.testing.assert_array_equal(together, np.tile(model.predict(X), 5))
    one_by_one = np.concatenate([model.predict(X[i : i + 1]) for i in range(N)])
    np.testing.assert_array_equal(one_by_one, together[:N])


# ----------------------------------------------------------------------------------- number type


@pytest.mark.parametrize(
    ("dtype", "of_X", "expected"),
    [
        ("auto", "float32", "float32"),
        ("auto", "float64", "float64"),
        ("auto", "int64", "float64"),
        ("float32", "float64", "float32"),
        ("float32", "float32", "float32"),
        ("float64", "float32", "float64"),
        (np.float32, "float64", "float32"),
        (np.dtype("float64"), "float32", "float64"),
    ],
)
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@both
def test_number_type_follows_X_or_the_parameter(factory, y, convert, dtype, of_X, expected):
    given = convert(X.astype(of_X))
    model = factory(dtype=dtype, early_stopping=True, validation_fraction=0.3)
    model.fit(given, y, sample_weight=WEIGHT)
    assert {array.dtype.name for array in model.intercepts_} == {expected}
    assert {array.dtype.name for array in model.coefs_} == {expected}
    # Outputs have the wider type of network and data, as a product of the two would.
    for data in (X.astype(np.float32), X):
        outputs = model.predict_proba(data) if factory is classifier else model.predict(data)
        assert outputs.dtype == np.result_type(np.dtype(expected), data)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@both
def test_numbers_too_large_for_single_precision_are_refused(factory, y, convert):
    model = factory(dtype="float32").fit(X, y)
    large = convert(X * 1e200)
    with pytest.raises(ValueError, match="too large for dtype"):
        model.predict(large)
    for method in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="too large for dtype"):
            method(large, y)
    if factory is regressor:
        with pytest.raises(ValueError, match=r"^y contains values too large for float32"):
            model.fit(X, T * 1e200)


def test_single_precision_is_near_double_precision():
    options = {"zeta": 0.0, "max_iter": 10}
    double = regressor(**options).fit(X, T)
    single = regressor(**options).fit(X.astype(np.float32), T)
    # The same initial weights, rounded: after few epochs the curves differ by rounding only.
    np.testing.assert_allclose(single.loss_curve_, double.loss_curve_, rtol=1e-4)
    for coefs, expected in zip(single.coefs_, double.coefs_, strict=True):
        np.testing.assert_array_equal(coefs.indices, expected.indices)
        np.testing.assert_allclose(coefs.data, expected.data, atol=1e-4)
    again = regressor(dtype="float32", **options).fit(X, T)
    assert_same_model(single, again)
