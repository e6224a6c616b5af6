"""The number type of a network: float32 or float64.

Knows arrays and their sizes; must not know parameters, networks or targets.
"""

import numpy as np
from scipy import sparse

from sklearn_set.samples import largest_magnitude

# With fewer features a fit takes little time in float64 too.
_MANY_FEATURES = 1000
# Squares of such magnitudes are still numbers of float32, and not subnormal ones.
_SMALLEST, _LARGEST = 1e-18, 1e18
# float32 must tell so many values of the typical feature apart, and so many of each.  What varies
# less than this share of its magnitude is noise of rounding.
_DISTINCT, _LEAST_DISTINCT = 1000, 20
_NOISE = 1e-10
# So many samples are enough to know how much features vary.
_LOOKED_AT = 20


def automatic_type(X, y=None):
    """What ``dtype="auto"`` stands for in `fit`: float32 for large wide data, else the type of X.

    Wide data have more features than samples: too few samples for the digits beyond float32 to
    matter.  A fit takes less time and memory with float32, as most of it is to read numbers.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features), float32 or float64
    y : ndarray, default=None
        Targets that are numbers.

    Returns
    -------
    numpy.dtype
    """
    is_large_and_wide = X.shape[1] >= max(_MANY_FEATURES, X.shape[0] + 1)
    has_large_targets = y is not None and largest_magnitude(y) > _LARGEST
    if is_large_and_wide and not has_large_targets and suits_float32(X):
        return np.dtype(np.float32)
    return X.dtype


def suits_float32(X):
    """Whether float32 holds the numbers of X, and tells the values of its features apart.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)

    Returns
    -------
    bool
    """
    largest = largest_magnitude(X.data if sparse.issparse(X) else X)
    if not _SMALLEST <= largest <= _LARGEST:
        return largest == 0
    if sparse.issparse(X):
        return True  # zeros and others are far apart
    some = X[:: max(1, X.shape[0] // _LOOKED_AT)]
    spread, magnitude = np.ptp(some, axis=0), np.abs(some).max(axis=0)
    varies = spread > _NOISE * magnitude
    if not varies.any():
        return True
    n_values = spread[varies] / (np.finfo(np.float32).eps * magnitude[varies])
    return bool(np.median(n_values) >= _DISTINCT and n_values.min() >= _LEAST_DISTINCT)
