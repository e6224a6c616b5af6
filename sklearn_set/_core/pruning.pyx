"""Which of many numbers are nearest zero, without sorting them.

A first pass counts the numbers of each sign by their leading digits.  The counts tell which digits
the threshold has.  A second pass decides all numbers but those with the same digits, and so on with
the next digits of these.  So time is linear in the numbers, whatever their order.  Knows neither
topologies nor what the numbers mean.
"""

from cython.parallel cimport prange
from libc.math cimport INFINITY, fabs
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

import numpy as np

from sklearn_set._core.measured cimport COMPARED
from sklearn_set._core.parts cimport parts

ctypedef fused value_t:
    float
    double

cdef enum:
    # The leading digits of a magnitude, rounded to a float: its exponent and five bits more.
    DROPPED_BITS = 18
    NOT_SIGN = 0x7FFFFFFF
    INFINITE = 0x7F800000
    N_DIGITS = 1 << 13
    # What the digits of those that are equal in these are counted by.
    N_NEXT_DIGITS = 1 << 8

cdef struct Choice:
    uint64_t size           # the bits of a double, which are in the order of the numbers
    int32_t place


def keep_farthest(const value_t[::1] values, double share, int64_t at_most, int n_threads=1):
    """Leave out a share of the positive and of the negative numbers: those nearest zero.

    Of equal numbers the first ones go first.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Zero, of either sign, counts as positive; not-a-number too, as large as infinity.
    share : float in [0, 1]
        Of `m` numbers of a sign, ``floor(share * m)`` are left out.
    at_most : int
        If they were more than so many in all, both counts are lowered in proportion.
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    keep : ndarray of shape (n,), uint8
        0 for those that are left out, else 1.
    """
    cdef Py_ssize_t n = values.shape[0], c, k, n_open
    cdef int n_parts = parts(n, n_threads)
    cdef int sign
    cdef int64_t n_drop[2]
    cdef int64_t missing[2]
    cdef int32_t threshold[2]
    keep_array = np.empty(n, dtype=np.uint8)
    if n == 0:
        return keep_array
    counts_array = np.zeros((n_parts, 2 * N_DIGITS), dtype=np.uint32)
    # As large as it may need to be: memory that is not written costs nothing.
    open_array = np.empty(n, dtype=np.int32)
    n_open_array = np.zeros(n_parts, dtype=np.int64)
    cdef uint8_t[::1] keep = keep_array
    cdef uint32_t[:, ::1] counts = counts_array
    cdef int32_t[::1] undecided = open_array
    cdef int64_t[::1] n_undecided = n_open_array
    for c in prange(n_parts, num_threads=n_threads, use_threads_if=n_parts > 1, nogil=True,
                    schedule="static", chunksize=1):
        count_digits(&values[0], n * c // n_parts, n * (c + 1) // n_parts, &counts[c, 0])
    if n_parts > 1:
        counts_array[0] = counts_array.sum(axis=0, dtype=np.uint32)
    how_many(&counts[0, 0], n, share, at_most, n_drop)
    for sign in range(2):
        threshold[sign] = digits_of_the(
            n_drop[sign], &counts[0, sign * N_DIGITS], &missing[sign])
    for c in prange(n_parts, num_threads=n_threads, use_threads_if=n_parts > 1, nogil=True,
                    schedule="static", chunksize=1):
        n_undecided[c] = keep_part(&values[0], n * c // n_parts, n * (c + 1) // n_parts, threshold,
                                   &keep[0], &undecided[0])
    n_open = n_undecided[0]
    for c in range(1, n_parts):
        for k in range(n_undecided[c]):
            undecided[n_open + k] = undecided[n * c // n_parts + k]
        n_open += n_undecided[c]
    if not leave_out_nearest(&values[0], &undecided[0], n_open, missing, &keep[0]):
        raise MemoryError
    return keep_array


cdef inline int32_t digits_of(value_t value) noexcept nogil:
    """The leading digits of a magnitude; those of negative numbers come after the others'."""
    cdef float rounded = <float> value
    cdef uint32_t bits
    memcpy(&bits, &rounded, sizeof(bits))
    bits &= NOT_SIGN
    bits = min(bits, <uint32_t> INFINITE)  # not-a-number is beyond
    return <int32_t> (bits >> DROPPED_BITS) + (value < 0) * <int32_t> N_DIGITS


cdef void count_digits(
    const value_t* values, Py_ssize_t start, Py_ssize_t stop, uint32_t* counts,
) noexcept nogil:
    cdef Py_ssize_t k, n
    cdef uint16_t digits[COMPARED]
    while start < stop:
        n = min(stop - start, <Py_ssize_t> COMPARED)
        for k in range(n):
            digits[k] = <uint16_t> digits_of(values[start + k])
        for k in range(n):
            counts[digits[k]] += 1
        start += n


cdef void how_many(
    const uint32_t* counts, int64_t n, double share, int64_t at_most, int64_t* n_drop,
) noexcept nogil:
    """How many positive and how many negative numbers to leave out."""
    cdef int64_t n_positive = 0, total
    cdef int32_t d
    for d in range(N_DIGITS):
        n_positive += counts[d]
    n_drop[0] = <int64_t> (share * n_positive)
    n_drop[1] = <int64_t> (share * (n - n_positive))
    total = n_drop[0] + n_drop[1]
    if total > at_most:
        n_drop[0] = at_most * n_drop[0] // total
        n_drop[1] = at_most - n_drop[0]


cdef int32_t digits_of_the(
    int64_t n_drop, const uint32_t* counts,
    int64_t* missing,           # OUT how many numbers with these digits go
) noexcept nogil:
    """The digits of the n-th number from zero; -1 for none."""
    cdef int32_t d = 0
    missing[0] = n_drop
    if n_drop == 0:
        return -1
    while missing[0] > counts[d]:
        missing[0] -= counts[d]
        d += 1
    return d


cdef int64_t keep_part(
    const value_t* values,
    Py_ssize_t start,               # numbers [start, stop)
    Py_ssize_t stop,
    const int32_t* threshold,       # digits, of positive and of negative numbers
    uint8_t* keep,
    int32_t* undecided,             # OUT places of those with the same digits, from `start` on
) noexcept nogil:
    """Keep all beyond the digits of the threshold or on them; return how many are on them."""
    cdef Py_ssize_t k, n, u = start, first = start
    cdef int32_t positive = threshold[0], negative = threshold[1] + N_DIGITS, digits, limit
    cdef uint8_t is_open[COMPARED]
    if threshold[1] < 0:
        negative = -1
    while start < stop:
        n = min(stop - start, <Py_ssize_t> COMPARED)
        for k in range(n):
            digits = digits_of(values[start + k])
            limit = negative if digits >= N_DIGITS else positive
            keep[start + k] = digits >= limit
            is_open[k] = digits == limit
        # Few, at random: written always, counted where it is so, as nobody can guess that.
        for k in range(n):
            undecided[u] = <int32_t> (start + k)
            u += is_open[k]
        start += n
    return u - first


cdef bint leave_out_nearest(
    const value_t* values, const int32_t* places, Py_ssize_t n, const int64_t* missing,
    uint8_t* keep,
) noexcept nogil:
    """Of the numbers at these places leave out so many of each sign; False without memory."""
    cdef Py_ssize_t k, m
    cdef int sign
    cdef double size
    cdef value_t value
    cdef Choice* choices
    if n == 0:
        return True
    choices = <Choice*> malloc(n * sizeof(Choice))
    if choices == NULL:
        return False
    for sign in range(2):
        m = 0
        for k in range(n):
            value = values[places[k]]
            size = INFINITY if value != value else fabs(value)
            memcpy(&choices[m].size, &size, sizeof(size))
            choices[m].place = places[k]
            m += (value < 0) == sign
        leave_out(choices, m, missing[sign], keep)
    free(choices)
    return True


cdef void leave_out(
    Choice* choices,        # in the order of their places; OVERWRITTEN
    Py_ssize_t n,
    int64_t n_nearest,      # at most n
    uint8_t* keep,          # 1 at all these places
) noexcept nogil:
    """Leave out the nearest, digit by digit of their magnitudes."""
    cdef Py_ssize_t k, m
    cdef int shift, own, digit
    cdef uint64_t differing
    cdef uint32_t counts[N_NEXT_DIGITS]
    cdef Choice choice
    while 0 < n_nearest < n:
        differing = bits_that_differ(choices, n)
        if differing == 0:
            break
        shift = 0
        while differing >> shift >= N_NEXT_DIGITS:
            shift += 1
        memset(counts, 0, sizeof(counts))
        for k in range(n):
            counts[next_digit(choices[k], shift)] += 1
        digit = 0
        while n_nearest > counts[digit]:
            n_nearest -= counts[digit]
            digit += 1
        m = 0
        for k in range(n):
            choice = choices[k]
            own = next_digit(choice, shift)
            keep[choice.place] = own >= digit
            choices[m] = choice
            m += own == digit
        n = m
    # All the same, or all to go.
    for k in range(n_nearest):
        keep[choices[k].place] = 0


cdef inline int next_digit(Choice choice, int shift) noexcept nogil:
    return <int> (choice.size >> shift & (N_NEXT_DIGITS - 1))


cdef uint64_t bits_that_differ(const Choice* choices, Py_ssize_t n) noexcept nogil:
    """The bits of the magnitudes that are not the same in all."""
    cdef Py_ssize_t k
    cdef uint64_t differing = 0
    for k in range(1, n):
        differing |= choices[k].size ^ choices[0].size
    return differing
