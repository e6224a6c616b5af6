"""Complementary pairs: random halves of the samples that have no sample in common.

Classes are halved evenly, groups stay together.  Knows labels and groups; must not know estimators.
"""

import numpy as np

# How often a pair is drawn until every class is in both halves.
_TRIALS = 1000


def complementary_pair(classes, groups, seed):
    """Two halves of equal size that have nothing in common.

    Of an odd number of samples, one is in neither.  Each class is halved as evenly as can be.  With
    groups, halves are of whole groups, in equal number.

    Parameters
    ----------
    classes : ndarray of shape (n_samples,) of int
        Numbers from 0 on; all zero if there are no classes.
    groups : ndarray of shape (n_samples,) of int, or None
        Numbers from 0 on.
    seed : int

    Returns
    -------
    first, second : ndarray of int
        Samples, ascending.

    Raises
    ------
    ValueError
        If no way is found to give both halves every class.
    """
    rng = np.random.default_rng(seed)
    units = np.arange(len(classes)) if groups is None else groups
    strata = _strata(classes, units)
    n_classes = len(np.unique(classes))
    for _ in range(_TRIALS):
        halves = [np.flatnonzero(np.isin(units, half)) for half in _halved(strata, rng)]
        if all(len(np.unique(classes[half])) == n_classes for half in halves):
            return halves
    raise ValueError(
        "The samples cannot be halved so that both halves have every class: the classes are in too "
        f"few groups. {_TRIALS} random halves were tried."
    )


def _strata(classes, units):
    """For each unit a number that tells which classes it has.

    A patient with samples of two classes belongs to another stratum than those with one of them.
    """
    has = np.zeros((units.max() + 1, classes.max() + 1), dtype=bool)
    has[units, classes] = True
    return np.unique(has, axis=0, return_inverse=True)[1].ravel()


def _halved(strata, rng):
    """Two random halves of the units, each with every other unit of every stratum."""
    n_units = len(strata)
    order = rng.permutation(n_units)
    if n_units % 2:
        # One of a stratum that cannot be halved anyway; there is one, as the number is odd.
        is_odd = np.bincount(strata) % 2 == 1
        left_out = np.flatnonzero(is_odd[strata[order]])[0]
        order = np.delete(order, left_out)
    order = order[np.argsort(strata[order], kind="stable")]
    return order[::2], order[1::2]
