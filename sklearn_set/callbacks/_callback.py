"""What the callbacks share: one run for each fit that is under way, and checks before it begins.

Knows scikit-learn's protocol and the classes of the estimators; must not know networks or training.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

from sklearn.base import BaseEstimator

from sklearn_set.attributes import Explained
from sklearn_set.base import BaseSET
from sklearn_set.validation import check_values, interval

if TYPE_CHECKING:
    from sklearn.callback import CallbackContext  # came with scikit-learn 1.9

COUNT = interval(Integral, 1, inf)


class Callback(Explained):
    """A callback that keeps something for each fit that is under way.

    Several fits may be under way at once, as the clones of a search share their callbacks. A
    subclass returns from `_begin` what it keeps, and uses it in `_end`.
    """

    # Constraints of the parameters, by name.
    _constraints: ClassVar[dict]

    # Returns what is kept for a fit of an estimator.
    _begin: Callable[[BaseEstimator], Any]

    # Whether it needs a network of this package.
    _looks_into_the_network = True

    def __init__(self) -> None:
        self._runs: dict[int, Any] = {}

    def setup(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Begin a fit.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            Its task.
        """
        name = type(self).__name__
        if self._looks_into_the_network and not isinstance(estimator, BaseSET):
            raise TypeError(
                f"{name} can be set on SETClassifier and SETRegressor only. Got "
                f"{type(estimator).__name__} instead; within a pipeline or a search, set it on "
                "the estimator inside."
            )
        check_values(
            {key: getattr(self, key) for key in self._constraints}, self._constraints, name
        )
        self._runs[id(context)] = self._begin(estimator)

    def on_fit_task_begin(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Begin the fit or an epoch.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that begins.
        """

    def teardown(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """End a fit, whether it has succeeded or not.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            Its task.
        """
        run = self._runs.pop(id(context), None)
        if run is not None:
            self._end(run)

    def _run_of_fit(self, context):
        """What is kept for a fit, or None if the task is not one."""
        return self._runs.get(id(context))

    def _run_of_epoch(self, context):
        """What is kept for the fit of an epoch, or None if the task is not one."""
        return self._runs.get(id(context.parent)) if context.max_subtasks == 0 else None

    def _why_absent(self, name):
        return AttributeError(
            f"This {type(self).__name__} has no {name}: it is there when a fit has ended that "
            "called this callback after an epoch. Pass it to set_callbacks of an estimator, and "
            "call fit."
        )

    def _end(self, run):
        """Use what was kept; this one does not."""

    def __getstate__(self):
        return self.__dict__ | {"_runs": {}}  # runs belong to their process
