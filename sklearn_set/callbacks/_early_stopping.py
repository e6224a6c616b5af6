"""EarlyStopping: the end of a fit by any score on any data."""

from math import inf
from numbers import Real
from typing import ClassVar

from sklearn.metrics import check_scoring

from sklearn_set.callbacks._callback import COUNT, Callback
from sklearn_set.validation import interval


class EarlyStopping(Callback):
    """Callback that ends a fit when a score stops improving.

    The estimators' own `early_stopping` does more: it holds a validation set out and keeps the
    network of the best epoch. This callback judges by any scorer on any data, and leaves the
    estimator as it is at the end; the best one is kept in `best_estimator_`.

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
        What counts as an improvement, at least 0.

    Attributes
    ----------
    scores_ : list of float
        Score after every epoch of the last fit in this process.
    best_score_ : float
        The highest of them.
    best_iter_ : int
        Its epoch, counted from 1.
    best_estimator_ : estimator
        The estimator as it was then.

    See Also
    --------
    sklearn_set.SETClassifier : Its parameter `early_stopping` keeps the best network.
    sklearn.callback.ScoringMonitor : Records scores and stops nothing.

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

    _constraints: ClassVar = {"n_iter_no_change": (COUNT,), "tol": (interval(Real, 0, inf),)}
    _looks_into_the_network = False

    def __init__(self, scoring=None, *, X_val=None, y_val=None, n_iter_no_change=10, tol=1e-4):
        self.scoring = scoring
        self.X_val = X_val
        self.y_val = y_val
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        super().__init__()

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
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
            Whether the score has not improved for so long that the fit shall end.
        """
        run = self._run_of_epoch(context)
        if run is None or fitted_estimator is None:
            return False
        if self.X_val is None:
            score = run["scorer"](fitted_estimator, X, y, **(metadata or {}))
        else:
            score = run["scorer"](fitted_estimator, self.X_val, self.y_val)
        run["scores"].append(float(score))
        improved = score >= run["best"] + self.tol
        if score > run["best"]:
            run["best"] = float(score)
            run["best_iter"] = len(run["scores"])
            run["best_estimator"] = fitted_estimator
        run["n_without_improvement"] = 0 if improved else run["n_without_improvement"] + 1
        return run["n_without_improvement"] >= self.n_iter_no_change

    def _begin(self, estimator):
        if (self.X_val is None) != (self.y_val is None):
            given, missing = ("X_val", "y_val") if self.y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} is provided, but {missing} was not provided.")
        return {
            "scorer": check_scoring(estimator, scoring=self.scoring),
            "scores": [],
            "best": -inf,
            "n_without_improvement": 0,
        }

    def _end(self, run):
        if "best_estimator" in run:
            self.scores_ = run["scores"]
            self.best_score_ = run["best"]
            self.best_iter_ = run["best_iter"]
            self.best_estimator_ = run["best_estimator"]
