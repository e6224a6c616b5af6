"""scikit-learn's refusals of X, said again with the place of the fault and a remedy.

Knows arrays and messages; must not know estimators.  All this happens after a refusal only, so it
may take its time.
"""

from os import PathLike

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array

# How many features a message names.
_N_NAMED = 3


def raise_explained(error, X, name, owner):
    """Raise a refusal again: with where the fault is and what to do, if that is known.

    Parameters
    ----------
    error : TypeError or ValueError
        That of scikit-learn's checks of X.
    X : object
        What the user passed.
    name : str
        Of the argument.
    owner : str
        Name of the estimator.
    """
    try:
        text = _explained(error, X, name, owner)
        if text is None:
            raise error
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(text) from None
    finally:
        del error  # or error and frame would keep each other, and X


def _explained(error, X, name, owner):
    said = str(error)
    if said.startswith(f"Input {name} contains NaN"):
        return (
            f"Input {name} contains NaN: {_places(X, np.isnan, 'missing')}. {owner} does not "
            "accept missing values. Fill them with SimpleImputer or KNNImputer of sklearn.impute, "
            f"as in make_pipeline(SimpleImputer(), {owner}()), or leave out the features."
        )
    if said.startswith(f"Input {name} contains infinity"):
        largest = np.finfo(np.float32 if "float32" in said else np.float64).max
        places = _places(X, lambda values: ~(np.abs(values) <= largest), "too large")
        return (
            f"{said.rstrip('.')}: {places}. Find out how they came about, such as by the logarithm "
            "of zero, and replace them."
        )
    if isinstance(X, (str, PathLike)):
        return (
            f"{name} must be a table of numbers, got the text {str(X)!r}. If it names a file, read "
            "it first, for example with pandas.read_csv."
        )
    if "could not convert string to float" in said:
        return (
            f"{name} must hold numbers: {said}{_place(X)}. Leave out what is not a feature,"
            " such as names of samples and labels, and encode categories, for example with "
            "sklearn.preprocessing.OneHotEncoder."
        )
    if isinstance(error, np.exceptions.DTypePromotionError):
        return (
            f"{name} must hold numbers, got columns of the types {_types_of(X)}. Leave out dates, "
            "or convert them, for example to days since the first."
        )
    if said.startswith("float() argument must be"):
        return (
            f"{name} must be a table of numbers, as array, matrix or data frame: {said}{_place(X)}"
        )
    if said.startswith("The feature names should match") and "in the same order" in said:
        return (
            f"{said.rstrip()}\nPass the columns in that order: {name}[model.feature_names_in_], of "
            f"the fitted model, a {owner}."
        )
    if "inhomogeneous shape" in said:
        return f"{name} must be a table whose rows are of one length: {said}"
    return None


def _places(X, is_at_fault, what):
    """How many values are at fault, in how many features, and in which most of all."""
    # As the checks that refused it have read it.
    accepted = {"accept_sparse": "coo", "dtype": (np.float64, np.float32)}
    with np.errstate(all="ignore"):  # too large is told in words
        values = check_array(X, ensure_all_finite=False, **accepted)
    n_features = values.shape[1]
    if sparse.issparse(values):
        columns = values.col[is_at_fault(values.data)]
        counts = np.bincount(columns, minlength=n_features)
    else:
        counts = np.count_nonzero(is_at_fault(values), axis=0)
    at_fault = np.flatnonzero(counts)
    worst = at_fault[np.argsort(-counts[at_fault], kind="stable")]
    named = ", ".join(f"{_name_of(X, each)} ({counts[each]})" for each in worst[:_N_NAMED])
    more = f" and {worst.shape[0] - _N_NAMED} more" if worst.shape[0] > _N_NAMED else ""
    n_values = values.shape[0] * n_features
    return (
        f"{counts.sum()} of {n_values} values are {what}, in {worst.shape[0]} of {n_features} "
        f"features: {named}{more}"
    )


def _name_of(X, feature):
    """The name of a feature in a data frame, else its number."""
    columns = getattr(X, "columns", None)
    return str(feature) if columns is None else repr(columns[feature])


def _place(X):
    """Where the first value is that is no number, as the end of a sentence; empty if unknown."""
    rows = np.asarray(X, dtype=object)
    if rows.ndim != 2:
        return ""
    for feature in range(rows.shape[1]):
        for sample, value in enumerate(rows[:, feature]):
            if not _is_number(value):
                return f", in feature {_name_of(X, feature)} of sample {sample}"
    return ""


def _is_number(value):
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _types_of(X):
    """The types of the columns of a data frame, each once."""
    return ", ".join(dict.fromkeys(map(str, getattr(X, "dtypes", ()))))
