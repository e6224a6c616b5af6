"""What must not reach compiled code, or pass for numbers, is refused in words."""

import contextlib
import datetime
import functools
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import accuracy_score, make_scorer

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.data_checks import check_sparse
from sklearn_set.feature_selection import SETSelector

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

N, N_FEATURES = 24, 6
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, N_FEATURES)) * (_rng.random((N, N_FEATURES)) < 0.6)
Y = np.arange(N) % 2
T = _rng.normal(size=N)
SMALL = {"hidden_layer_sizes": 5, "max_iter": 2, "random_state": 0}


def unchanged(model, call, message, error=ValueError):
    """A call that fails in words, and changes nothing."""
    before = dict(vars(model))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error, match=message):
            call()
    assert vars(model) == before


# ---------------------------------------------------------------------------------- sparse data


def csr(change):
    """A CSR matrix whose arrays are changed after its making, as programs do."""
    matrix = sparse.csr_array(X)
    change(matrix)
    return matrix


def _set(name, place, value):
    def change(matrix):
        getattr(matrix, name)[place] = value

    return change


def _replace(name, function):
    return lambda matrix: setattr(matrix, name, function(getattr(matrix, name)))


MALFORMED = {
    "column beyond the shape": csr(_set("indices", 3, N_FEATURES)),
    "column far beyond the shape": csr(_set("indices", 3, 2**31 - 1)),
    "negative column": csr(_set("indices", 3, -1)),
    "column that is another in 32 bits": csr(
        _replace("indices", lambda v: np.append(v[:-1].astype(np.int64), 2**32 + 1))
    ),
    "falling indptr": csr(_set("indptr", 5, 0)),
    "indptr beyond the values": csr(_set("indptr", -1, 10_000)),
    "negative indptr": csr(_set("indptr", 4, -7)),
    "indptr that begins later": csr(_set("indptr", 0, 1)),
    "short indptr": csr(_replace("indptr", lambda v: v[:-2])),
    "long indptr": csr(_replace("indptr", lambda v: np.append(v, v[-1]))),
    "fewer values than columns": csr(_replace("data", lambda v: v[:-3])),
    "columns that are no integers": csr(_replace("indices", lambda v: v.astype(float))),
    "unsigned columns": csr(_replace("indices", lambda v: v.astype(np.uint32))),
}


def others():
    """The same faults in other formats."""
    for kind in ("csc", "bsr", "coo", "lil"):
        matrix = sparse.csr_matrix(X).asformat(kind)
        if kind == "lil":
            matrix.rows[2] = [N_FEATURES + 3]
            matrix.data[2] = [1.0]
        elif kind == "coo":
            matrix.col[4] = 1000
        else:
            matrix.indices[1] = 5000
        yield kind, matrix


MALFORMED |= dict(others())


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("kind", [SETClassifier, SETRegressor])
def test_malformed_sparse_data_are_refused_everywhere(kind, name):
    wrong, y = MALFORMED[name], Y if kind is SETClassifier else T
    message = "X is a malformed sparse matrix in [A-Z]{3} format"
    model = kind(**SMALL)
    unchanged(model, lambda: model.fit(wrong, y), message)
    unchanged(model, lambda: model.partial_fit(wrong, y), message)
    model.fit(X, y)
    for call in (
        lambda: model.fit(wrong, y),
        lambda: model.partial_fit(wrong, y),
        lambda: model.predict(wrong),
        lambda: model.score(wrong, y),
    ):
        unchanged(model, call, message)
    held_out = {"X_val": wrong, "y_val": y}
    unchanged(model, lambda: model.fit(X, y, **held_out), message.replace("X", "X_val", 1))
    selector = SETSelector(n_networks=1, max_iter=1)
    unchanged(selector, lambda: selector.fit(wrong, y), message)


class Annotated:
    """Holds a matrix, as data of anndata do."""

    X, obs, var = X, pd.DataFrame(), pd.DataFrame()


class InFile:
    """A sparse matrix that is not in memory, as in an open file of anndata."""

    shape = X.shape

    def to_memory(self):
        raise AssertionError


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            Annotated(),
            r"X must be a matrix, got Annotated instead\. Pass its matrix, as in fit\(ad",
        ),
        (InFile(), r"X is in a file, as InFile\. Read it first: pass X\[:\], or X\[:100\]"),
    ],
)
def test_what_only_holds_a_matrix_is_refused_with_a_remedy(wrong, message):
    model = SETClassifier(**SMALL)
    unchanged(model, lambda: model.fit(wrong, Y), message, TypeError)
    unchanged(model, lambda: model.partial_fit(wrong, Y, classes=[0, 1]), message, TypeError)
    model.fit(X, Y)
    unchanged(model, lambda: model.predict(wrong), message, TypeError)
    held_out = {"X_val": wrong, "y_val": Y}
    unchanged(model, lambda: model.fit(X, Y, **held_out), message.replace("X", "X_val"), TypeError)
    selector = SETSelector(n_networks=1, max_iter=1)
    unchanged(selector, lambda: selector.fit(wrong, Y), message, TypeError)


@pytest.mark.parametrize("kind", ["csr", "csc", "bsr", "coo", "dia", "dok", "lil"])
@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csr_matrix])
def test_sound_sparse_data_of_every_format_are_taken(container, kind):
    given = container(X).asformat(kind)
    check_sparse(given, "X")
    model = SETClassifier(**SMALL).fit(given, Y)
    np.testing.assert_array_equal(model.predict(given), model.predict(X))


def test_room_to_spare_duplicates_and_disorder_are_no_faults():
    spare = csr(lambda m: None)
    spare.indices = np.append(spare.indices, [0, 99999]).astype(np.int32)
    spare.data = np.append(spare.data, [1.0, 2.0])
    double = sparse.coo_array((np.ones(4), ([0, 0, 1, 1], [2, 2, 5, 0])), (N, N_FEATURES))
    backwards = sparse.csr_array(X)
    backwards.indices = backwards.indices[::-1].copy()
    backwards.indptr = np.full(N + 1, 0, np.int32)
    for given in (spare, double, backwards, sparse.csr_array((N, N_FEATURES))):
        check_sparse(given, "X")


# --------------------------------------------------------------------------------------- labels

ONE_HOT = np.eye(3, dtype=int)[np.arange(N) % 3]


@pytest.mark.parametrize("values", [(-1, 1), (1, 2), (0, 5), (0.0, 0.5)], ids=str)
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_a_matrix_of_other_labels_than_0_and_1_is_refused(values, convert):
    y = convert(np.where(ONE_HOT, values[1], values[0]))
    message = "must hold 0 and 1|[Mm]ultioutput"
    model = SETClassifier(**SMALL)
    unchanged(model, lambda: model.fit(X, y), message)
    unchanged(model, lambda: model.partial_fit(X, y, classes=[0, 1, 2]), message)
    held_out = {"X_val": X, "y_val": y}
    unchanged(model, lambda: model.fit(X, ONE_HOT, **held_out), "y_val")
    if convert is np.asarray and values[1] != 0.5:  # numbers are targets of regression there
        selector = SETSelector(n_networks=1, max_iter=1)
        unchanged(selector, lambda: selector.fit(X, y), "must hold 0 and 1")


def test_a_matrix_of_0_and_1_is_taken_whatever_its_type():
    expected = SETClassifier(**SMALL).fit(X, ONE_HOT).predict_proba(X)
    for y in (ONE_HOT.astype(bool), ONE_HOT.astype(np.float32), sparse.csr_array(ONE_HOT)):
        np.testing.assert_array_equal(SETClassifier(**SMALL).fit(X, y).predict_proba(X), expected)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT], ids=str)
def test_missing_labels_are_told(missing):
    names = np.array(["a", "b"], dtype=object)[Y]
    names[3] = missing
    for y in (names, pd.Series(names)):
        for model in (SETClassifier(**SMALL), SETSelector(n_networks=1, max_iter=1)):
            fit = functools.partial(model.fit, X, y)
            unchanged(model, fit, "Input y contains NaN: 1 of 24")


# -------------------------------------------------------------------------------------- targets

NO_NUMBERS = {
    "dates": np.datetime64("2020-01-01") + np.arange(N),
    "dates of pandas": pd.Series(pd.date_range("2020-01-01", periods=N)),
    "dates of Python": np.array([datetime.date(2020, 1, 1 + day) for day in range(N)]),
    "durations": np.arange(N).astype("timedelta64[s]"),
    "text": T.astype(str),
    "objects of text": T.astype(str).astype(object),
    "bytes": T.astype("S"),
    "records": np.array([(1.0, 2)] * N, dtype=[("a", float), ("b", int)]),
    "complex": T + 1j,
}


@pytest.mark.parametrize("name", NO_NUMBERS)
def test_targets_that_are_no_numbers_are_refused(name):
    y, model = NO_NUMBERS[name], SETRegressor(**SMALL)
    message = "y must be numbers|Complex data not supported: y"
    unchanged(model, lambda: model.fit(X, y), message)
    unchanged(model, lambda: model.partial_fit(X, y), message)
    held_out = {"X_val": X, "y_val": y}
    unchanged(model, lambda: model.fit(X, T, **held_out), message.replace("y", "y_val", 1))


@pytest.mark.parametrize("convert", [sparse.csr_array, sparse.coo_matrix])
def test_sparse_targets_are_refused(convert):
    model = SETRegressor(**SMALL)
    for columns in (1, 2):
        y = convert(np.column_stack([T] * columns))
        unchanged(model, lambda y=y: model.fit(X, y), r"Sparse data was passed for y.*y\.toarray")


def test_numbers_of_every_kind_are_taken():
    expected = SETRegressor(**SMALL).fit(X, Y.astype(float)).predict(X)
    for y in (Y, Y.astype(bool), Y.astype(object), Y.astype(np.uint8), pd.Series(Y, dtype="Int64")):
        np.testing.assert_array_equal(SETRegressor(**SMALL).fit(X, y).predict(X), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_too_large_is_named(dtype):
    model = SETRegressor(dtype=dtype, **SMALL)
    huge = 1e39 if dtype == "float32" else 10**400
    y = np.array([huge, *T[1:]], dtype=object if dtype == "float64" else float)
    unchanged(model, lambda: model.fit(X, y), "y .*too large")


# ----------------------------------------------------------------------------------- X_val, rows


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.where(X > 1, np.nan, X), "X_val contains NaN"),
        (X[:, :4], "X_val does not match X. X has 4 features"),
        (X[0], "X_val does not match X. Expected 2D array"),
    ],
)
def test_errors_about_a_validation_set_name_it(given, message):
    model = SETClassifier(**SMALL)
    unchanged(model, lambda: model.fit(X, Y, X_val=given, y_val=Y), message)


def _formats():
    for kind in ("csr", "csc", "bsr", "coo", "dia", "dok", "lil"):
        yield kind, sparse.csr_matrix(X).asformat(kind)
    yield "memoryview", memoryview(X)
    yield "list", X.tolist()
    yield "frame", pd.DataFrame(X)
    yield "fortran", np.asfortranarray(X)


@pytest.mark.parametrize("given", dict(_formats()).values(), ids=dict(_formats()))
def test_a_scorer_gets_rows_of_data_in_any_form(given):
    options = SMALL | {"early_stopping": True, "validation_fraction": 0.25}
    with contextlib.nullcontext() if isinstance(given, pd.DataFrame) else warnings.catch_warnings():
        model = SETClassifier(scoring=make_scorer(accuracy_score), **options).fit(given, Y)
    assert model.validation_scores_ == SETClassifier(**options).fit(X, Y).validation_scores_


@pytest.mark.parametrize("returned", [None, "good", [0.1, 0.2], {}], ids=str)
def test_a_scorer_that_returns_no_number_is_told(returned):
    model = SETClassifier(early_stopping=True, scoring=lambda *args: returned, **SMALL)
    unchanged(model, lambda: model.fit(X, Y), "`scoring` must be a scorer that returns a number")


def test_a_misspelt_scoring_is_told_where_nothing_is_validated():
    model = SETClassifier(scoring="acuracy", **SMALL)
    unchanged(model, lambda: model.fit(X, Y), "scoring")


def test_another_number_of_targets_is_told_as_such():
    model = SETRegressor(**SMALL).partial_fit(X, T)
    unchanged(model, lambda: model.partial_fit(X, X[:, :2]), "of 1 outputs, but y has 2")


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_another_dtype_is_refused_where_a_network_goes_on(method):
    model = SETClassifier(dtype="float32", warm_start=True, **SMALL).fit(X, Y)
    model.set_params(dtype=np.float64)
    unchanged(model, lambda: getattr(model, method)(X, Y), "of float32, but dtype=.*Set dtype back")
    model.set_params(dtype="auto")
    getattr(model, method)(X, Y)


def test_numpy_may_be_told_to_raise():
    with np.errstate(all="raise"):
        model = SETClassifier(**SMALL | {"learning_rate_init": 0.1, "max_iter": 50}).fit(X * 30, Y)
        for far in (X * 1e3, X.astype(np.float16)):
            assert np.isfinite(model.predict_proba(far)).all()
            model.predict_log_proba(far)
        SETRegressor(**SMALL).fit(X, T).predict(X)
        SETClassifier(growth="guided", **SMALL).fit(X, ONE_HOT.argmax(axis=1)).predict_proba(X)
