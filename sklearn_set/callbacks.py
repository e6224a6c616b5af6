"""Callbacks on scikit-learn's protocol: stop by any score, save and resume, record the topology.

They are set with ``estimator.set_callbacks(...)``, which needs scikit-learn 1.9.  The first one
serves any estimator whose `fit` is a sequence of tasks; the others look into a sparse network.
"""

import os
import tempfile
from math import inf
from numbers import Integral, Real
from pathlib import Path

import joblib
import numpy as np
from sklearn.metrics import check_scoring

from sklearn_set.base import BaseSET
from sklearn_set.validation import BOOLEAN, check_values, instance, interval

__all__ = ["Checkpoint", "EarlyStopping", "TopologyRecorder", "load_checkpoint"]

_COUNT = interval(Integral, 1, inf)
_TOLERANCE = interval(Real, 0, inf)


def _check(callback, **constraints):
    """Check parameters of a callback, in the wording of the estimators."""
    values = {name: getattr(callback, name) for name in constraints}
    check_values(values, constraints, type(callback).__name__)


def _check_estimator(callback, estimator):
    """Some callbacks look into the network."""
    if not isinstance(estimator, BaseSET):
        raise TypeError(
            f"{type(callback).__name__} can be set on SETClassifier and SETRegressor only. Got "
            f"{type(estimator).__name__} instead; within a pipeline or a search, set it on the "
            "estimator inside."
        )


class EarlyStopping:
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

    def __init__(self, scoring=None, *, X_val=None, y_val=None, n_iter_no_change=10, tol=1e-4):
        self.scoring = scoring
        self.X_val = X_val
        self.y_val = y_val
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self._runs = {}

    def setup(self, estimator, context):
        """Begin a fit.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            Its task.
        """
        _check(self, n_iter_no_change=(_COUNT,), tol=(_TOLERANCE,))
        if (self.X_val is None) != (self.y_val is None):
            given, missing = ("X_val", "y_val") if self.y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} is provided, but {missing} was not provided.")
        self._runs[id(context)] = {
            "scorer": check_scoring(estimator, scoring=self.scoring),
            "scores": [],
            "best": -inf,
            "n_without_improvement": 0,
        }

    def on_fit_task_begin(self, estimator, context):
        """Do nothing.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that begins.
        """

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
        run = self._runs.get(id(context.parent))
        if run is None or context.max_subtasks != 0 or fitted_estimator is None:
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

    def teardown(self, estimator, context):
        """End a fit, whether it has succeeded or not.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            Its task.
        """
        run = self._runs.pop(id(context), None)
        if run and "best_estimator" in run:
            self.scores_ = run["scores"]
            self.best_score_ = run["best"]
            self.best_iter_ = run["best_iter"]
            self.best_estimator_ = run["best_estimator"]

    def __getstate__(self):
        return self.__dict__ | {"_runs": {}}  # runs belong to their process


class Checkpoint:
    """Callback that saves a fit to disk after its epochs, and resumes it from there.

    The file is replaced in one go: whatever happens, a complete one is there. Where it exists
    when `fit` begins with the same parameters and data, training goes on after the last epoch
    saved, and ends with the same bits as if it had never been cut. A file of a complete fit gives
    its result at once; for another fit remove it.

    Parameters
    ----------
    path : str or os.PathLike
        The file. One fit, one file: a cross-validation has no use for it.
    every : int, default=1
        Epochs from one file to the next, at least 1. The end of a fit is saved in any case.
    resume : bool, default=True
        Whether to go on from a file that exists; else it is overwritten.

    See Also
    --------
    load_checkpoint : The estimator as of the last epoch saved.

    Notes
    -----
    The file is a pickle: load only what you trust. It holds the network, the moments of the
    optimizer and all that training has gathered so far. Calls of `partial_fit` are saved, but
    not resumed: `load_checkpoint` gives an estimator that goes on with the next part.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_set import SETClassifier
    >>> from sklearn_set.callbacks import Checkpoint, load_checkpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = SETClassifier(max_iter=5, n_iter_no_change=float("inf"), random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "iris.checkpoint"
    ...     _ = clf.set_callbacks(Checkpoint(path)).fit(X, y)
    ...     bool((load_checkpoint(path).predict(X) == clf.predict(X)).all())
    True
    """

    def __init__(self, path, *, every=1, resume=True):
        self.path = path
        self.every = every
        self.resume = resume
        self._runs = {}

    def setup(self, estimator, context):
        """Begin a fit.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            Its task.
        """
        _check_estimator(self, estimator)
        _check(
            self,
            path=(instance(str), instance(os.PathLike)),
            every=(_COUNT,),
            resume=BOOLEAN,
        )
        folder = Path(self.path).absolute().parent
        if not folder.is_dir():
            raise FileNotFoundError(f"The folder of the checkpoint does not exist: {folder}")
        self._runs[id(context)] = None

    def on_fit_task_begin(self, estimator, context):
        """Go on from the file, if there is one.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that begins.
        """
        if id(context) not in self._runs:
            return
        state = estimator._training
        if state.identity is None:
            return
        identity = self._runs[id(context)] = state.identity()
        if not (self.resume and Path(self.path).exists()):
            return
        saved = _load(self.path)
        if saved["identity"] != identity:
            raise ValueError(
                f"The checkpoint {os.fspath(self.path)!r} is of a fit with other parameters or "
                "other data. Remove it, choose another path, or set resume=False to overwrite it."
            )
        state.replace(saved["training"])

    def on_fit_task_end(self, estimator, context):
        """Save an epoch, or the end of the fit.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that ends.
        """
        state = estimator._training
        if id(context) in self._runs:
            # Training cut within an epoch has no state to go on from; that of the epoch before
            # has been saved.
            if state.course.is_between_epochs:
                self._save(estimator, self._runs[id(context)])
        elif id(context.parent) in self._runs and state.course.n_iter % self.every == 0:
            self._save(estimator, self._runs[id(context.parent)])

    def teardown(self, estimator, context):
        """End a fit, whether it has succeeded or not.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            Its task.
        """
        self._runs.pop(id(context), None)

    def _save(self, estimator, identity):
        state = estimator._training
        fitted = type(estimator)(**estimator.get_params(deep=False))
        vars(fitted).update(state.fitted_attributes(copies=False))
        saved = {"identity": identity, "training": state.as_dict(), "estimator": fitted}
        path = Path(self.path).absolute()
        handle, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                joblib.dump(saved, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(scratch, path)
        except BaseException:
            os.unlink(scratch)
            raise

    def __getstate__(self):
        return self.__dict__ | {"_runs": {}}  # runs belong to their process


def _load(path):
    """What a checkpoint holds."""
    saved = joblib.load(path)
    if not (isinstance(saved, dict) and {"identity", "training", "estimator"} <= set(saved)):
        raise ValueError(f"{os.fspath(path)!r} is not a file of Checkpoint.")
    return saved


def load_checkpoint(path):
    """Load the estimator that :class:`Checkpoint` has saved.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    estimator : SETClassifier or SETRegressor
        Fitted, as of the last epoch saved. With the data and a :class:`Checkpoint` of the same
        path its `fit` goes on from there.

    Raises
    ------
    ValueError
        If the file is not one of :class:`Checkpoint`.
    """
    return _load(path)["estimator"]


class TopologyRecorder:
    """Callback that records how evolution changes the topology.

    Parameters
    ----------
    every : int, default=1
        Epochs from one record to the next, at least 1.

    Attributes
    ----------
    epochs_ : ndarray of shape (n_records,)
        Number of epochs done at each record; the first is 0, the network as drawn.
    n_renewed_ : ndarray of shape (n_records, n_layers - 1)
        Connections of every layer that were not there at the record before.
    input_degrees_ : list of ndarray of shape (n_records, n_in)
        For every layer of connections, how many leave each of its input neurons; those of
        the first are the degrees of the features.
    output_degrees_ : list of ndarray of shape (n_records, n_out)
        For every layer of connections, how many arrive at each of its output neurons.

    See Also
    --------
    sklearn_set.inspection.TopologyDisplay.from_record : Draws what was recorded.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_set import SETClassifier
    >>> from sklearn_set.callbacks import TopologyRecorder
    >>> X, y = load_iris(return_X_y=True)
    >>> recorder = TopologyRecorder()
    >>> clf = SETClassifier(
    ...     50, epsilon=2, max_iter=3, n_iter_no_change=float("inf"), random_state=0
    ... ).set_callbacks(recorder)
    >>> _ = clf.fit(X, y)
    >>> recorder.epochs_
    array([0, 1, 2, 3])
    >>> [degrees.shape for degrees in recorder.input_degrees_]
    [(4, 4), (4, 50)]
    """

    def __init__(self, *, every=1):
        self.every = every
        self._runs = {}

    def setup(self, estimator, context):
        """Begin a fit.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            Its task.
        """
        _check_estimator(self, estimator)
        _check(self, every=(_COUNT,))
        self._runs[id(context)] = []

    def on_fit_task_begin(self, estimator, context):
        """Record the network that training begins with.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that begins.
        """
        if id(context) in self._runs:
            state = estimator._training
            self._runs[id(context)].append(_Record(state.course.n_iter, state.network, None))

    def on_fit_task_end(self, estimator, context):
        """Record an epoch.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that ends.
        """
        records = self._runs.get(id(context.parent))
        if records is not None and context.max_subtasks == 0:
            state = estimator._training
            if state.course.n_iter % self.every == 0:
                records.append(_Record(state.course.n_iter, state.network, records[-1]))

    def teardown(self, estimator, context):
        """End a fit: publish its records, if it came to any.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            Its task.
        """
        records = self._runs.pop(id(context), None)
        if records:
            self.epochs_ = np.array([record.epoch for record in records])
            self.n_renewed_ = np.array([record.n_renewed for record in records])
            self.input_degrees_, self.output_degrees_ = (
                [np.stack(degrees) for degrees in zip(*by_record, strict=True)]
                for by_record in (
                    [record.input_degrees for record in records],
                    [record.output_degrees for record in records],
                )
            )

    def __getstate__(self):
        return self.__dict__ | {"_runs": {}}  # runs belong to their process


class _Record:
    """Degrees and changes of all layers after an epoch."""

    def __init__(self, epoch, network, previous):
        # Topologies are never written: what changes is replaced.
        self.topologies = [layer.topology for layer in network.layers]
        self.epoch = epoch
        self.input_degrees = [np.diff(topology.indptr) for topology in self.topologies]
        self.output_degrees = [
            np.bincount(topology.indices, minlength=topology.n_out) for topology in self.topologies
        ]
        self.n_renewed = [0] * len(self.topologies)
        if previous is not None:
            self.n_renewed = [
                _n_new(before, now)
                for before, now in zip(previous.topologies, self.topologies, strict=True)
            ]
            del previous.topologies  # an old topology is needed for no more than this


def _n_new(before, now):
    """How many connections of a topology another one does not have."""
    if before is now:
        return 0
    common = np.intersect1d(_positions(before), _positions(now), assume_unique=True)
    return now.n_connections - common.shape[0]


def _positions(topology):
    """Input neuron * n_out + output neuron of every connection."""
    rows = np.repeat(np.arange(topology.n_in, dtype=np.int64), np.diff(topology.indptr))
    return rows * topology.n_out + topology.indices
