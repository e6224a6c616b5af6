"""Validation sets: the samples that a model is validated on while it trains.

scikit-learn's stratified splits may leave a rare class out of one part.  Here every class is in
both parts.  Knows data, labels and counts; must not know estimators or networks.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.utils import _safe_indexing


@dataclass(frozen=True)
class HeldOut:
    """A validation set.

    `X` and `y` are checked, `targets` are what the kernels read of y, `weight` may be None.
    `as_given` returns X as the user passed it, for scorers that call the estimator.
    """

    X: object
    y: np.ndarray
    targets: np.ndarray
    weight: np.ndarray | None
    as_given: object

    @classmethod
    def part(cls, rows, X_given, X, y, targets, weight):
        """Some rows of the user's data."""
        return cls(
            X[rows],
            y[rows],
            targets[rows],
            None if weight is None else weight[rows],
            lambda: rows_of(X_given, rows),
        )


def rows_of(X, rows):
    """Some rows of X as the user passed it, for scorers that call the estimator.

    Parameters
    ----------
    X : object
        Anything that the estimators take.
    rows : ndarray of int

    Returns
    -------
    object
        Of the type of X if it can be indexed by rows, else an array or a CSR matrix.
    """
    if sparse.issparse(X):
        X = X if X.format in ("csr", "csc", "lil") else X.tocsr()
        return X[rows]
    is_known = isinstance(X, (list, tuple)) or hasattr(X, "iloc") or hasattr(X, "columns")
    if not (is_known or (hasattr(X, "__getitem__") and hasattr(X, "dtype"))):
        X = np.asarray(X)  # a memoryview, for example
    return _safe_indexing(X, rows)


def split_rows(n_samples, fraction, labels, rng):
    """Split the samples into a part to train on and a part held out.

    Parameters
    ----------
    n_samples : int
    fraction : float in [0, 1)
        Share of the samples that is held out, rounded up to whole samples.
    labels : ndarray of shape (n_samples,) or None
        Classes to stratify by.  Each has at least one sample in both parts, and otherwise its
        share of them, up to one sample.
    rng : numpy.random.Generator

    Returns
    -------
    rows : ndarray, int32
        The samples to train on, ascending.
    held_out : ndarray, int32
        The others, ascending.

    Raises
    ------
    ValueError
        If a class has only one sample, or if a part would have fewer than two samples or fewer
        samples than there are classes.
    """
    n_held_out = int(np.ceil(fraction * n_samples))
    if labels is None:
        groups = np.zeros(n_samples, dtype=np.intp)
    else:
        classes, groups = np.unique(labels, return_inverse=True)
    sizes = np.bincount(groups)
    if labels is not None and sizes.min() < 2:
        raise ValueError(
            "early_stopping=True holds out a validation set with samples of every class, but "
            f"class {classes[sizes.argmin()]} has only 1 sample. Set early_stopping=False or "
            "add samples."
        )
    n_least = max(2, sizes.shape[0])
    for n, what, advice in (
        (n_held_out, "validation set", "Increase"),
        (n_samples - n_held_out, "part to train on", "Decrease"),
    ):
        if n < n_least:
            raise ValueError(
                f"The {what} is too small: {n} of {n_samples} samples, but at least {n_least} are "
                f"needed. {advice} 'validation_fraction' or increase the size of your dataset."
            )
    is_held_out = np.zeros(n_samples, dtype=bool)
    for group, n_taken in enumerate(_shares(sizes, n_held_out)):
        members = np.flatnonzero(groups == group)
        is_held_out[rng.permutation(members)[:n_taken]] = True
    rows = np.arange(n_samples, dtype=np.int32)
    return rows[~is_held_out], rows[is_held_out]


def _shares(sizes, n_held_out):
    """How many of each group are held out: in proportion, by largest remainder, never all."""
    ideal = n_held_out * sizes / sizes.sum()
    taken = np.clip(np.floor(ideal), 1, sizes - 1).astype(np.intp)
    while taken.sum() < n_held_out:
        taken[np.where(taken < sizes - 1, ideal - taken, -np.inf).argmax()] += 1
    while taken.sum() > n_held_out:
        taken[np.where(taken > 1, ideal - taken, np.inf).argmin()] -= 1
    return taken
