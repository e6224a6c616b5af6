# Ascending numbers: the distinct ones of many, and those that are not at given places.
#
# Knows numbers; must not know that they are positions of connections.

from libc.stdint cimport int64_t, uint32_t

import numpy as np

ctypedef fused number_t:
    uint32_t
    int64_t


def distinct(const number_t[::1] values, int64_t low, int64_t[::1] out):
    """Write the distinct ones of ascending numbers, each plus `low`; return how many.

    Parameters
    ----------
    values : ndarray of shape (n,), uint32 or int64
    low : int
    out : ndarray of shape (at least n,), int64
        Written.

    Returns
    -------
    int
    """
    cdef Py_ssize_t n = values.shape[0], k, count = 0
    with nogil:
        if n > 0:
            out[0] = values[0] + low
        for k in range(1, n):
            # The last one again, or the next: a number, not a branch.
            count += values[k] != values[k - 1]
            out[count] = values[k] + low
    return count + (n > 0)


def without(const int64_t[::1] values, const int64_t[::1] places):
    """The numbers that are not at the given places.

    Parameters
    ----------
    values : ndarray of shape (n,), int64
    places : ndarray of shape (n_places,), int64
        Ascending and distinct.

    Returns
    -------
    ndarray of shape (n - n_places,), int64
    """
    cdef Py_ssize_t n = values.shape[0], p, k, start = 0, stop
    cdef Py_ssize_t n_places = places.shape[0]
    result_array = np.empty(n - n_places, dtype=np.int64)
    cdef int64_t[::1] result = result_array
    with nogil:
        for p in range(n_places + 1):
            stop = places[p] if p < n_places else n
            for k in range(start, stop):
                result[k - p] = values[k]
            start = stop + 1
    return result_array
