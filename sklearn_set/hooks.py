"""scikit-learn's callback protocol: all calls of it are here.

scikit-learn 1.9 introduced the protocol.  Before 1.9, nothing here has an effect.  It is
experimental: if its names change, only this module changes.  Knows the protocol; must not know
networks or what the callbacks do.
"""

from __future__ import annotations

import inspect
from typing import Any, Self

import numpy as np

from sklearn_set.training import Observer

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """An estimator without callbacks, as before scikit-learn 1.9."""

    def with_callbacks(method):
        """Leave a method as it is."""
        return method


# Attributes that an estimator has only during a call of `fit`, some of them scikit-learn's.  They
# are left out of pickles and copies.
TRANSIENT = (
    "_fitting",
    "_training",
    "_callback_fit_ctx",
    "_skl_callbacks_to_teardown",
    "_parent_callback_ctx",
)

# What scikit-learn calls of a callback.
_METHODS = ("setup", "on_fit_task_begin", "on_fit_task_end", "teardown")


class CallbackSupport(CallbackSupportMixin):
    """scikit-learn's support of callbacks.  What it refuses is told with what to write instead."""

    if hasattr(CallbackSupportMixin, "set_callbacks"):

        def set_callbacks(self, *callbacks: Any) -> Self:
            """Set callbacks for the estimator.

            Parameters
            ----------
            *callbacks : callback instances
                The callbacks to set, in place of those that were set before. Without any, they are
                removed.

            Returns
            -------
            self : estimator
                The estimator itself.
            """
            try:
                super().set_callbacks(*callbacks)
            except TypeError as error:
                advice = next(filter(None, map(_advice, callbacks)), "")
                raise TypeError(f"{error} {advice}".rstrip()) from None
            return self


def _advice(callback):
    """What to write in place of something that is not a callback; None if it is one."""
    kind = type(callback).__name__
    missing = [name for name in _METHODS if not callable(getattr(callback, name, None))]
    if isinstance(callback, type):
        name = callback.__name__
        if missing:
            return f"Got the class {name}, which lacks {', '.join(missing)}."
        return f"Got the class {name}: write {name}(), with its parameters in the parentheses."
    if not missing:
        return None
    if callback is None:
        return "Got None: write set_callbacks() to remove all callbacks."
    if isinstance(callback, (list, tuple, set)):
        return f"Got a {kind}: write set_callbacks(*callbacks), or one callback after the other."
    if inspect.isroutine(callback):
        return (
            f"Got the function {callback.__name__}: write a class with the methods "
            f"{', '.join(_METHODS)}, which calls the function in one of them, and pass an "
            "instance of it."
        )
    return f"Got an instance of {kind}, which lacks {', '.join(missing)}."


def training_of(estimator):
    """The state of the training under way, for callbacks; None where there is none.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    TrainingState or None
    """
    return getattr(estimator, "_training", None)


class FitTask(Observer):
    """One call of `fit` or `partial_fit` as callbacks see it: a task with a subtask per epoch.

    Parameters
    ----------
    estimator : estimator
        The user's estimator, not the draft.  It does not change before the call ends.
    n_epochs : int
        The most subtasks that there can be.
    """

    def __init__(self, estimator, n_epochs):
        self._estimator = estimator
        self._user = np.geterr()
        self._task = self._epoch = None
        if hasattr(estimator, "_init_callback_context"):
            self._task = estimator._init_callback_context(max_subtasks=n_epochs)

    def as_user(self):
        """A context with the user's own settings of NumPy for overflow."""
        return np.errstate(**self._user)

    def begins(self, state, X, y, metadata):
        """Training is about to begin.

        Parameters
        ----------
        state : TrainingState
            Callbacks get it by `training_of`, as long as the call lasts.
        X : callable
            Returns the training data.
        y : callable
            Returns the training targets.
        metadata : callable or None
            Returns what scorers of callbacks get in addition to X and y.
        """
        self._estimator._training = state
        self._given = {"X": X, "y": y, "metadata": metadata}
        self._attributes = lambda: state.fitted_attributes(copies=True)
        if self._task is not None:
            with self.as_user():
                self._task.call_on_fit_task_begin(estimator=self._estimator, **self._given)

    def epoch_begins(self):
        """Tell the callbacks."""
        if self._task is not None:
            self._epoch = self._task.subcontext(task_name="epoch")
            with self.as_user():
                self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._given)

    def epoch_ends(self):
        """Tell the callbacks; return whether one of them asks for the end of training."""
        return self._tell_end(self._epoch)

    def ends(self):
        """Tell the callbacks that training has ended."""
        self._tell_end(self._task)

    def _tell_end(self, task):
        if task is None:
            return False
        with self.as_user():
            return task.call_on_fit_task_end(
                estimator=self._estimator,
                reconstruction_attributes=self._attributes,
                **self._given,
            )
