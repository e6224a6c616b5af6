"""Held-out samples: those that a model is validated on while it trains.

scikit-learn's stratified splits may leave a rare class out of one part.  Here every class is in
both parts.  If samples come in groups, such as those of a patient, whole groups are held out.
Knows data, labels, groups and counts; must not know estimators or networks.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.utils import _safe_indexing

# How often whole groups are drawn, to keep the draw whose shares are best: at most so often, and
# once if there are more than so many groups, which come near any share.
_DRAWS, _GROUPS_OF_ALL_DRAWS = 20, 2000

# A search for features holds out one of so many samples, and needs so many.
_ONE_OF = 5
_FEWEST_SAMPLES = 10


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


def split_rows(n_samples, fraction, labels, rng, groups=None):
    """Split the samples into a part to train on and a part held out.

    Parameters
    ----------
    n_samples : int
    fraction : float in [0, 1)
        Share of the samples that is held out, rounded up to whole samples.  With groups about this
        share.
    labels : ndarray of shape (n_samples,) or None
        Classes to stratify by.  Each has at least one sample in both parts, and otherwise its
        share of them, up to one sample.
    rng : numpy.random.Generator
    groups : ndarray of int of shape (n_samples,), default=None
        No group is in both parts.

    Returns
    -------
    rows : ndarray, int32
        The samples to train on, ascending.
    held_out : ndarray, int32
        The others, ascending.

    Raises
    ------
    ValueError
        If a class has only one sample, or cannot be in both parts, or if a part would have fewer
        than two samples or fewer samples than there are classes.
    """
    n_held_out = int(np.ceil(fraction * n_samples))
    if labels is None:
        strata = np.zeros(n_samples, dtype=np.intp)
    else:
        classes, strata = np.unique(labels, return_inverse=True)
    sizes = np.bincount(strata)
    if labels is not None and sizes.min() < 2:
        raise ValueError(
            "early_stopping=True holds out a validation set with samples of every class, but "
            f"class {classes[sizes.argmin()]} has only 1 sample. Set early_stopping=False or "
            "add samples."
        )
    is_held_out = np.zeros(n_samples, dtype=bool)
    if groups is not None and n_held_out:
        causes = "early_stopping=True", "Set early_stopping=False"
        is_held_out = draw_groups(groups, fraction, strata, rng, *causes)
        n_held_out = np.count_nonzero(is_held_out)
        if labels is not None:
            _check_held_out_classes(classes, strata, groups, is_held_out)
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
    if groups is None:
        for stratum, n_taken in enumerate(_shares(sizes, n_held_out)):
            members = np.flatnonzero(strata == stratum)
            is_held_out[rng.permutation(members)[:n_taken]] = True
    rows = np.arange(n_samples, dtype=np.int32)
    return rows[~is_held_out], rows[is_held_out]


def split_for_search(rows, weight, strata, rng, groups=None):
    """Split samples into those that a search for features trains on, and a fifth that judges.

    Parameters
    ----------
    rows : ndarray of int32
        The samples to train on, ascending.
    weight : ndarray of shape (n_samples,) or None
        Sample weights; samples of weight zero are never held out.
    strata : ndarray of shape (n_samples,) or None
        Classes: each is held out in proportion, up to one sample.
    rng : numpy.random.Generator
    groups : ndarray of int of shape (n_samples,), default=None
        No group is in both parts.  Then proportions are as near as groups allow.

    Returns
    -------
    rows : ndarray of int32
        The samples to train on, ascending.
    held_out : ndarray of int32
        The samples that judge, ascending.

    Raises
    ------
    ValueError
        If there are too few samples or groups.
    """
    counting = rows if weight is None else rows[weight[rows] > 0]
    if counting.shape[0] < _FEWEST_SAMPLES:
        raise ValueError(
            f"feature_search=True holds out samples, and needs at least {_FEWEST_SAMPLES} with a "
            f"weight above zero, but got {counting.shape[0]}. Set feature_search=False or add "
            "samples."
        )
    if groups is not None:
        of_counting = None if strata is None else strata[counting]
        causes = "feature_search=True", "Set feature_search=False"
        chosen = draw_groups(groups[counting], 1 / _ONE_OF, of_counting, rng, *causes)
        held_out = counting[chosen]
        # Samples without weight leave with their group.
        return rows[~np.isin(groups[rows], groups[held_out])], held_out
    counting = rng.permutation(counting)
    if strata is not None:
        counting = counting[np.argsort(strata[counting], kind="stable")]
    held_out = np.sort(counting[rng.integers(_ONE_OF) :: _ONE_OF])
    return np.setdiff1d(rows, held_out, assume_unique=True), held_out


def folds_of(rows, n_folds, strata, rng, groups=None):
    """Hold out each of several parts of the samples in turn.

    Parameters
    ----------
    rows : ndarray of int32
    n_folds : int
        At most so many parts.
    strata : ndarray of shape (n_samples,) or None
        Classes: each is in every part in proportion, up to one sample, if there are no groups.
    rng : numpy.random.Generator
    groups : ndarray of int of shape (n_samples,), default=None
        A group is held out as a whole.

    Yields
    ------
    rows : ndarray of int32
        Samples to train on, ascending.
    held_out : ndarray of int32
        The others, ascending.  A class of one sample is then missing among the samples to train on.
    """
    rows = rng.permutation(rows)
    if groups is None:
        if strata is not None:
            rows = rows[np.argsort(strata[rows], kind="stable")]
        fold = np.arange(rows.shape[0]) % n_folds
    else:
        _, first, group, sizes = np.unique(groups[rows], True, True, True)
        fold_of, n_in_fold = np.empty_like(sizes), np.zeros(n_folds, dtype=np.intp)
        for number in np.argsort(first):
            fold_of[number] = n_in_fold.argmin()
            n_in_fold[fold_of[number]] += sizes[number]
        fold = fold_of[group]
    for number in range(n_folds):
        kept, held_out = (np.sort(rows[is_part]) for is_part in (fold != number, fold == number))
        if kept.shape[0] > 1 and held_out.shape[0]:
            yield kept, held_out


def draw_groups(groups, fraction, labels, rng, cause, remedy):
    """Choose whole groups at random to be held out, about a share of the samples of every class.

    Groups come in random order.  One is taken if it brings a class that has no sample held out
    yet, or if it brings the shares of all classes together nearer to `fraction`.  No group is taken
    that would leave a class without samples to train on.  Few groups are drawn several times: the
    draw counts that leaves out the fewest classes, and of these the one with the best shares.

    Parameters
    ----------
    groups : ndarray of int of shape (n_samples,)
        Any numbers.
    fraction : float in (0, 1)
    labels : ndarray of shape (n_samples,) or None
        Classes to stratify by.
    rng : numpy.random.Generator
    cause, remedy : str
        What asks for the split, and what to do without it, such as "early_stopping=True" and "Set
        early_stopping=False"; for messages.

    Returns
    -------
    ndarray of bool, shape (n_samples,)
        Which samples are held out, at least one.  If groups leave no choice, a class may be
        missing among them, but never among the others.

    Raises
    ------
    ValueError
        If there is only one group, or if each has all samples of a class.
    """
    names, groups = np.unique(groups, return_inverse=True)
    n_groups = names.shape[0]
    if n_groups < 2:
        raise ValueError(
            f"The groups parameter contains fewer than 2 unique groups. {cause} holds out "
            f"whole groups, and expects at least 2. {remedy} or add groups."
        )
    strata = np.zeros_like(groups)
    if labels is not None:
        strata = np.unique(labels, return_inverse=True)[1]
    # How many samples of each class a group has; classes that it does not have are not stored.
    ones = np.ones(groups.shape[0], dtype=np.int64)
    table = sparse.coo_array((ones, (groups, strata))).tocsr()
    n_draws = max(1, min(_DRAWS, _GROUPS_OF_ALL_DRAWS // n_groups))
    draws = [_draw_of_groups(table, fraction, rng) for _ in range(n_draws)]
    taken = min(draws, key=lambda draw: draw[:2])[2]
    if not taken:
        raise ValueError(
            f"{cause} holds out whole groups, but every group has all samples of a class, which "
            f"the part to train on would lack. {remedy} or add groups."
        )
    return np.isin(groups, taken)


def _draw_of_groups(table, fraction, rng):
    """One draw: how many classes are left out, the distance of the shares, and the groups."""
    indptr, indices, data = table.indptr, table.indices, table.data
    sizes = np.bincount(indices, weights=data)
    held_out, taken = np.zeros_like(sizes), []
    for group in rng.permutation(table.shape[0]).tolist():
        slots = slice(indptr[group], indptr[group + 1])
        of_group = indices[slots]
        before, size = held_out[of_group], sizes[of_group]
        after = before + data[slots]
        if (after == size).any():
            continue
        is_nearer = _distance(after / size, fraction) < _distance(before / size, fraction)
        if is_nearer or not before.all():
            held_out[of_group] = after
            taken.append(group)
            if (held_out >= fraction * sizes).all():
                break
    n_left_out = np.count_nonzero(held_out == 0)
    return n_left_out, _distance(held_out / sizes, fraction), taken


def _distance(shares, fraction):
    """How far shares are from the wanted one."""
    return float(((shares - fraction) ** 2).sum())


def _check_held_out_classes(classes, strata, groups, is_held_out):
    """Refuse a validation set without samples of some class.

    Raises
    ------
    ValueError
    """
    n_held_out = np.bincount(strata[is_held_out], minlength=classes.shape[0])
    if n_held_out.all():
        return
    missing = n_held_out.argmin()
    n_groups = np.unique(groups[strata == missing]).shape[0]
    why = "only 1 group has it"
    if n_groups > 1:
        why = f"each of the {n_groups} groups that have it can be needed to train on"
    raise ValueError(
        "early_stopping=True must hold out samples of every class, in whole groups, but can hold "
        f"out none of class {classes[missing]}: {why}. Set early_stopping=False, pass X_val and "
        "y_val, or add groups."
    )


def _shares(sizes, n_held_out):
    """How many of each stratum are held out: in proportion, by largest remainder, never all."""
    ideal = n_held_out * sizes / sizes.sum()
    taken = np.clip(np.floor(ideal), 1, sizes - 1).astype(np.intp)
    while taken.sum() < n_held_out:
        taken[np.where(taken < sizes - 1, ideal - taken, -np.inf).argmax()] += 1
    while taken.sum() > n_held_out:
        taken[np.where(taken > 1, ideal - taken, np.inf).argmin()] -= 1
    return taken
