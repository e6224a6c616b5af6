"""Class weights: checks of them, and what each sample weighs by its class.

Knows labels; must not know networks or estimators.
"""

from numbers import Real

import numpy as np
from sklearn.utils import compute_class_weight, compute_sample_weight

from sklearn_set.validation import interval, plainly, shown

# What a class may weigh.
_NOT_NEGATIVE = interval(Real, 0, np.inf)


def factors_of_samples(class_weight, y, classes):
    """What the weight of each sample is multiplied by.

    Parameters
    ----------
    class_weight : dict, "balanced" or list of dict
    y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        Labels, or a matrix of 0 and 1.
    classes : ndarray of shape (n_classes,)
        All classes; of labels in a matrix their numbers.

    Returns
    -------
    ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If a weight is not a finite number of at least 0.
    """
    _check(class_weight)
    if y.ndim == 2:
        return compute_sample_weight(class_weight, y)
    try:
        of_classes = compute_class_weight(
            class_weight, classes=classes, y=classes if isinstance(class_weight, dict) else y
        )
    except ValueError as error:
        if not isinstance(class_weight, dict):
            raise
        keys, known = list(class_weight), classes.tolist()
        raise ValueError(
            f"{error}, whose keys are {shown(keys)}: they must be the labels of y, {shown(known)}."
        ) from None
    return of_classes[np.searchsorted(classes, y)]


def _check(class_weight):
    dicts = [class_weight] if isinstance(class_weight, dict) else class_weight
    for weights in [] if isinstance(dicts, str) else dicts:
        for label, value in weights.items():
            if not _NOT_NEGATIVE.accepts(value):
                negative = "Negative values in data passed to `class_weight`. " * bool(
                    isinstance(value, Real) and value < 0
                )
                raise ValueError(
                    f"{negative}class_weight must hold finite numbers of at least 0, but that of "
                    f"class {plainly(label)} is {plainly(value)}."
                )
