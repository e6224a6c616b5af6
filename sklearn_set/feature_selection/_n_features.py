"""How many features are enough: numbers of features compared by cross-validation.

Every fold ranks the features by its training part alone, and judges each number of the strongest of
them on its test part.  Knows estimators, by `fit` and scorers; must not know networks.
"""

from collections.abc import Iterable
from math import inf, isfinite, nan
from numbers import Integral

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, check_cv
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.parallel import delayed

from sklearn_set.feature_selection._base import in_threads, kind_of, part_of
from sklearn_set.ranking import fit_supervised, ranks, seeded, shares
from sklearn_set.validation import NONE, Constraint, interval, shown

RULES = ("auto", "best")
CV = (
    interval(Integral, 2, inf),
    Constraint(
        lambda value: hasattr(value, "split") and hasattr(value, "get_n_splits"),
        "an object with the methods 'split' and 'get_n_splits'",
    ),
    Constraint(
        lambda value: isinstance(value, Iterable) and not isinstance(value, (str, bytes)),
        "an iterable of splits",
    ),
    NONE,
)
_FOLDS = 5


def splitter(cv, network, y, groups):
    """The cross-validator of the parameter `cv`; a number of folds keeps groups together."""
    classifies = kind_of(network) == "classifier"
    if groups is None or not (cv is None or isinstance(cv, Integral)):
        return check_cv(cv, y, classifier=classifies)
    has_classes = classifies and type_of_target(y) in ("binary", "multiclass")
    return (StratifiedGroupKFold if has_classes else GroupKFold)(cv or _FOLDS)


def cross_validated(rule, network, data, seeds, folds, scorer, n_jobs):
    """Choose a number of features.

    Parameters
    ----------
    rule : {"auto", "best"}
    network : estimator
        Clones of it rank, and judge.
    data : tuple of X, y, arguments, groups
        `arguments` are those of `fit` beside X and y, a dict of arrays by sample.  Samples of
        weight zero are neither in training nor in test parts.
    seeds : list of int
        Of the networks that rank; the first is that of the networks that judge.
    folds : cross-validator
    scorer : callable
        Called with sample weights if there are any.
    n_jobs : int or None

    Returns
    -------
    n_features : int
    results : dict of str to ndarray
    """
    X, y, arguments, groups = data
    splits = [_counting(split, arguments) for split in folds.split(X, y, groups)]
    if not splits:
        raise ValueError("cv must yield at least one split into training and test samples, got 0.")
    numbers = _numbers(X.shape[1])
    found = in_threads(
        n_jobs,
        (
            delayed(_strengths)(network, X, y, arguments, train, seed)
            for train, _ in splits
            for seed in seeds
        ),
    )
    strengths = np.array(found).reshape(len(splits), len(seeds), -1).mean(axis=1)
    scores = in_threads(
        n_jobs,
        (
            delayed(_score)(
                network, X, y, arguments, split, _first(ranking, number), scorer, seeds[0]
            )
            for split, ranking in zip(splits, map(ranks, strengths), strict=True)
            for number in numbers
        ),
    )
    scores = np.array(scores).reshape(len(splits), len(numbers))
    results = {
        "n_features": numbers,
        "mean_test_score": scores.mean(axis=0),
        "std_test_score": scores.std(axis=0),
        **{f"split{fold}_test_score": each for fold, each in enumerate(scores)},
    }
    return int(numbers[_choice(rule, scores)]), results


def _counting(split, arguments):
    """The training and the test part of a fold, without samples of weight zero."""
    parts = [np.asarray(part) for part in split]
    if "sample_weight" in arguments:
        parts = [part[arguments["sample_weight"][part] > 0] for part in parts]
    if min(map(len, parts)) == 0:
        raise ValueError(
            "A fold of cv has no sample of a weight above zero in its training or its test part. "
            "Use fewer folds."
        )
    return parts


def _numbers(n_features):
    """The numbers that are compared: 1, 2, 4 and so on, and all."""
    doubled = 2 ** np.arange(n_features.bit_length())
    return np.unique(np.append(doubled[doubled <= n_features], n_features))


def _first(ranking, number):
    """The features of the first ranks, in their order."""
    return np.flatnonzero(ranking <= number)


def _strengths(network, X, y, arguments, train, seed):
    """What one network that sees the training part says of the features."""
    fitted, _ = fit_supervised(
        seeded(network, seed), X[train], y[train], part_of(arguments, train), None, seed
    )
    return shares(fitted, X.shape[1])


def _score(network, X, y, arguments, split, features, scorer, seed):
    """The score on the test part of a network that has seen the given features alone."""
    train, test = split
    fitted, _ = fit_supervised(
        seeded(network, seed),
        X[train][:, features],
        y[train],
        part_of(arguments, train),
        None,
        seed,
    )
    weight = part_of(
        {name: each for name, each in arguments.items() if name == "sample_weight"}, test
    )
    score = scorer(fitted, X[test][:, features], y[test], **weight)
    try:
        number = float(score)
    except (TypeError, ValueError, OverflowError):
        number = nan
    if not isfinite(number):
        raise ValueError(
            f"`scoring` must return a finite number for every fold, but it returned {shown(score)}."
        )
    return number


def _choice(rule, scores):
    """The place of the number that a rule chooses; of equal ones it is the least.

    Parameters
    ----------
    rule : {"auto", "best"}
    scores : ndarray of shape (n_folds, n_numbers)

    Returns
    -------
    int
    """
    means = scores.mean(axis=0)
    best = int(np.argmax(means))
    if rule == "best":
        return best
    error = scores[:, best].std() / np.sqrt(max(len(scores) - 1, 1))
    return int(np.flatnonzero(means >= means[best] - error)[0])
