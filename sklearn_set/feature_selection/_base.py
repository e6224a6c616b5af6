"""What selectors of features share: a fit that may fail, threads, the columns that are kept.

Must not know how features are selected.
"""

from __future__ import annotations

from inspect import signature
from math import inf
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import get_tags
from sklearn.utils.parallel import Parallel
from sklearn.utils.validation import check_is_fitted

from sklearn_set._typing import Matrix
from sklearn_set.attributes import Estimator
from sklearn_set.data_checks import check_sparse
from sklearn_set.validation import NONE, Constraint, check_values, interval

ESTIMATOR = Constraint(
    lambda value: hasattr(value, "fit") and not isinstance(value, type),
    "an estimator with a 'fit' method",
)
N_JOBS = (interval(Integral, 1, inf), interval(Integral, -inf, -1, "right"), NONE)


class FeatureSelector(SelectorMixin, Estimator):
    """A selector whose `support_` tells which features are selected."""

    support_: NDArray[np.bool_]

    def _fit_or_stay(self, constraints, *data):
        """Check parameters, and fit by `_fit_draft`; a call that fails leaves all as it was."""
        given = self.get_params(deep=False)
        values = check_values(given, constraints, type(self).__name__)
        draft = object.__new__(type(self))
        draft.__dict__.update(self.__dict__ | values)
        with np.errstate(all="ignore"):  # what is too large is refused in words
            draft._fit_draft(*data)
        draft.__dict__.update(given)
        self.__dict__ = draft.__dict__
        return self

    def transform(self, X: Matrix) -> Any:
        """Keep the selected features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        X_selected : {array, sparse matrix} of shape (n_samples, n_features_)
            The columns of the selected features.
        """
        check_is_fitted(self)
        check_sparse(X, "X")
        try:
            with np.errstate(all="ignore"):  # too large is refused in words
                return super().transform(X)
        except (ValueError, TypeError) as error:
            if "X" in str(error):
                raise
            raise ValueError(f"X must hold numbers: {error}") from None

    def _get_support_mask(self):
        """Which features are selected, as SelectorMixin asks."""
        check_is_fitted(self)
        return self.support_

    _mark_of_fit = "support_"

    def __sklearn_is_fitted__(self):
        return hasattr(self, self._mark_of_fit)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = (
            not hasattr(self.estimator, "__sklearn_tags__")
            or get_tags(self.estimator).input_tags.sparse
        )
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def takes(estimator, parameter, method="fit"):
    """Tell whether a method of an estimator has a parameter, such as sample weights."""
    return parameter in signature(getattr(estimator, method)).parameters


def kind_of(estimator):
    """What an estimator says it is, such as "classifier"; None if it does not tell."""
    if not hasattr(estimator, "__sklearn_tags__"):
        return None
    return get_tags(estimator).estimator_type


def check_is_taken(estimator, parameter, value, method="fit"):
    """Refuse sample weights or groups that an estimator would not see."""
    if value is not None and not takes(estimator, parameter, method):
        what = parameter.replace("sample_weight", "sample weights")
        raise ValueError(f"The estimator {type(estimator).__name__} doesn't support {what}.")


def of_samples(estimator, sample_weight, groups):
    """What `fit` is called with beside X and y: a dict of arrays by sample.

    Groups are passed to a given estimator that takes them; networks of our own hold nothing out.
    """
    arguments = {} if sample_weight is None else {"sample_weight": sample_weight}
    if groups is not None and estimator is not None and takes(estimator, "groups"):
        arguments["groups"] = np.asarray(groups)
    return arguments


def part_of(arguments, rows):
    """The arguments of some samples, of a dict of those of all samples."""
    return {name: values[rows] for name, values in arguments.items()}


def in_threads(n_jobs, calls):
    """The results of delayed calls, in their order.

    Threads share X; most of the time is spent where the interpreter's lock is released.
    """
    calls = list(calls)
    n_jobs = n_jobs if n_jobs is None else min(n_jobs, len(calls))
    return Parallel(n_jobs=n_jobs, prefer="threads")(calls)
