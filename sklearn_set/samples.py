"""X as the kernels read it: dense or sparse, one type for both; and means of two samples.

Knows arrays and what the kernels can number; must not know networks, targets or weights.
"""

import functools

import numpy as np
from scipy import sparse

# Samples are numbered by int32.
MAX_SAMPLES = np.iinfo(np.int32).max


def some_of(values, most):
    """All of few values; of many some, at distances that are multiples of nothing.

    Parameters
    ----------
    values : ndarray of shape (n, ...)
    most : int

    Returns
    -------
    ndarray of shape (min(n, most), ...)
    """
    if values.shape[0] <= most:
        return values
    return values[(_fractions(most) * values.shape[0]).astype(np.intp)]


@functools.cache
def _fractions(most):
    return np.arange(most) * (np.sqrt(5) - 1) / 2 % 1


class Samples:
    """Samples that the kernels read: C-ordered, or CSR with int32 indices and int64 indptr.

    The kernels do not check indices: those of a sparse X must have been checked before.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
    dtype : numpy.dtype, default=None
        The number type of the kernels; None for that of X.

    Attributes
    ----------
    values : ndarray of shape (n, n_features) or (n_stored,)
        All numbers of a dense X, or those that a sparse X stores.  They are a view of X if they
        need no conversion.
    indices : ndarray of shape (n_stored,), int32, or None
        Features of the stored values; None for dense samples.
    indptr : ndarray of shape (n + 1,), int64, or None
        Where the stored values of each sample begin; None for dense samples.
    n, n_features : int
    first, second, share : None
        As in `MixedSamples`: each sample is one row of X, not a mean of two.

    Raises
    ------
    ValueError
        If there are too many samples.
    """

    first = second = share = None

    def __init__(self, X, dtype=None):
        check_n_samples(X.shape[0])
        self.n, self.n_features = X.shape
        if sparse.issparse(X):
            X = X.tocsr()
            self.values = np.ascontiguousarray(X.data, dtype)
            self.indices = np.ascontiguousarray(X.indices, np.int32)
            self.indptr = np.ascontiguousarray(X.indptr, np.int64)
        else:
            self.values = np.ascontiguousarray(X, dtype)
            self.indices = self.indptr = None

    @property
    def dtype(self):
        """The number type."""
        return self.values.dtype

    @property
    def is_sparse(self):
        """Whether only some numbers are stored."""
        return self.indptr is not None

    @property
    def size(self):
        """The largest magnitude of a number, 0.0 if there is none."""
        return largest_magnitude(self.values)

    def matrix(self):
        """The samples as an array, or as a CSR array over the same memory."""
        if not self.is_sparse:
            return self.values
        return sparse.csr_array((self.values, self.indices, self.indptr), (self.n, self.n_features))


class MixedSamples:
    """Weighted means of two samples each; they exist only when a kernel reads them.

    Parameters
    ----------
    given : Samples
    first, second : ndarray of shape (n,), int32
        The two samples of each mean.
    share : ndarray of shape (n,)
        What the first one contributes, from 0 to 1; the second one contributes the rest.

    Attributes
    ----------
    values, indices, indptr, n_features
        Those of the given samples.
    n : int
        Number of means.
    """

    def __init__(self, given, first, second, share):
        self.values, self.indices, self.indptr = given.values, given.indices, given.indptr
        self.n_features = given.n_features
        self.n = first.shape[0]
        self.first, self.second, self.share = first, second, share

    @property
    def dtype(self):
        """The number type."""
        return self.values.dtype


def largest_magnitude(values):
    """The largest magnitude of some numbers, 0.0 if there is none."""
    return max(float(values.max()), -float(values.min())) if values.size else 0.0


def check_n_samples(n_samples):
    """Refuse more samples than the kernels can number.

    Raises
    ------
    ValueError
    """
    if n_samples > MAX_SAMPLES:
        raise ValueError(
            f"X has {n_samples} samples, more than the {MAX_SAMPLES} that one call can take. Give "
            "it fewer: train with partial_fit, or predict, a part of the samples at a time."
        )
