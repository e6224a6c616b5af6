"""Fitted estimators for every kind of target, and a baseline; for tests of reasons."""

from functools import cache, partial
from math import inf

import numpy as np
import pytest
from estimator_cases import SMALL, TARGETS, X

from sklearn_set import SETClassifier, SETRegressor

ENDS = SMALL | {"n_iter_no_change": inf}  # without a warning that it might have gone on
classifier, regressor = partial(SETClassifier, **ENDS), partial(SETRegressor, **ENDS)
BASELINE = np.random.default_rng(1).normal(size=8)
both_methods = pytest.mark.parametrize("method", ["integrated", "gradient"])


@cache
def fitted(target, **parameters):
    """An estimator for a kind of target in double precision, made once."""
    factory, y, *_ = TARGETS[target]
    return factory(dtype="float64", n_iter_no_change=inf, **parameters).fit(X, y)
