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
# float32 must tell so many values of the typical feature apart.
_DISTINCT = 1000
# So many samples are enough to know how much features vary.
_LOOKED_AT = 20


def automatic_type(X):
    """What ``dtype="auto"`` stands for in `fit`: float32 for large wide data, else the type of X.

    Wide data have more features than samples: too few samples for the digits beyond float32 to
    matter.  A fit takes less time and memory with float32, as most of it is to read numbers.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features), float32 or float64

    Returns
    -------
    numpy.dtype
    """
    is_large_and_wide = X.shape[1] >= max(_MANY_FEATURES, X.shape[0] + 1)
    return np.dtype(np.float32) if is_large_and_wide and suits_float32(X) else X.dtype


def suits_float32(X):
    """Whether float32 holds the numbers of X, and tells the values of most features apart.

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
    spread = np.ptp(some, axis=0)
    varies = spread > 0
    rounding = np.finfo(np.float32).eps * np.abs(some).max(axis=0)
    return not varies.any() or bool(np.median(spread[varies] / rounding[varies]) >= _DISTINCT)
