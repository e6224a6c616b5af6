"""What cannot be explained is refused, in scikit-learn's words, before any work is done."""

import re

import numpy as np
import pytest
from estimator_cases import BINARY, X
from explaining import fitted
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.inspection import ContributionDisplay, attribution_importances, contributions
from sklearn_set.validation import InvalidParameterError

both_functions = pytest.mark.parametrize("function", [contributions, attribution_importances])


@both_functions
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "lime"}, "must be a str among {'integrated', 'gradient'}. Got 'lime' instead."),
        ({"n_steps": 0}, "must be an int in the range [1, inf). Got 0 instead."),
        ({"n_steps": 2.5}, "must be an int in the range [1, inf). Got 2.5 instead."),
        ({"baseline": np.zeros(7)}, "baseline has 7 features, but SETClassifier is expecting 8"),
        ({"baseline": np.zeros((2, 9))}, "baseline has 9 features, but SETClassifier is expecting"),
        ({"baseline": ["a"] * 8}, "baseline must hold numbers, in the shape (n_features,) or"),
        ({"baseline": [[1, 2], [3]]}, "baseline must hold numbers"),
        ({"baseline": [10**400] * 8}, "baseline must hold numbers"),
        ({"baseline": 0.0}, "baseline=0.0 must have a number for each feature."),
        ({"baseline": np.zeros((1, 2, 8))}, "Found array with dim 3"),
        ({"baseline": [np.nan] * 8}, "Input baseline contains NaN."),
        ({"baseline": [np.inf] * 8}, "Input baseline contains infinity"),
        ({"baseline": np.zeros((0, 8))}, "0 sample(s)"),
        ({"X": X[:, :5]}, "X has 5 features, but SETClassifier is expecting 8 features as input."),
        ({"X": X[0]}, "Expected 2D array, got 1D array instead"),
        ({"X": X[:0]}, "0 sample(s)"),
        ({"X": np.full((2, 8), np.nan)}, "Input X contains NaN: 16 of 16 values"),
    ],
    ids=range(17),
)
def test_bad_arguments_are_refused(function, arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        function(fitted("binary"), **{"X": X} | arguments)


@pytest.mark.parametrize("output", [3, -1, "ape", 1.5, [1], np.arange(3)])
def test_an_output_that_does_not_exist_is_refused(output):
    with pytest.raises(ValueError, match=r"must be one of the classes, \{0, 1, 2\}, or None"):
        contributions(fitted("multiclass"), X, output=output)
    with pytest.raises(ValueError, match=r"must be a number of a target, \{0, 1, 2\}, or None"):
        contributions(fitted("three outputs"), X, output=output)


def test_labels_are_shown_as_python_writes_them():
    found = contributions(fitted("strings"), X)
    with pytest.raises(ValueError, match="output='dog' must be one of the classes"):
        contributions(fitted("strings"), X, output=np.str_("dog"))
    with pytest.raises(ValueError, match="output='dog' must be one of those that are explained"):
        ContributionDisplay.from_contributions(found, output=np.str_("dog"))
    with pytest.raises(ValueError, match=r"baseline=0\.5 must have"):
        contributions(fitted("strings"), X, baseline=np.float64(0.5))


def test_a_missing_label_is_no_label():
    found = contributions(fitted("strings"), X)
    missing = pytest.importorskip("pandas").NA
    with pytest.raises(ValueError, match=r"output=<NA> must be one of the classes"):
        contributions(fitted("strings"), X, output=missing)
    with pytest.raises(ValueError, match=r"output=<NA> must be one of those that are explained"):
        ContributionDisplay.from_contributions(found, output=missing)


def test_a_malformed_sparse_matrix_is_refused():
    bad = sparse.csr_array(X)
    bad.indices[0] = 1000
    for arguments in ({"X": bad}, {"X": X, "baseline": bad}):
        with pytest.raises(ValueError, match="is a malformed sparse matrix"):
            contributions(fitted("binary"), **arguments)


@both_functions
def test_other_estimators_are_refused(function):
    with pytest.raises(NotFittedError):
        function(SETClassifier(), X)
    with pytest.raises(NotFittedError):
        function(make_pipeline(StandardScaler(), SETClassifier()), X)
    other = MLPClassifier((3,), solver="lbfgs", max_iter=2000, random_state=0).fit(X, BINARY)
    with pytest.raises(TypeError, match=r"needs a fitted SETClassifier or .* Got MLPClassifier"):
        function(other, X)
    with pytest.raises(TypeError, match=f"{function.__name__} needs a fitted estimator"):
        function(StandardScaler().fit(X), X)
    for kind in (SETClassifier, "SETClassifier"):
        with pytest.raises(TypeError, match=f"{function.__name__} needs a fitted estimator"):
            function(kind, X)


def test_a_bad_method_is_an_invalid_parameter():
    with pytest.raises(InvalidParameterError, match="The 'method' parameter of contributions"):
        contributions(fitted("binary"), X, method=None)


@both_functions
def test_overflow_is_told(function):
    with pytest.warns(RuntimeWarning, match="overflow: contributions are too large"):
        function(fitted("binary"), np.full((2, 8), 1e308), baseline=np.full(8, -1e308))
