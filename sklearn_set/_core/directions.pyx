"""What follows from the connections of a topology: the other direction, and cuts for threads.

Knows integers alone; must not know weights, or that topologies change.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t

import numpy as np

from sklearn_set._core.parts cimport parts


def count_by_output(const int32_t[::1] indices, int32_t n_out, int n_threads=1):
    """Where the connections of each output neuron begin, when they are sorted by it.

    Parameters
    ----------
    indices : ndarray of shape (n_connections,), int32
    n_out : int
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    t_indptr : ndarray of shape (n_out + 1,), int32
    """
    cdef Py_ssize_t n = indices.shape[0]
    cdef int n_parts = parts_by_output(n, n_out, n_threads)
    cuts_array = np.array([n * part // n_parts for part in range(n_parts + 1)],
                          dtype=np.int64)
    counts = count_in_parts(indices, cuts_array, n_out, n_threads)
    t_indptr = np.zeros(<int64_t> n_out + 1, dtype=np.int32)
    np.cumsum(counts[0] if n_parts == 1 else counts.sum(axis=0, dtype=np.int32),
              out=t_indptr[1:])
    return t_indptr


cdef int parts_by_output(Py_ssize_t n, Py_ssize_t n_out, int n_threads):
    """In how many parts to count: each has a number for every output neuron."""
    return max(1, min(parts(n, n_threads), n // max(4 * n_out, 1)))


cdef count_in_parts(
    const int32_t[::1] indices, const int64_t[::1] cuts, int32_t n_out, int n_threads,
):
    """How many connections of each output neuron lie between every two cuts of the slots."""
    cdef Py_ssize_t n_parts = cuts.shape[0] - 1, c, k
    counts_array = np.zeros((n_parts, n_out), dtype=np.int32)
    cdef int32_t[:, ::1] counts = counts_array
    for c in prange(n_parts, num_threads=n_threads, use_threads_if=n_parts > 1, nogil=True,
                    schedule="static", chunksize=1):
        for k in range(cuts[c], cuts[c + 1]):
            counts[c, indices[k]] += 1
    return counts_array


def transpose(
    const int32_t[::1] indptr, const int32_t[::1] indices, const int32_t[::1] t_indptr,
    int n_threads=1,
):
    """The same connections by output neuron, by counting.

    Parameters
    ----------
    indptr : ndarray of shape (n_in + 1,), int32
    indices : ndarray of shape (n_connections,), int32
    t_indptr : ndarray of shape (n_out + 1,), int32
        As `count_by_output` returns it.
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    t_indices : ndarray of shape (n_connections,), int32
        Input neurons, ascending within an output neuron.
    t_slots : ndarray of shape (n_connections,), int32
    """
    cdef Py_ssize_t n_in = indptr.shape[0] - 1, n = indices.shape[0], c
    cdef int32_t n_out = <int32_t> (t_indptr.shape[0] - 1)
    cdef int n_parts = parts_by_output(n, n_out, n_threads)
    rows_array = np.searchsorted(indptr, np.linspace(0, n, n_parts + 1))
    rows_array[0] = 0
    rows_array[n_parts] = n_in
    # Where the connections of each output neuron go that a part finds.
    places_array = np.empty((n_parts, n_out), dtype=np.int32)
    places_array[0] = t_indptr[:n_out]
    if n_parts > 1:
        cuts_array = np.asarray(indptr)[rows_array].astype(np.int64)
        np.cumsum(count_in_parts(indices, cuts_array, n_out, n_threads)[: n_parts - 1],
                  axis=0, out=places_array[1:])
        places_array[1:] += places_array[0]
    t_indices_array = np.empty(n, dtype=np.int32)
    t_slots_array = np.empty(n, dtype=np.int32)
    cdef int64_t[::1] rows = rows_array
    cdef int32_t[:, ::1] places = places_array
    cdef int32_t[::1] t_indices = t_indices_array
    cdef int32_t[::1] t_slots = t_slots_array
    for c in prange(n_parts, num_threads=n_threads, use_threads_if=n_parts > 1, nogil=True,
                    schedule="static", chunksize=1):
        transpose_rows(indptr, indices, rows[c], rows[c + 1], places[c], t_indices, t_slots)
    return t_indices_array, t_slots_array


cdef void transpose_rows(
    const int32_t[::1] indptr, const int32_t[::1] indices, Py_ssize_t start, Py_ssize_t stop,
    int32_t[::1] next_place, int32_t[::1] t_indices, int32_t[::1] t_slots,
) noexcept nogil:
    """Put the connections of the input neurons [start, stop) where they belong."""
    cdef Py_ssize_t i, k
    cdef int32_t place
    for i in range(start, stop):
        for k in range(indptr[i], indptr[i + 1]):
            place = next_place[indices[k]]
            next_place[indices[k]] = place + 1
            t_indices[place] = <int32_t> i
            t_slots[place] = <int32_t> k


def equal_work(const int32_t[::1] indptr, int64_t chunk_work, int64_t max_chunks):
    """Cut neurons into chunks of about equal work: a connection each, and the neuron itself.

    Parameters
    ----------
    indptr : ndarray of shape (n + 1,), int32
        Where the connections of each neuron begin.
    chunk_work : int
        What a chunk should have at least.
    max_chunks : int

    Returns
    -------
    ndarray of shape (n_chunks + 1,), int32
        Ascending, from 0 to n.
    """
    cdef Py_ssize_t n = indptr.shape[0] - 1, low, high, i
    cdef int64_t total = indptr[n] + n, n_chunks, c
    n_chunks = max(1, min(total // chunk_work, max_chunks))
    cuts_array = np.zeros(n_chunks + 1, dtype=np.int32)
    cdef int32_t[::1] cuts = cuts_array
    cdef Py_ssize_t n_cuts = 1
    for c in range(1, n_chunks):
        # the first neuron before which there is enough work
        low, high = cuts[n_cuts - 1], n
        while low < high:
            i = (low + high) // 2
            if (indptr[i] + i) * n_chunks < total * c:
                low = i + 1
            else:
                high = i
        if cuts[n_cuts - 1] < low < n:
            cuts[n_cuts] = <int32_t> low
            n_cuts += 1
    if n > 0:
        cuts[n_cuts] = <int32_t> n
        n_cuts += 1
    return cuts_array[:n_cuts]


def split(
    const int32_t[::1] indptr, const int32_t[::1] indices, const int32_t[::1] t_splits,
    int n_threads=1,
):
    """Where the slots of every input neuron pass from one range of output neurons to the next.

    Parameters
    ----------
    indptr : ndarray of shape (n_in + 1,), int32
    indices : ndarray of shape (n_connections,), int32
        Ascending within a row.
    t_splits : ndarray of shape (n_splits + 1,), int32
        Ascending cuts of the output neurons, from 0 to n_out.
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    ndarray of shape (n_splits + 1, n_in), int32
        Slots of input neuron i with an output in range p are ``[p, i]`` to ``[p + 1, i]``.
    """
    cdef Py_ssize_t n_in = indptr.shape[0] - 1, n_splits = t_splits.shape[0] - 1, c
    cdef int n_parts = parts(indices.shape[0], n_threads)
    splits_array = np.empty((n_splits + 1, n_in), dtype=np.int32)
    cdef int32_t[:, ::1] splits = splits_array
    for c in prange(n_parts, num_threads=n_threads, use_threads_if=n_parts > 1, nogil=True,
                    schedule="static", chunksize=1):
        split_rows(indptr, indices, t_splits, n_in * c // n_parts, n_in * (c + 1) // n_parts,
                   n_splits, splits)
    return splits_array


cdef void split_rows(
    const int32_t[::1] indptr, const int32_t[::1] indices, const int32_t[::1] t_splits,
    Py_ssize_t start, Py_ssize_t stop, Py_ssize_t n_splits, int32_t[:, ::1] splits,
) noexcept nogil:
    """The input neurons [start, stop)."""
    cdef Py_ssize_t i, k, p
    for i in range(start, stop):
        k = indptr[i]
        for p in range(n_splits):
            while k < indptr[i + 1] and indices[k] < t_splits[p]:
                k += 1
            splits[p, i] = <int32_t> k
        splits[n_splits, i] = indptr[i + 1]


def list_by_part(
    const int32_t[::1] indptr, const int32_t[::1] indices, const int32_t[::1] t_splits,
    int n_threads=1,
):
    """The connections with each range of output neurons, in the order of their slots.

    Parameters
    ----------
    indptr : ndarray of shape (n_in + 1,), int32
    indices : ndarray of shape (n_connections,), int32
    t_splits : ndarray of shape (n_splits + 1,), int32
        Ascending cuts of the output neurons, from 0 to n_out.
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    p_indptr : ndarray of shape (n_splits + 1,), int32
        Where the connections of each range begin.
    p_inputs, p_outputs, p_slots : ndarray of shape (n_connections,), int32
        Input neuron, output neuron and slot of each.
    """
    cdef Py_ssize_t n = indices.shape[0], n_splits = t_splits.shape[0] - 1, c
    cdef int n_parts = parts(n, n_threads)
    ranges_array = np.repeat(np.arange(n_splits, dtype=np.int32), np.diff(t_splits))
    rows_array = np.searchsorted(indptr, np.linspace(0, n, n_parts + 1))
    rows_array[0] = 0
    rows_array[n_parts] = indptr.shape[0] - 1
    # A cache line more than needed, so that no two threads count in one.
    places_array = np.zeros((n_parts, n_splits + 16), dtype=np.int32)
    arrays = [np.empty(n, dtype=np.int32) for _ in range(3)]
    cdef const int32_t[::1] ranges = ranges_array
    cdef int64_t[::1] rows = rows_array
    cdef int32_t[:, ::1] places = places_array
    cdef int32_t[::1] p_inputs = arrays[0], p_outputs = arrays[1], p_slots = arrays[2]
    for c in prange(n_parts, num_threads=n_threads, use_threads_if=n_parts > 1, nogil=True,
                    schedule="static", chunksize=1):
        count_ranges(indices[indptr[rows[c]] : indptr[rows[c + 1]]], ranges, places[c])
    # Range by range, and within one part by part.
    counts = places_array[:, :n_splits].T
    ends = counts.cumsum(dtype=np.int32).reshape(n_splits, n_parts)
    p_indptr = np.append(np.int32(0), ends[:, n_parts - 1])
    places_array[:, :n_splits] = (ends - counts).T
    for c in prange(n_parts, num_threads=n_threads, use_threads_if=n_parts > 1, nogil=True,
                    schedule="static", chunksize=1):
        list_rows(indptr, indices, rows[c], rows[c + 1], ranges, places[c], p_inputs, p_outputs,
                  p_slots)
    return p_indptr, *arrays


cdef void count_ranges(
    const int32_t[::1] indices, const int32_t[::1] ranges, int32_t[::1] counts,
) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(indices.shape[0]):
        counts[ranges[indices[k]]] += 1


cdef void list_rows(
    const int32_t[::1] indptr, const int32_t[::1] indices, Py_ssize_t start, Py_ssize_t stop,
    const int32_t[::1] ranges, int32_t[::1] next_place, int32_t[::1] p_inputs,
    int32_t[::1] p_outputs, int32_t[::1] p_slots,
) noexcept nogil:
    """Put the connections of the input neurons [start, stop) where they belong."""
    cdef Py_ssize_t i, k
    cdef int32_t place, r
    for i in range(start, stop):
        for k in range(indptr[i], indptr[i + 1]):
            r = ranges[indices[k]]
            place = next_place[r]
            next_place[r] = place + 1
            p_inputs[place] = <int32_t> i
            p_outputs[place] = indices[k]
            p_slots[place] = <int32_t> k
