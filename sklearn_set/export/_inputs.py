"""Inputs of a graph: made of a user's data, and checked as skl2onnx hands them to a converter.

Knows what data estimators take, in which type they read it, and how they refuse it.  Must not know
what a graph computes.
"""

from numbers import Integral, Number

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sklearn_set.classifier import SETClassifier
from sklearn_set.feature_selection import SETSelector, StabilitySelector
from sklearn_set.regressor import SETRegressor

# Estimators that take arrays of these types as they are; skl2onnx's scalers, for example, refuse
# booleans, and compute with integers in single precision.
_OURS = (SETClassifier, SETRegressor, SETSelector, StabilitySelector)
_TAKEN = ("float32", "float64", "int64", "int32", "int8", "uint8", "bool")


def inputs_of(estimator, X):
    """Names and skl2onnx's types of the inputs of a graph, for data like X."""
    is_ours = isinstance(estimator, _OURS)
    is_frame = hasattr(X, "columns")
    if not is_frame:
        dtype = "numeric" if is_ours else None
        X = check_array(X, dtype=dtype, ensure_all_finite=False, input_name="X")
    elif X.shape[0] == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required."
        )
    validate_data(estimator, X, reset=False, skip_check_array=True)
    X = _safe_indexing(X, [0])
    is_number = _which_are_numbers(X)
    if is_frame and not is_ours and (_looks_for_names(estimator) or not all(is_number)):
        return _inputs_of_columns(X, is_number)
    keeps_type = is_ours and not is_frame and X.dtype in _TAKEN
    if not keeps_type and (is_ours or all(is_number)):
        X = _as_floats(X)
    return [("X", _tensor_type(X.dtype, X.shape[1]))]


def _as_floats(X):
    """X as estimators see it: in single precision if it is, else in double."""
    return check_array(X, dtype=(np.float64, np.float32), ensure_all_finite=False, input_name="X")


def _tensor_type(dtype, n_columns):
    """skl2onnx's type of a matrix."""
    from skl2onnx.common.data_types import guess_data_type

    ((_, kind),) = guess_data_type(np.empty((1, n_columns), dtype))
    kind.shape = [None, n_columns]
    return kind


def _which_are_numbers(X):
    """Of each column of one row of data, whether it holds numbers."""
    types = list(X.dtypes) if hasattr(X, "columns") else [X.dtype] * X.shape[1]
    return [
        getattr(dtype, "kind", "O") in "biuf"
        or getattr(dtype, "is_numeric", bool)()  # polars
        or isinstance(value, Number)
        for dtype, value in zip(types, np.asarray(X)[0], strict=True)
    ]


def _looks_for_names(estimator):
    """Whether skl2onnx may look for columns by their names."""
    parts = (estimator, *estimator.get_params().values())
    has_names = hasattr(estimator, "feature_names_in_")
    return has_names and any(isinstance(part, ColumnTransformer) for part in parts)


def _inputs_of_columns(X, is_number):
    """One input for each column: all numbers of one type, everything else as it is."""
    names = list(X.columns)
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ValueError(
            "Each column of X becomes an input of the graph, because not all columns are numbers "
            "or a ColumnTransformer looks for them by name. Their names must be strings that "
            f"differ. Got {names}."
        )
    numbers = [name for name, holds in zip(names, is_number, strict=True) if holds]
    types = dict.fromkeys(numbers, _as_floats(X[numbers]).dtype) if numbers else {}
    for name in set(names).difference(numbers):
        types[name] = np.asarray(X[name]).dtype
        if types[name].kind not in "OU":
            raise ValueError(
                "An input of the graph can hold numbers or text, but column "
                f"{name!r} of X has the type {types[name]}."
            )
    return [(name, _tensor_type(types[name], 1)) for name in names]


def check_inputs(operator):
    """Refuse what the estimator would refuse, in its words; return the number of samples.

    Programs that call skl2onnx without `to_onnx` have no other check.
    """
    from skl2onnx.common.data_types import StringTensorType

    estimator, inputs = operator.raw_operator, operator.inputs
    check_is_fitted(estimator)
    kind = type(estimator).__name__
    for variable in inputs:
        if isinstance(variable.type, StringTensorType):
            raise ValueError(f"{kind} takes numbers, but input {variable.raw_name!r} is text.")
    widths = [variable.get_second_dimension() for variable in inputs]
    are_known = all(isinstance(width, Integral) for width in widths)
    if are_known and sum(widths) != estimator.n_features_in_:
        raise ValueError(
            f"X has {sum(widths)} features, but {kind} is expecting {estimator.n_features_in_} "
            "features as input."
        )
    if len(inputs) == estimator.n_features_in_ > 1 and hasattr(estimator, "feature_names_in_"):
        for variable, name in zip(inputs, estimator.feature_names_in_, strict=True):
            if variable.is_root and variable.raw_name != name:
                raise ValueError(
                    "The feature names should match those that were passed during fit, in the same "
                    f"order: got {variable.raw_name!r} where {kind} is expecting {name!r}."
                )
    return inputs[0].get_first_dimension()
