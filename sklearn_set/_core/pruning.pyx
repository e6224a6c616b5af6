"""Which of many numbers are nearest zero, without sorting them.

The caller says between which bounds the threshold lies.  Numbers beyond the bounds are decided
here; those between them are returned, for the caller to look at one by one.  Knows neither
topologies nor what the numbers mean.
"""

from cython.parallel cimport prange
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t

import numpy as np

from sklearn_set._core.measured cimport COMPARED, SERIAL_NUMBERS

ctypedef fused value_t:
    float
    double


def count_negative(const value_t[::1] values, int n_threads=1):
    """Count the numbers below zero.

    Parameters
    ----------
    values : ndarray of shape (n,)
    n_threads : int, default=1

    Returns
    -------
    int
    """
    cdef Py_ssize_t n = values.shape[0], c
    cdef int n_parts = n_threads if n >= SERIAL_NUMBERS else 1
    counts_array = np.zeros(n_parts, dtype=np.int64)
    cdef int64_t[::1] counts = counts_array
    for c in prange(n_parts, num_threads=n_threads, use_threads_if=n_parts > 1, nogil=True,
                    schedule="static", chunksize=1):
        counts[c] = count_part(values, n * c // n_parts, n * (c + 1) // n_parts)
    return int(counts_array.sum())


cdef int64_t count_part(
    const value_t[::1] values, Py_ssize_t start, Py_ssize_t stop,
) noexcept nogil:
    cdef Py_ssize_t k, end
    cdef int64_t total = 0
    cdef int32_t few
    while start < stop:
        end = min(start + COMPARED, stop)
        few = 0
        for k in range(start, end):
            few += values[k] < 0
        total += few
        start = end
    return total


def keep_beyond(const value_t[::1] values, bounds, int n_threads=1):
    """Keep the numbers that are farther from zero than the lower bound for their sign.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Zero, of either sign, counts as positive; not-a-number too, as large as infinity.
    bounds : array of shape (2, 2)
        Lower and upper bound of the magnitude, first for positive, then for negative numbers.
    n_threads : int, default=1

    Returns
    -------
    keep : ndarray of shape (n,), uint8
        1 where the magnitude is at least the lower bound.
    n_below : ndarray of shape (2,), int64
        How many positive and how many negative numbers are not kept.
    between : list of two ndarray, int32
        Places of the positive and of the negative numbers from one bound to the other, both
        included, ascending.
    """
    cdef Py_ssize_t n = values.shape[0], c
    cdef int n_parts = n_threads if n >= SERIAL_NUMBERS else 1
    cdef const value_t[:, ::1] limits = np.asarray(
        bounds, dtype=np.float32 if value_t is float else np.float64)
    keep_array = np.empty(n, dtype=np.uint8)
    # As large as they may need to be: memory that is not written costs nothing.
    places_array = np.empty((2, n), dtype=np.int32)
    counts_array = np.zeros((n_parts, 2, 2), dtype=np.int64)
    cdef uint8_t[::1] keep = keep_array
    cdef int32_t[:, ::1] places = places_array
    cdef int64_t[:, :, ::1] counts = counts_array
    if n == 0:
        return keep_array, counts_array[:, 0].sum(axis=0), [places_array[0], places_array[1]]
    for c in prange(n_parts, num_threads=n_threads, use_threads_if=n_parts > 1, nogil=True,
                    schedule="static", chunksize=1):
        keep_part(&values[0], &limits[0, 0], n * c // n_parts, n * (c + 1) // n_parts, &keep[0],
                  &places[0, 0], &places[1, 0], &counts[c, 0, 0])
    starts = [n * part // n_parts for part in range(n_parts)]
    between = [
        np.concatenate([
            places_array[sign, start : start + count]
            for start, count in zip(starts, counts_array[:, 1, sign].tolist(), strict=True)
        ])
        for sign in (0, 1)
    ]
    return keep_array, counts_array[:, 0].sum(axis=0), between


cdef void keep_part(
    const value_t* values, const value_t* limits,
    Py_ssize_t start,               # numbers [start, stop)
    Py_ssize_t stop,
    uint8_t* keep,
    int32_t* positive,              # OUT places between the bounds, from `start` on
    int32_t* negative,
    int64_t* counts,
) noexcept nogil:
    cdef Py_ssize_t k, n, p = start, q = start
    cdef value_t value, low = limits[0], high = limits[1]
    cdef value_t negative_low = -limits[2], negative_high = -limits[3]
    cdef bint endless = high == INFINITY
    cdef int64_t n_below = 0, n_negative_below = 0
    cdef int32_t few, few_negative
    cdef uint8_t below[COMPARED]
    cdef uint8_t negative_below[COMPARED]
    cdef uint8_t between[COMPARED]
    cdef uint8_t negative_between[COMPARED]
    counts[2] = -start
    counts[3] = -start
    while start < stop:
        n = min(stop - start, <Py_ssize_t> COMPARED)
        for k in range(n):
            value = values[start + k]
            negative_below[k] = (value < 0) & (value > negative_low)
            below[k] = ((value >= 0) & (value < low)) | negative_below[k]
            between[k] = ((value >= low) & (value <= high)) | ((value != value) & endless)
            negative_between[k] = (value < 0) & (value <= negative_low) & (value >= negative_high)
        few = 0
        few_negative = 0
        for k in range(n):
            keep[start + k] = 1 - below[k]
            few += below[k]
            few_negative += negative_below[k]
        # One in ten, at random: written always, counted where it is so, as nobody can guess that.
        for k in range(n):
            positive[p] = <int32_t> (start + k)
            negative[q] = <int32_t> (start + k)
            p += between[k]
            q += negative_between[k]
        n_below += few
        n_negative_below += few_negative
        start += n
    counts[0] = n_below - n_negative_below
    counts[1] = n_negative_below
    counts[2] += p
    counts[3] += q
