"""Integer work on topologies: splice newcomers in, carry what belongs to slots.

Knows neither weights nor why a connection is pruned or grown: it is told which slots stay and
which of the free positions are taken.
"""

from cython.parallel cimport prange
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t

import numpy as np

from sklearn_set._core.ascending cimport first_from
from sklearn_set._core.parts cimport parts

ctypedef fused bits_t:
    uint32_t
    uint64_t

ctypedef fused number_t:
    uint8_t
    int32_t
    int64_t


def splice(
    const int32_t[::1] indptr,
    const int32_t[::1] indices,
    const uint8_t[::1] keep,
    const int64_t[::1] ranks,
    int32_t n_out,
    int n_threads=1,
):
    """Drop the slots that are not kept and add connections at free positions, in one sweep.

    The positions of a layer are numbered row by row, ``input * n_out + output``.  Those not held
    by a kept connection are free; the newcomers are given as ranks among the free ones.  What
    stands before a row follows from counts, so that threads can begin anywhere.

    Parameters
    ----------
    indptr : ndarray of shape (n_in + 1,), int32
    indices : ndarray of shape (n_connections,), int32
        Ascending within a row.
    keep : ndarray of shape (n_connections,), uint8
        0 or 1.
    ranks : ndarray of shape (n_new,), int64
        Ascending, distinct, below the number of free positions.
    n_out : int
    n_threads : int, default=1

    Returns
    -------
    new_indptr, new_indices : ndarray, int32
    source : ndarray of shape (n_kept + n_new,), int32
        For each new slot the old one, or -1 for a newcomer.
    """
    cdef Py_ssize_t n_in = indptr.shape[0] - 1, n_new = ranks.shape[0], n, c
    cdef int n_chunks = parts(max(indices.shape[0], n_new), n_threads)
    cdef int64_t[:, ::1] cuts = cut(indptr, keep, ranks, n_out, n_chunks, n_threads)
    cdef int64_t[::1] rows = cuts[0], kept = cuts[1], grown = cuts[2]
    n = kept[n_chunks] + n_new
    new_indptr_array = np.empty(n_in + 1, dtype=np.int32)
    new_indices_array = np.empty(n, dtype=np.int32)
    source_array = np.empty(n, dtype=np.int32)
    cdef int32_t[::1] new_indptr = new_indptr_array
    cdef const int32_t[::1] new_indices = new_indices_array
    cdef const int32_t[::1] source = source_array
    new_indptr[0] = 0
    cdef Place place
    for c in prange(n_chunks, num_threads=n_threads, use_threads_if=n_chunks > 1, nogil=True,
                    schedule="static", chunksize=1):
        place.kept = kept[c]
        place.grown = grown[c]
        place.last = kept[c + 1] + grown[c + 1]
        place.ranks = numbers(ranks)
        place.n_ranks = n_new
        place.indices = <int32_t*> numbers(new_indices)
        place.source = <int32_t*> numbers(source)
        splice_rows(&indptr[0], numbers(indices), numbers(keep), n_out, rows[c], rows[c + 1], place,
                    &new_indptr[0])
    return new_indptr_array, new_indices_array, source_array


cdef int64_t[:, ::1] cut(
    const int32_t[::1] indptr, const uint8_t[::1] keep, const int64_t[::1] ranks, int64_t n_out,
    int n_chunks, int n_threads,
):
    """Where each chunk begins, and the last one ends: rows, what is kept and comes before it."""
    cdef Py_ssize_t n_in = indptr.shape[0] - 1, n_slots = keep.shape[0], c
    cdef int64_t[:, ::1] cuts = np.zeros((3, n_chunks + 1), dtype=np.int64)
    cdef int64_t[::1] rows = cuts[0], kept = cuts[1], found = cuts[2]
    for c in range(1, n_chunks):
        rows[c] = n_in * c // n_chunks
        if n_slots > 0:
            rows[c] = first_from(&indptr[0], 0, n_in + 1, n_slots * c // n_chunks)
    rows[n_chunks] = n_in
    for c in prange(n_chunks, num_threads=n_threads, use_threads_if=n_chunks > 1, nogil=True,
                    schedule="static", chunksize=1):
        kept[c + 1] = count_kept(keep, indptr[rows[c]], indptr[rows[c + 1]])
    for c in range(n_chunks):
        kept[c + 1] += kept[c]
        found[c + 1] = first_from(
            numbers(ranks), 0, ranks.shape[0], rows[c + 1] * n_out - kept[c + 1])
    if found[n_chunks] < ranks.shape[0]:
        raise ValueError("a rank exceeds the number of free positions")
    return cuts


cdef inline const number_t* numbers(const number_t[::1] values) noexcept nogil:
    return &values[0] if values.shape[0] else NULL


cdef struct Place:
    # How far a splice has come, and where it writes.
    int64_t slot                # the next new one
    int64_t last                # the one to stop before
    int64_t kept                # connections kept so far
    int64_t grown               # newcomers so far
    int64_t rank                # of the next newcomer
    int64_t following           # of the one after it
    const int64_t* ranks        # of all newcomers
    int64_t n_ranks
    int32_t* indices
    int32_t* source


cdef void splice_rows(
    const int32_t* indptr, const int32_t* indices, const uint8_t* keep, int64_t n_out,
    Py_ssize_t start,               # input neurons [start, stop)
    Py_ssize_t stop,
    Place place,
    int32_t* new_indptr,
) noexcept nogil:
    cdef Py_ssize_t i, k
    cdef int64_t base
    place.slot = place.kept + place.grown
    place.rank = rank_of(&place, place.grown)
    place.following = rank_of(&place, place.grown + 1)
    for i in range(start, stop):
        base = i * n_out
        for k in range(indptr[i], indptr[i + 1]):
            let_in(&place, base, indices[k])
            # Kept or not: a number, not a branch, which would be as good as random.
            if place.slot < place.last:  # nearly always
                place.indices[place.slot] = indices[k]
                place.source[place.slot] = <int32_t> k
            place.slot += keep[k]
            place.kept += keep[k]
        let_in(&place, base, n_out)
        new_indptr[i + 1] = <int32_t> place.slot


cdef inline void let_in(Place* place, int64_t base, int64_t index) noexcept nogil:
    """The newcomers of a row that come before an index."""
    # A newcomer of rank r stands at r + (connections kept before it).
    cdef int64_t limit = base + index - place.kept
    cdef int64_t comes = (place.rank - limit) >> 63  # -1 or 0
    # One or none: a number, too.  What is written too early is overwritten.
    if place.slot < place.last:
        place.indices[place.slot] = <int32_t> (place.rank + place.kept - base)
        place.source[place.slot] = -1
    place.slot -= comes
    place.grown -= comes
    place.rank ^= (place.rank ^ place.following) & comes
    place.following = rank_of(place, place.grown + 1)
    while place.rank < limit:  # seldom
        place.indices[place.slot] = <int32_t> (place.rank + place.kept - base)
        place.source[place.slot] = -1
        place.slot += 1
        place.grown += 1
        place.rank = place.following
        place.following = rank_of(place, place.grown + 1)


cdef inline int64_t rank_of(const Place* place, int64_t c) noexcept nogil:
    return place.ranks[c] if c < place.n_ranks else INT64_MAX >> 1


cdef int64_t count_kept(const uint8_t[::1] keep, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef Py_ssize_t k
    cdef int64_t total = 0
    for k in range(start, stop):
        total += keep[k]
    return total


def locate(
    const int32_t[::1] indptr, const int32_t[::1] indices, const uint8_t[::1] keep,
    const int64_t[::1] ranks, int64_t n_out, int n_threads=1,
):
    """Where the free positions of the given ranks are: one walk along both.

    Parameters
    ----------
    indptr : ndarray of shape (n_in + 1,), int32
    indices : ndarray of shape (n_connections,), int32
    keep : ndarray of shape (n_connections,), uint8
        Which connections hold their position: 0 or 1.
    ranks : ndarray of shape (n_ranks,), int64
        Ascending ranks among the positions that no kept connection holds.
    n_out : int
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    ndarray of shape (n_ranks,), int64
        Positions, numbered ``input * n_out + output``.
    """
    cdef Py_ssize_t c
    cdef int n_chunks = parts(max(indices.shape[0], ranks.shape[0]), n_threads)
    cdef int64_t[:, ::1] cuts = cut(indptr, keep, ranks, n_out, n_chunks, n_threads)
    cdef int64_t[::1] rows = cuts[0], kept = cuts[1], found = cuts[2]
    result_array = np.empty(ranks.shape[0], dtype=np.int64)
    cdef int64_t[::1] result = result_array
    for c in prange(n_chunks, num_threads=n_threads, use_threads_if=n_chunks > 1, nogil=True,
                    schedule="static", chunksize=1):
        locate_in_rows(indptr, indices, keep, ranks, n_out, rows[c], rows[c + 1], kept[c],
                       found[c], found[c + 1], result)
    return result_array


cdef void locate_in_rows(
    const int32_t[::1] indptr, const int32_t[::1] indices, const uint8_t[::1] keep,
    const int64_t[::1] ranks, int64_t n_out,
    Py_ssize_t start,               # input neurons [start, stop)
    Py_ssize_t stop,
    int64_t n_held,                 # connections kept before them
    Py_ssize_t r,                   # ranks [r, last) are theirs
    Py_ssize_t last,
    int64_t[::1] result,
) noexcept nogil:
    cdef Py_ssize_t i, k, end
    cdef int64_t base, position
    cdef bint comes_first
    for i in range(start, stop):
        base = i * n_out
        k = indptr[i]
        end = indptr[i + 1]
        while k < end and r < last:
            # Which is next, the free position or the connection: numbers, not branches, which
            # would be as good as random.  What is written too early is overwritten.
            position = ranks[r] + n_held
            comes_first = position < base + indices[k]
            result[r] = position
            r += comes_first
            n_held += keep[k] & ~comes_first
            k += not comes_first
    while r < last:
        result[r] = ranks[r] + n_held
        r += 1


def carry(
    const int32_t[::1] source, const bits_t[::1] old, const bits_t[::1] newborn,
    int n_threads=1,
):
    """Values by new slot: survivors keep theirs, newcomers take `newborn` in order.

    Parameters
    ----------
    source : ndarray of shape (n_connections,), int32
        As `splice` returns it.
    old : ndarray of uint32 or uint64
        Values by old slot, seen as bits.
    newborn : ndarray
        Values of the newcomers, in the order of their slots; empty for zeros.
    n_threads : int, default=1

    Returns
    -------
    ndarray of shape (n_connections,)

    Raises
    ------
    ValueError
        If the numbers of newborn values and newcomers differ, or survivors have no old values.
    """
    cdef Py_ssize_t n = source.shape[0], c
    cdef int n_chunks = parts(n, n_threads)
    result_array = np.empty(n, dtype=np.uint32 if bits_t is uint32_t else np.uint64)
    if old.shape[0] == 0:
        if count_newcomers(source, 0, n) < n:
            raise ValueError("there are no old values for connections that survive")
        old = np.zeros(1, dtype=result_array.dtype)  # read, but not used
    cdef bits_t[::1] result = result_array
    cdef int64_t[::1] grown = np.zeros(n_chunks + 1, dtype=np.int64)
    if newborn.shape[0]:
        for c in prange(n_chunks, num_threads=n_threads, use_threads_if=n_chunks > 1, nogil=True,
                        schedule="static", chunksize=1):
            grown[c + 1] = count_newcomers(source, n * c // n_chunks, n * (c + 1) // n_chunks)
        for c in range(n_chunks):
            grown[c + 1] += grown[c]
        if grown[n_chunks] != newborn.shape[0]:
            raise ValueError("there must be as many newborn values as newcomers")
    for c in prange(n_chunks, num_threads=n_threads, use_threads_if=n_chunks > 1, nogil=True,
                    schedule="static", chunksize=1):
        carry_slots(source, old, newborn, n * c // n_chunks, n * (c + 1) // n_chunks, grown[c],
                    result)
    return result_array


cdef int64_t count_newcomers(
    const int32_t[::1] source, Py_ssize_t start, Py_ssize_t stop,
) noexcept nogil:
    cdef Py_ssize_t s
    cdef int64_t total = 0
    for s in range(start, stop):
        total += source[s] < 0
    return total


cdef void carry_slots(
    const int32_t[::1] source, const bits_t[::1] old, const bits_t[::1] newborn,
    Py_ssize_t start, Py_ssize_t stop, int64_t c, bits_t[::1] result,
) noexcept nogil:
    # Masks, not branches: one connection in three is new, at random.
    cdef Py_ssize_t s, last = newborn.shape[0] - 1
    cdef int32_t place
    cdef bits_t is_new
    if last < 0:
        for s in range(start, stop):
            place = source[s]
            result[s] = old[place & ~(place >> 31)] & ~<bits_t> <int64_t> (place >> 31)
    else:
        for s in range(start, stop):
            place = source[s]
            is_new = <bits_t> <int64_t> (place >> 31)
            result[s] = (
                (old[place & ~(place >> 31)] & ~is_new) | (newborn[min(c, last)] & is_new))
            c -= place >> 31
