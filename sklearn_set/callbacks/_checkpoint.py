"""Checkpoint: fits that are saved to disk and resumed with the same bits.

A file is a header and a pickle.  The header holds a digest of the pickle, and nothing is unpickled
before the digest has been checked.  Knows files, and the state of a training as a whole; must not
know what is in it: state.py says that.
"""

from __future__ import annotations

import errno
import hashlib
import os
import pickle
import re
import secrets
import stat
import struct
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import joblib
from sklearn.base import BaseEstimator

from sklearn_set._typing import FilePath, Int
from sklearn_set.callbacks._callback import COUNT, Callback
from sklearn_set.hooks import training_of
from sklearn_set.validation import BOOLEAN, instance

if TYPE_CHECKING:
    from sklearn.callback import CallbackContext  # came with scikit-learn 1.9

# The header: a mark of our files, the version of the form, and length and SHA-256 of the pickle. A
# program that treats the file as text damages the mark, as in PNG.
_HEADER = struct.Struct(">8sIQ32s")
_MAGIC = b"\x89SET\r\n\x1a\n"
_FORM = 1

_REMEDY = (
    "Remove it, choose another path, or set resume=False in Checkpoint, which then overwrites it."
)


class Checkpoint(Callback):
    """Callback that saves a fit to disk after its epochs, and resumes it from there.

    The file is replaced in one step, so a complete one is always there. If it exists when `fit`
    begins, and parameters and data are the same, training goes on after the last epoch saved. It
    ends with the same bits as if it had never been cut. If the file is of a complete fit, its
    result is there at once. A file that is damaged, or of another fit, is refused with a
    `ValueError`: remove it to begin anew.

    Parameters
    ----------
    path : str or os.PathLike
        The file. It is for one fit, and cannot serve the fits of a cross-validation.
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
    The file is a pickle with a digest. The digest tells whether the file is as it was written, but
    not who wrote it: load only what you trust. The file holds the network, the moments of the
    optimizer and all that training and :class:`EarlyStopping` have gathered so far. `partial_fit`
    saves after every `every` calls, but resumes nothing: `load_checkpoint` gives an estimator that
    goes on with the next part.

    Two fits are the same if parameters, data, sample weights, and names of classes and features
    are equal; `n_jobs` and `verbose` may differ. A `scoring` of your own must be defined at the top
    level of a module, so that it can be pickled. It is known by its name, its code, its defaults
    and its enclosed values; an installed one is known by its name alone.

    A checkpoint is first written to a new file in the same folder. Its name begins with a dot and
    ends in ``.partial``. If a process was killed and left such a file, the next fit removes it.
    The new file keeps the permissions of the old one. A symbolic link at `path` is read, but then
    replaced by a file. If the file cannot be written, as on a full disk, `fit` ends with an
    `OSError`, and the old file stays.

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

    _constraints: ClassVar[dict] = {
        "path": (instance(str), instance(os.PathLike)),
        "every": (COUNT,),
        "resume": BOOLEAN,
    }

    def __init__(self, path: FilePath, *, every: Int = 1, resume: bool = True) -> None:
        self.path = path
        self.every = every
        self.resume = resume
        super().__init__()

    def on_fit_task_begin(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Go on from the file, if there is one.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that begins.
        """
        state = training_of(estimator)
        run = self._run_of_epoch(context)
        if run is not None:
            # By now all callbacks have seen the end of the epoch before.
            if state.course.n_iter % self.every == 0:
                self._save(estimator, run)
            return
        run = self._run_of_fit(context)
        if run is None or state.identity is None:
            return
        run["identity"] = state.identity()
        if not self.resume:
            return
        try:
            saved = _load(self.path)
        except FileNotFoundError:
            return
        if saved["identity"] != run["identity"]:
            raise ValueError(
                f"The checkpoint {os.fspath(self.path)!r} is of a fit with other parameters or "
                "other data, or of one that began elsewhere (warm_start, partial_fit, or a "
                f"RandomState that has been drawn from). {_REMEDY}"
            )
        state.replace(saved["training"])
        run["saved"] = _place(state)

    def on_fit_task_end(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Save the end of the fit.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that ends.
        """
        run, state = self._run_of_fit(context), training_of(estimator)
        # If training was cut within an epoch, or while callbacks ran, its state is incomplete.
        if run is None or not state.course.is_between_epochs or _is_note_missing(state):
            return
        # A part of a stream counts as an epoch.
        if state.identity is not None or state.progress.n_epochs % self.every == 0:
            self._save(estimator, run)

    def _begin(self, estimator):
        path = Path(self.path)
        folder = path.absolute().parent
        if not folder.is_dir():
            raise FileNotFoundError(f"The folder of the checkpoint does not exist: {folder}")
        is_there = _is_file(path)
        _check_can_be_pickled(estimator)
        with _told_as("saved", path):
            _remove_partials(path)
            if not (self.resume and is_there):
                # If no file can be made, fail now, not after the first epochs.
                file, partial = _new_partial(path)
                file.close()
                partial.unlink()
        return {"identity": None, "saved": None}

    def _save(self, estimator, run):
        state = training_of(estimator)
        if _place(state) == run["saved"] or state.course.n_iter == 0:
            return
        fitted = type(estimator)(**estimator.get_params(deep=False))
        vars(fitted).update(state.fitted_attributes(copies=False))
        saved = {"identity": run["identity"], "training": state.as_dict(), "estimator": fitted}
        _write(Path(self.path), saved)
        run["saved"] = _place(state)

    def __getstate__(self):
        # Classes of paths differ between systems, and skops does not trust them unless told to.
        state = super().__getstate__()
        if isinstance(self.path, os.PathLike):
            state["path"] = os.fspath(self.path)
        return state


def _place(state):
    """How far a fit has come: its number of epochs, whether training and all has ended."""
    course = state.course
    return course.n_iter, course.has_ended, course.is_calibrated


def _is_note_missing(state):
    """Tell whether an observer that takes notes of every epoch has no note of the last one."""
    return any(
        note["n_iter"] != state.course.n_iter
        for (name, number), note in state.course.notes.items()
        if number < state.claimed.count(name)  # not of an observer that is no longer there
    )


def load_checkpoint(path: FilePath) -> Any:
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
        If the file is not one of :class:`Checkpoint`, or damaged.
    FileNotFoundError
        If there is none.
    OSError
        If it cannot be read.
    """
    return _load(path)["estimator"]


# ------------------------------------------------------------------------------------- reading


class _FolderError(IsADirectoryError, ValueError):
    """The path is that of a folder, so no file can be put there."""


def _is_file(path):
    """Tell whether a file is there; raise an error where something else is."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        reason = "The path of the checkpoint is a folder. Choose another path"
        raise _FolderError(errno.EISDIR, reason, os.fspath(path))
    if not stat.S_ISREG(mode):  # opening a pipe may take forever
        raise ValueError(
            f"{os.fspath(path)!r} is not a file of Checkpoint, but a device, a pipe or the like. "
            "Choose another path."
        )
    return True


def _load(path):
    """What a checkpoint holds."""
    path, name = Path(path), os.fspath(path)
    if not _is_file(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    with _told_as("read", path), path.open("rb") as file:
        damage = _damage(file)
        if damage:
            raise ValueError(f"The checkpoint {name!r} {damage}. {_REMEDY}")
        file.seek(_HEADER.size)
        try:
            return joblib.load(file)
        except (OSError, MemoryError, Warning):
            raise
        except Exception as error:
            # The file is undamaged, so a module that it needs has changed.
            raise ValueError(
                f"The checkpoint {name!r} is complete, but holds what cannot be loaded here: "
                f"{type(error).__name__}: {error}. Import the module that defines it as it was "
                f"when the file was written. Or: {_REMEDY}"
            ) from error


def _damage(file):
    """What is wrong with a file, or None; it is read once, a little at a time."""
    header = file.read(_HEADER.size)
    if not header:
        return "is damaged: it is empty"
    if header[: len(_MAGIC)] != _MAGIC[: len(header)]:
        return "is not a file of Checkpoint, or one of another version of it"
    if len(header) < _HEADER.size:
        return "is damaged: it ends early"
    _, form, length, digest = _HEADER.unpack(header)
    if form != _FORM:
        return "is damaged, or of another version of Checkpoint"
    if os.fstat(file.fileno()).st_size != _HEADER.size + length:
        return "is damaged: it has not the length that it was written with"
    if hashlib.file_digest(file, "sha256").digest() != digest:
        return "is damaged: it has not the content that it was written with"
    return None


# ------------------------------------------------------------------------------------- writing


class _Digested:
    """A file to write to; it computes the digest of what is written."""

    def __init__(self, file):
        self._file, self._begin = file, file.tell()
        self._digest = hashlib.sha256()
        self.tell = file.tell

    def write(self, data):
        self._digest.update(data)
        return self._file.write(data)

    def header(self):
        """What stands before the content."""
        length = self._file.tell() - self._begin
        return _HEADER.pack(_MAGIC, _FORM, length, self._digest.digest())


def _write(path, value):
    """Write a value to a file; if this fails, the file stays as it was."""
    with _told_as("saved", path):
        file, partial = _new_partial(path)
        try:
            with file:
                file.seek(_HEADER.size)
                content = _Digested(file)
                joblib.dump(value, content)
                header = content.header()
                file.seek(0)
                file.write(header)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
        _sync_folder(path.parent)


def _new_partial(path):
    """A new file beside a path, and the path of the new file.

    It has the permissions of the file at the path, if there is one.  Its name is random: two
    processes never write the same file, and no existing file or link is opened.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        there = None
    keeps = there is not None and stat.S_ISREG(there.st_mode)
    mode = stat.S_IMODE(there.st_mode) & 0o777 if keeps else 0o666
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(partial, flags, mode)
    try:
        if keeps and stat.S_IMODE(os.fstat(descriptor).st_mode) != mode and hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)  # the umask has taken some
        return os.fdopen(descriptor, "wb"), partial
    except BaseException:
        with suppress(OSError):  # Ctrl-C may come when the file was made, and has closed it
            os.close(descriptor)
        partial.unlink()
        raise


def _remove_partials(path):
    """Remove what processes that were killed have left beside a path."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}\.partial")
    for name in os.listdir(path.absolute().parent):
        if ours.fullmatch(name):
            with suppress(OSError):  # it may stay: other fits use other names
                path.with_name(name).unlink()


def _sync_folder(folder):
    """Write the new entry of a folder to the disk, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # the folder may be written, but not listed
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _told_as(done, path):
    """Make errors of the system say which file could not be saved or read."""
    try:
        yield
    except OSError as error:
        if isinstance(error, ValueError):
            raise
        name, reason = os.fspath(path), error.strerror or str(error)
        told = f"The checkpoint cannot be {done}: {reason}"
        if error.errno is None:
            raise OSError(f"{told}: {name!r}") from error
        raise OSError(error.errno, told, name) from error


class _Nowhere:
    """A file to write to that keeps nothing."""

    def write(self, data):
        """Forget the data."""


def _check_can_be_pickled(estimator):
    """Refuse parameters that could not be saved, before any work is done."""
    owner = type(estimator).__name__
    parts = {"the class": type(estimator)}
    for name, value in estimator.get_params(deep=False).items():
        parts[f"the {name!r} parameter"] = value
    for name, part in parts.items():
        try:
            pickle.Pickler(_Nowhere()).dump(part)
        except Exception as error:
            raise ValueError(
                f"Checkpoint saves the estimator, but {name} of {owner} cannot be pickled: "
                f"{error}. Functions and classes must be defined at the top level of a module."
            ) from error
