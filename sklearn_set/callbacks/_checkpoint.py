"""Checkpoint: fits that are saved to disk and resumed with the same bits."""

import os
from pathlib import Path
from typing import ClassVar

import joblib

from sklearn_set.callbacks._callback import COUNT, Callback
from sklearn_set.validation import BOOLEAN, instance


class Checkpoint(Callback):
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
        Epochs from one file to the next, at least 1. The end of a fit is saved too, unless it is
        cut within an epoch.
    resume : bool, default=True
        Whether to go on from a file that exists; else it is overwritten.

    See Also
    --------
    load_checkpoint : The estimator as of the last epoch saved.

    Notes
    -----
    The file is a pickle: load only what you trust. It holds the network, the moments of the
    optimizer and all that training and :class:`EarlyStopping` have gathered so far; a `scoring`
    must be one that can be pickled. Of calls of `partial_fit` every so many are saved, but not
    resumed: `load_checkpoint` gives an estimator that goes on with the next part.

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

    _constraints: ClassVar = {
        "path": (instance(str), instance(os.PathLike)),
        "every": (COUNT,),
        "resume": BOOLEAN,
    }

    def __init__(self, path, *, every=1, resume=True):
        self.path = path
        self.every = every
        self.resume = resume
        super().__init__()

    def on_fit_task_begin(self, estimator, context):
        """Go on from the file, if there is one.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that begins.
        """
        state = estimator._training
        run = self._run_of_epoch(context)
        if run is not None:
            # All callbacks have seen the end of the epoch before.
            if state.course.n_iter % self.every == 0:
                self._save(estimator, run)
            return
        run = self._run_of_fit(context)
        if run is None or state.identity is None:
            return
        run["identity"] = state.identity()
        if not (self.resume and Path(self.path).exists()):
            return
        saved = _load(self.path)
        if saved["identity"] != run["identity"]:
            raise ValueError(
                f"The checkpoint {os.fspath(self.path)!r} is of a fit with other parameters or "
                "other data, or of one that began elsewhere (warm_start, partial_fit, or a "
                "RandomState that has been drawn from). Remove it, choose another path, or set "
                "resume=False to overwrite it."
            )
        state.replace(saved["training"])
        run["saved"] = _place(state)

    def on_fit_task_end(self, estimator, context):
        """Save the end of the fit.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that ends.
        """
        run, state = self._run_of_fit(context), estimator._training
        # Training cut within an epoch has no state to go on from.
        if run is None or not state.course.is_between_epochs:
            return
        # A part of a stream counts as an epoch.
        if state.identity is not None or state.progress.n_epochs % self.every == 0:
            self._save(estimator, run)

    def _begin(self, estimator):
        folder = Path(self.path).absolute().parent
        if not folder.is_dir():
            raise FileNotFoundError(f"The folder of the checkpoint does not exist: {folder}")
        return {"identity": None, "saved": None}

    def _save(self, estimator, run):
        state = estimator._training
        if _place(state) == run["saved"] or state.course.n_iter == 0:
            return
        fitted = type(estimator)(**estimator.get_params(deep=False))
        vars(fitted).update(state.fitted_attributes(copies=False))
        saved = {"identity": run["identity"], "training": state.as_dict(), "estimator": fitted}
        path = Path(self.path)
        # One fit, one file: whatever a process that was killed has left there is overwritten.
        scratch = path.with_name(f".{path.name}.partial")
        try:
            with scratch.open("wb") as file:
                joblib.dump(saved, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(scratch, path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
        run["saved"] = _place(state)

    def __getstate__(self):
        # Classes of paths differ between systems, and skops would have to be told to trust them.
        state = super().__getstate__()
        if isinstance(self.path, os.PathLike):
            state["path"] = os.fspath(self.path)
        return state


def _place(state):
    """Where in its fit a training is."""
    return state.course.n_iter, state.course.has_ended


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
        Fitted, as of the last epoch saved. To go on with a fit that was cut, do as at first: make
        an estimator and fit it with a :class:`Checkpoint` of the same path.

    Raises
    ------
    ValueError
        If the file is not one of :class:`Checkpoint`.
    """
    return _load(path)["estimator"]
