"""Checks of what scikit-learn accepts, but training cannot use.

Compiled code, SciPy's and ours, does not check the indices of sparse data, and would read outside
the arrays.  So they are checked here, in time linear in what is stored.  Targets are checked before
they become numbers.  Knows arrays; must not know the package's estimators or networks.
"""

from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import validate_data

from sklearn_set.refusals import raise_explained

# Kinds of NumPy's types that are real numbers.
_REAL_KINDS = "biuf"

_OF_VALUES = {"M": "dates", "m": "durations", "U": "strings", "S": "bytes", "V": "records"}


def validated(estimator, X, *y, **options):
    """scikit-learn's `validate_data`, for data that may be malformed or too large.

    Parameters
    ----------
    estimator : estimator
    X : object
    *y : object
        The targets, if there are any.
    **options : dict
        Those of `validate_data`.

    Returns
    -------
    ndarray or CSR matrix, or a tuple of it and the targets

    Raises
    ------
    TypeError, ValueError
    """
    check_sparse(X, "X")
    try:
        with np.errstate(all="ignore"):  # too large is refused in words
            return validate_data(estimator, X, *y, **options)
    except OverflowError as error:
        raise ValueError(f"X contains values too large for a float: {error}.") from None
    except (TypeError, ValueError) as error:
        raise_explained(error, X, "X", type(estimator).__name__)


def validated_as(estimator, X, dtype):
    """X of a prediction, checked, also whether it has a place in the number type of a network.

    Parameters
    ----------
    estimator : estimator
    X : object
    dtype : numpy.dtype

    Returns
    -------
    X : ndarray or CSR matrix
        The values of a sparse one are still to be converted.
    wider : numpy.dtype
        The number type of X as it was or of the network, whichever is wider.

    Raises
    ------
    TypeError, ValueError
        Also if a value is too large for the number type.
    """
    numbers = (np.float64, np.float32)
    X = validated(estimator, X, dtype=numbers, reset=False, accept_sparse="csr", order="C")
    wider = np.result_type(X.dtype, dtype)
    if X.dtype == dtype:
        return X, wider
    try:
        with np.errstate(all="ignore"):  # too large is refused in words
            values = (X.data if sparse.issparse(X) else X).astype(dtype)
            assert_all_finite(values, input_name="X")
    except ValueError as error:
        raise_explained(error, X, "X", type(estimator).__name__)
    # To convert a sparse matrix as a whole takes longer than to predict a row of it.
    return X if sparse.issparse(X) else values, wider


def check_sparse(X, name):
    """Refuse a sparse matrix whose indices do not fit its shape, and what only holds a matrix.

    Parameters
    ----------
    X : object
        Anything that is not sparse passes, but for data of anndata.
    name : str
        Of the argument, for messages.

    Raises
    ------
    TypeError, ValueError
    """
    if not sparse.issparse(X):
        _refuse_annotated(X, name)
        return
    if X.ndim != 2:
        raise ValueError(f"Expected 2D array, but {name} is sparse of {X.ndim}D.")
    if X.format in ("csr", "csc", "bsr"):
        fault = _fault_of_compressed(X)
    elif X.format == "coo":
        fault = _fault_of_coordinates(X)
    else:
        fault = _fault_of_others(X)
    if fault:
        raise ValueError(
            f"{name} is a malformed sparse matrix in {X.format.upper()} format of shape "
            f"{X.shape}: {fault}. Build it anew from valid rows, columns and values."
        )


def _refuse_annotated(X, name):
    """Refuse annotated data, and sparse matrices that are in a file, as NumPy cannot read them."""
    kind = type(X).__name__
    if np.ma.is_masked(X):
        raise ValueError(
            f"{name} has {np.ma.count_masked(X)} masked values, which would be read as if they "
            f"were not. Fill them: {name}.filled(np.nan), then sklearn.impute.SimpleImputer."
        )
    if all(hasattr(X, attribute) for attribute in ("X", "obs", "var")):
        raise TypeError(
            f"{name} must be a matrix, got {kind} instead. Pass its matrix, as in fit(adata.X, "
            'adata.obs["label"]).'
        )
    if hasattr(X, "to_memory") and not hasattr(X, "__array__"):
        raise TypeError(
            f"{name} is in a file, as {kind}. Read it first: pass {name}[:], or {name}[:100] and "
            "so on to partial_fit."
        )


def _fault_of_compressed(X):
    """What is wrong with a matrix in CSR, CSC or BSR format, or None."""
    indptr, indices, data = X.indptr, X.indices, X.data
    n_major, n_minor = X.shape[::-1] if X.format == "csc" else X.shape
    n_block = (1, 1)
    if X.format == "bsr":
        if np.ndim(data) != 3 or 0 in data.shape[1:]:
            return "data must be blocks, an array of 3D"
        n_block = data.shape[1:]
        if n_major % n_block[0] or n_minor % n_block[1]:
            return f"blocks of {n_block} do not fit the shape"
    elif np.ndim(data) != 1:
        return f"data must be 1D, got {np.ndim(data)}D"
    for name, values in (("indptr", indptr), ("indices", indices)):
        if np.ndim(values) != 1:
            return f"{name} must be 1D, got {np.ndim(values)}D"
        if values.dtype.kind != "i":
            return f"{name} must be of a signed integer type, got {values.dtype}"
    n_major, n_minor = n_major // n_block[0], n_minor // n_block[1]
    if indptr.shape[0] != n_major + 1:
        return f"indptr has {indptr.shape[0]} numbers, expected {n_major + 1}"
    if indices.shape[0] != data.shape[0]:
        return f"{indices.shape[0]} indices for {data.shape[0]} values"
    if indptr[0] != 0 or (indptr[1:] < indptr[:-1]).any():
        return "indptr must begin with 0 and not decrease"
    if indptr[-1] > indices.shape[0]:
        return f"indptr ends with {indptr[-1]}, but {indices.shape[0]} values are stored"
    return _fault_of_range("indices", indices[: indptr[-1]], n_minor)


def _fault_of_coordinates(X):
    """What is wrong with a matrix in COO format, or None."""
    coords = X.row, X.col
    if any(values.shape != X.data.shape for values in coords):
        return "rows, columns and values differ in number"
    for name, values, n in zip(("row", "col"), coords, X.shape, strict=True):
        if values.dtype.kind != "i":
            return f"{name} must be of a signed integer type, got {values.dtype}"
        fault = _fault_of_range(name, values, n)
        if fault:
            return fault
    return None


def _fault_of_range(name, values, n):
    """Which indices lie outside 0 to n - 1, or None."""
    if values.shape[0] and not 0 <= values.min() <= values.max() < n:
        return f"{name} must be from 0 to {n - 1}, got {values.min()} to {values.max()}"
    return None


def _fault_of_others(X):
    """What is wrong with a matrix in another format, or None; SciPy converts it to COO first."""
    try:
        if X.format == "lil" and not all(map(_is_row_of_lil, X.rows, X.data)):
            return "a row has not as many columns as values"
        return _fault_of_coordinates(X.tocoo())
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError) as error:
        return f"{error}"


def _is_row_of_lil(columns, values):
    return len(columns) == len(values)


def check_missing(y, name="y"):
    """Refuse targets if some are missing: None, not-a-number, NaT or pandas' NA.

    Raises
    ------
    ValueError
    """
    if sparse.issparse(y) or y is None:
        return
    values = _as_array(y, name)
    n_missing = _n_missing(values)
    if n_missing:
        raise ValueError(
            f"Input {name} contains NaN: {n_missing} of {values.size} targets are missing "
            "(None, NaN, NaT or NA). Remove these samples."
        )


def _n_missing(values):
    """How many values of an array are missing."""
    if values.dtype.kind == "O":
        return sum(map(_is_missing, values.ravel()))
    return np.count_nonzero(values != values)  # NaN and NaT are not equal to themselves


def _is_missing(value):
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, Real) and bool(value != value)


def check_real(y, name="y"):
    """Refuse regression targets that are not numbers, even if NumPy could convert them.

    Raises
    ------
    ValueError
    """
    if y is None:
        return
    if sparse.issparse(y):
        raise ValueError(
            f"Sparse data was passed for {name}, but dense targets are required. Use "
            f"{name}.toarray()."
        )
    values = _as_array(y, name)
    found = None
    if values.dtype.kind == "O":
        others = {type(value).__name__ for value in values.ravel() if not _is_number(value)}
        if others:
            found = f"objects of type {', '.join(sorted(others))}"
        else:
            _check_representable(values, name)
    elif values.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} must be real numbers.")
    elif values.dtype.kind not in _REAL_KINDS:
        found = _OF_VALUES.get(values.dtype.kind, str(values.dtype))
    if found:
        raise ValueError(
            f"{name} must be numbers for regression, got {found}. Convert it first, for example "
            f"with {name}.astype(float)."
        )


def _check_representable(values, name):
    """Refuse Python's integers that are too large for a float."""
    try:
        values.astype(np.float64)
    except OverflowError:
        raise ValueError(f"{name} contains values too large for float64.") from None


def _is_number(value):
    return isinstance(value, (Real, np.bool_)) and not isinstance(value, np.timedelta64)


def check_labels(y, name="y"):
    """Refuse labels of types that have no order: records and complex numbers.

    Raises
    ------
    ValueError
    """
    check_sparse(y, name)
    kind = None if sparse.issparse(y) or y is None else _as_array(y, name).dtype.kind
    if kind == "c":
        raise ValueError(f"Complex data not supported: {name} must hold labels.")
    if kind == "V":
        raise ValueError(f"{name} must hold labels, numbers or strings, got {_OF_VALUES[kind]}.")


def kind_of_labels(y):
    """What kind of classes targets are, in scikit-learn's words.

    Raises
    ------
    ValueError
    """
    try:
        check_classification_targets(y)
    except ValueError as error:
        remedy = "Use SETRegressor for targets that are numbers, or make classes of them."
        kinds = set() if sparse.issparse(y) else {type(each).__name__ for each in np.ravel(y)}
        if len(kinds) > 1:
            remedy = f"Labels of several types, {', '.join(sorted(kinds))}, have no order: make "
            remedy += "all of them strings, for example."
        raise ValueError(f"{error} {remedy}") from None
    kind = type_of_target(y, input_name="y")
    if kind == "multiclass-multioutput":
        raise ValueError(
            "Multioutput target data is not supported with more than two classes per output."
        )
    return kind


def check_label_matrix(y, name="y"):
    """Refuse a matrix of labels that is not of 0 and 1.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_labels)

    Raises
    ------
    ValueError
    """
    found = np.unique(y)
    if not np.isin(found, (0, 1)).all():
        raise ValueError(
            f"A matrix of labels must hold 0 and 1, but {name} holds {found.tolist()}. Convert it, "
            f"for example with ({name} == {found.tolist()[-1]!r}).astype(int)."
        )


def _as_array(y, name):
    try:
        return np.asarray(y)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"{name} is not an array of targets: {error}") from None


def check_groups(groups, n_samples):
    """Groups of samples as numbers, in the order in which they occur.

    Parameters
    ----------
    groups : object
        As the user passed it: labels of any type that can be sorted, or None.
    n_samples : int

    Returns
    -------
    ndarray of int64 of shape (n_samples,), or None
        What the groups are called changes nothing.

    Raises
    ------
    ValueError, TypeError
    """
    if groups is None:
        return None
    try:
        values = np.asarray(groups.toarray() if sparse.issparse(groups) else groups)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"groups is not an array of labels: {error}") from None
    if values.ndim != 1:
        raise ValueError(
            f"groups should be a 1d array, got an array of shape {values.shape} instead."
        )
    if values.shape[0] != n_samples:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: X has "
            f"{n_samples}, groups has {values.shape[0]}."
        )
    check_labels(values, "groups")
    n_missing = _n_missing(values)
    if n_missing:
        raise ValueError(
            f"Input groups contains NaN: {n_missing} of {n_samples} are missing (None, NaN, NaT "
            "or NA). Give each of these samples a group, its own if it belongs to no other."
        )
    try:
        _, first, numbers = np.unique(values, return_index=True, return_inverse=True)
    except TypeError as error:
        raise TypeError(
            f"groups must hold labels of one type, which can be sorted: {error}"
        ) from None
    order = np.empty(first.shape[0], dtype=np.int64)
    order[np.argsort(first)] = np.arange(first.shape[0])
    return order[numbers]
