"""EarlyStopping: ends a fit by any score on any data.

Knows scorers and the protocol of callbacks; must not know networks.
"""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from math import inf
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklearn_set._typing import Float, Int, Matrix, Scoring
from sklearn_set.callbacks._callback import COUNT, Callback
from sklearn_set.hooks import training_of
from sklearn_set.identity import digest_of
from sklearn_set.validation import CONSTRAINTS, interval
from sklearn_set.validator import scorer_of
from sklearn_set.warning import warn

if TYPE_CHECKING:
    from sklearn.callback import CallbackContext  # came with scikit-learn 1.9


class EarlyStopping(Callback):
    """Callback that ends a fit when a score stops improving.

    The estimators' own `early_stopping` does more: it holds a validation set out, and the fitted
    estimator has the network of the best epoch. With this callback the fitted estimator has the
    network of the last epoch, and the best one is in `best_estimator_`. Any scorer on any data can
    be used.

    Parameters
    ----------
    scoring : str, callable or None, default=None
        Score, as in :func:`~sklearn.metrics.check_scoring`; None is the estimator's own.
    X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
        Data to score on; None stands for the training data.
    y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
        Targets of `X_val`.
    n_iter_no_change : int, default=10
        The fit ends after so many epochs in a row without improvement, at least 1.
    tol : float, default=1e-4
        Smallest change of the score that counts as an improvement, at least 0.

    Attributes
    ----------
    scores_ : list of float
        Score after every epoch of the last fit in this process.
    best_score_ : float
        The highest of them.
    best_iter_ : int
        Its epoch, counted from 1: the last one with this score.
    best_estimator_ : estimator
        The estimator as it was then.

    See Also
    --------
    sklearn_set.SETClassifier : Its parameter `early_stopping` keeps the best network.
    sklearn.callback.ScoringMonitor : Records scores and stops nothing.

    Notes
    -----
    Pickles of an estimator hold its callbacks, and so the data and the best estimator of this one.
    ``estimator.set_callbacks()`` removes the callbacks.

    A fit that :class:`Checkpoint` resumes keeps the scores found so far. It is refused with a
    `ValueError` if parameters or data of this callback have changed.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_set import SETClassifier
    >>> from sklearn_set.callbacks import EarlyStopping
    >>> X, y = load_iris(return_X_y=True)
    >>> stop = EarlyStopping("neg_log_loss", X_val=X[::3], y_val=y[::3], n_iter_no_change=3)
    >>> clf = SETClassifier(learning_rate_init=0.1, random_state=0).set_callbacks(stop)
    >>> _ = clf.fit(X, y)
    >>> clf.n_iter_ - stop.best_iter_
    3
    """

    scores_: list[float]
    best_score_: float
    best_iter_: int
    best_estimator_: Any

    _constraints: ClassVar[dict] = {
        "scoring": CONSTRAINTS["scoring"],
        "n_iter_no_change": (COUNT,),
        "tol": (interval(Real, 0, inf),),
    }
    _looks_into_the_network = False

    def __init__(
        self,
        scoring: Scoring = None,
        *,
        X_val: Matrix | None = None,
        y_val: ArrayLike | None = None,
        n_iter_no_change: Int = 10,
        tol: Float = 1e-4,
    ) -> None:
        self.scoring = scoring
        self.X_val = X_val
        self.y_val = y_val
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        super().__init__()

    def on_fit_task_end(
        self,
        estimator: BaseEstimator,
        context: CallbackContext,
        *,
        X: Matrix | None = None,
        y: ArrayLike | None = None,
        metadata: dict[str, Any] | None = None,
        fitted_estimator: BaseEstimator | None = None,
    ) -> bool:
        """Score an epoch.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that ends.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like
            Training targets.
        metadata : dict or None
            Sample weights of the training data.
        fitted_estimator : estimator
            The estimator as of now.

        Returns
        -------
        stop : bool
            Whether the fit shall end, since the score has not improved for long enough.
        """
        fit, run = self._run_of_fit(context), self._run_of_epoch(context)
        if fit is not None:
            self._take_up(fit, estimator)  # a fit that was complete in its file has no epochs
            state = training_of(estimator)
            fit["ended"] = state is None or state.course.n_iter > 0  # else cut before it began
        if run is None or fitted_estimator is None:
            return False
        if self.X_val is None:
            score = run["scorer"](fitted_estimator, X, y, **(metadata or {}))
        else:
            score = run["scorer"](fitted_estimator, self.X_val, self.y_val)
        score = _number(score, run["scorer"])
        found, state = run["found"], training_of(estimator)
        now: dict[str, Any] = {
            "scores": [*found["scores"], score],
            "n_bad": 0 if score >= found["best"] + self.tol else found["n_bad"] + 1,
            "n_iter": None if state is None else state.course.n_iter,
        }
        if -inf < score >= found["best"]:  # of equal ones the last, which has learned most
            # Without callbacks: with them the copy would hold this callback, and call it again.
            best = copy(fitted_estimator).set_callbacks()
            now |= {"best": score, "best_iter": len(now["scores"]), "estimator": best}
        found.update(now)  # in one step: Ctrl-C leaves all of the epoch's notes or none
        return found["n_bad"] >= self.n_iter_no_change

    def on_fit_task_begin(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Before the first epoch of a resumed fit, find the scores of its earlier epochs.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that begins.
        """
        run = self._run_of_epoch(context)
        if run is not None:
            self._take_up(run, estimator)

    def _take_up(self, run, estimator):
        """Find the scores of a resumed fit, at its first epoch, or at its end if it has none."""
        state = training_of(estimator)
        if run["has_begun"] or state is None:
            return
        run["has_begun"] = True
        # The judge is a digest of parameters and data.  Without one it equals no other.
        judge, n_iter = None, state.course.n_iter
        with suppress(ValueError):
            parameters = self.scoring, self.n_iter_no_change, self.tol
            judge = digest_of((parameters, self.X_val, self.y_val))
        first = run["found"] | {"judge": judge, "n_iter": n_iter}
        # Checkpoint saves these notes, and brings them back.
        found = run["found"] = state.notes_of(type(self).__name__, first)
        if found is first:
            return
        if judge is None or (found["judge"], found["n_iter"]) != (judge, n_iter):
            run["found"] = first
            raise ValueError(
                "The checkpoint is of a fit with another EarlyStopping: its parameters or data "
                "were different, it did not see every epoch, or its scoring cannot be compared. "
                "Set it as it was, remove the checkpoint, or set resume=False in Checkpoint."
            )

    def _begin(self, estimator):
        if (self.X_val is None) != (self.y_val is None):
            given, missing = ("X_val", "y_val") if self.y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} is provided, but {missing} was not provided.")
        return {
            "estimator": type(estimator).__name__,
            "scorer": scorer_of(estimator, self.scoring, self),
            "found": {"scores": [], "best": -inf, "n_bad": 0},
            "has_begun": False,
            "ended": False,
        }

    def _why_absent(self, name):
        if "scores_" not in self.__dict__:
            return super()._why_absent(name)
        return AttributeError(
            f"This EarlyStopping has no {name}: no score of the last fit was above -inf. Look at "
            "scores_, and at the parameter 'scoring'."
        )

    def _end(self, run):
        found = run["found"]
        for name in ("scores_", "best_score_", "best_iter_", "best_estimator_"):
            self.__dict__.pop(name, None)
        if found["scores"]:
            self.scores_ = found["scores"]
        if "estimator" in found:
            self.best_score_, self.best_iter_ = found["best"], found["best_iter"]
            self.best_estimator_ = found["estimator"]
        if run["ended"] and not found["scores"]:
            reason = (
                "the fit was complete in its checkpoint."
                if run["has_begun"]
                else f"a fit of {run['estimator']} has no epochs of its own. Within a pipeline or "
                "a search, set it on the estimator inside."
            )
            warn(f"EarlyStopping has scored nothing: {reason}")


def _number(score, scorer):
    """A score as a float, whatever kind of number it is."""
    given = score
    if hasattr(score, "item"):
        with suppress(ValueError):
            score = score.item()
    if not isinstance(score, Real):
        raise ValueError(
            f"scoring must return a number, got {given!r} ({type(given)}) instead. "
            f"(scorer={scorer})"
        )
    return float(score)
