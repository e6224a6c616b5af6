"""Which of many numbers are nearest zero, without sorting them.

Counting by magnitude finds the narrow bucket that holds the threshold; only the few numbers in
it are looked at one by one.  Knows neither topologies nor what the numbers mean.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

import numpy as np

ctypedef fused value_t:
    float
    double

cdef enum:
    # Buckets are the exponent and four bits of the mantissa of the number as a float, without
    # sign; an order of magnitudes, as the bits of floats are ordered as they are.
    SHIFT = 19
    N_BUCKETS = 1 << 12

N_MAGNITUDES = N_BUCKETS


cdef inline Py_ssize_t bucket(value_t value) noexcept nogil:
    cdef float rounded = <float> value  # monotonic, so that no order is reversed
    cdef uint32_t bits
    memcpy(&bits, &rounded, sizeof(bits))
    return (bits & <uint32_t> 0x7fffffff) >> SHIFT


def count_magnitudes(const value_t[::1] values, int n_threads=1):
    """Count numbers by sign and magnitude.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Zero, of either sign, counts as positive.
    n_threads : int, default=1

    Returns
    -------
    counts : ndarray of shape (n_parts, 2, N_MAGNITUDES), int64
        For consecutive parts of the values, first the positive ones, then the negative ones.
    """
    cdef Py_ssize_t n = values.shape[0], c
    cdef int n_parts = 1 if n < 50_000 else n_threads
    counts_array = np.zeros((n_parts, 2, N_BUCKETS), dtype=np.int64)
    cdef int64_t[:, :, ::1] counts = counts_array
    for c in prange(n_parts, num_threads=n_threads, use_threads_if=n_parts > 1, nogil=True,
                    schedule="static", chunksize=1):
        count_part(values, n * c // n_parts, n * (c + 1) // n_parts, &counts[c, 0, 0])
    return counts_array


cdef void count_part(
    const value_t[::1] values, Py_ssize_t start, Py_ssize_t stop, int64_t* counts,
) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(start, stop):
        counts[(values[k] < 0) * N_BUCKETS + bucket(values[k])] += 1


def keep_beyond(
    const value_t[::1] values, int64_t positive, int64_t negative,
    const int64_t[:, :, ::1] counts,
):
    """Keep the numbers beyond a bucket for each sign, and name those in it.

    Parameters
    ----------
    values : ndarray of shape (n,)
    positive, negative : int
        The buckets; -1 to keep all of that sign.
    counts : ndarray
        As `count_magnitudes` returns it for the same values.

    Returns
    -------
    keep : ndarray of shape (n,), uint8
        Zero for what is in the buckets, too.
    inside : list of two ndarray, int32
        Places of the positive and of the negative numbers in their bucket, ascending.
    """
    cdef Py_ssize_t n = values.shape[0], n_parts = counts.shape[0], c
    keep_array = np.empty(n, dtype=np.uint8)
    cdef uint8_t[::1] keep = keep_array
    inside_arrays = []
    offsets_array = np.zeros((2, n_parts + 1), dtype=np.int64)
    for sign, place in enumerate((positive, negative)):
        if place >= 0:
            np.cumsum(np.asarray(counts[:, sign, place]), out=offsets_array[sign, 1:])
        inside_arrays.append(np.empty(offsets_array[sign, n_parts], dtype=np.int32))
    cdef int64_t[:, ::1] offsets = offsets_array
    cdef int32_t[::1] inside_positive = inside_arrays[0]
    cdef int32_t[::1] inside_negative = inside_arrays[1]
    for c in prange(n_parts, num_threads=n_parts, use_threads_if=n_parts > 1, nogil=True,
                    schedule="static", chunksize=1):
        keep_part(values, n * c // n_parts, n * (c + 1) // n_parts, positive, negative, keep,
                  inside_positive, inside_negative, offsets[0, c], offsets[1, c])
    return keep_array, inside_arrays


cdef void keep_part(
    const value_t[::1] values, Py_ssize_t start, Py_ssize_t stop, int64_t positive,
    int64_t negative, uint8_t[::1] keep, int32_t[::1] inside_positive,
    int32_t[::1] inside_negative, int64_t p, int64_t q,
) noexcept nogil:
    cdef Py_ssize_t k
    cdef int64_t place, limit
    cdef bint is_negative
    for k in range(start, stop):
        is_negative = values[k] < 0
        place = bucket(values[k])
        limit = positive + is_negative * (negative - positive)
        keep[k] = place > limit
        if place == limit:
            if is_negative:
                inside_negative[q] = <int32_t> k
                q = q + 1
            else:
                inside_positive[p] = <int32_t> k
                p = p + 1
