"""Integer work on topologies: transpose, splice newcomers in, carry what belongs to slots.

Knows neither weights nor why a connection is pruned or grown: it is told which slots stay and
which of the free positions are taken.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

import numpy as np

ctypedef fused value_t:
    float
    double


def count_by_output(const int32_t[::1] indices, int32_t n_out):
    """Where the connections of each output neuron begin, when they are sorted by it.

    Parameters
    ----------
    indices : ndarray of shape (n_connections,), int32
    n_out : int

    Returns
    -------
    t_indptr : ndarray of shape (n_out + 1,), int32
    """
    cdef Py_ssize_t n = indices.shape[0], k, j
    t_indptr_array = np.zeros(n_out + 1, dtype=np.int32)
    cdef int32_t[::1] t_indptr = t_indptr_array
    with nogil:
        for k in range(n):
            t_indptr[indices[k] + 1] += 1
        for j in range(n_out):
            t_indptr[j + 1] += t_indptr[j]
    return t_indptr_array


def transpose(
    const int32_t[::1] indptr, const int32_t[::1] indices, const int32_t[::1] t_indptr,
):
    """The same connections by output neuron, by counting.

    Parameters
    ----------
    indptr : ndarray of shape (n_in + 1,), int32
    indices : ndarray of shape (n_connections,), int32
    t_indptr : ndarray of shape (n_out + 1,), int32
        As `count_by_output` returns it.

    Returns
    -------
    t_indices : ndarray of shape (n_connections,), int32
        Input neurons, ascending within an output neuron.
    t_slots : ndarray of shape (n_connections,), int32
    """
    cdef Py_ssize_t n_in = indptr.shape[0] - 1, n = indices.shape[0], i, k
    cdef int32_t place
    t_indices_array = np.empty(n, dtype=np.int32)
    t_slots_array = np.empty(n, dtype=np.int32)
    next_place_array = np.array(t_indptr)
    cdef int32_t[::1] t_indices = t_indices_array
    cdef int32_t[::1] t_slots = t_slots_array
    cdef int32_t[::1] next_place = next_place_array
    with nogil:
        for i in range(n_in):
            for k in range(indptr[i], indptr[i + 1]):
                place = next_place[indices[k]]
                next_place[indices[k]] = place + 1
                t_indices[place] = <int32_t> i
                t_slots[place] = <int32_t> k
    return t_indices_array, t_slots_array


def split(const int32_t[::1] indptr, const int32_t[::1] indices, const int32_t[::1] t_splits):
    """Where the slots of every input neuron pass from one range of output neurons to the next.

    Parameters
    ----------
    indptr : ndarray of shape (n_in + 1,), int32
    indices : ndarray of shape (n_connections,), int32
        Ascending within a row.
    t_splits : ndarray of shape (n_splits + 1,), int32
        Ascending cuts of the output neurons, from 0 to n_out.

    Returns
    -------
    ndarray of shape (n_splits + 1, n_in), int32
        Slots of input neuron i with an output in range p are ``[p, i]`` to ``[p + 1, i]``.
    """
    cdef Py_ssize_t n_in = indptr.shape[0] - 1, n_splits = t_splits.shape[0] - 1, i, k, p
    splits_array = np.empty((n_splits + 1, n_in), dtype=np.int32)
    cdef int32_t[:, ::1] splits = splits_array
    with nogil:
        for i in range(n_in):
            k = indptr[i]
            for p in range(n_splits):
                while k < indptr[i + 1] and indices[k] < t_splits[p]:
                    k += 1
                splits[p, i] = <int32_t> k
            splits[n_splits, i] = indptr[i + 1]
    return splits_array


def splice(
    const int32_t[::1] indptr,
    const int32_t[::1] indices,
    const uint8_t[::1] keep,
    const int64_t[::1] ranks,
    int32_t n_out,
):
    """Drop the slots that are not kept and add connections at free positions, in one sweep.

    The positions of a layer are numbered row by row, ``input * n_out + output``.  Those not held
    by a kept connection are free; the newcomers are given as ranks among the free ones.

    Parameters
    ----------
    indptr : ndarray of shape (n_in + 1,), int32
    indices : ndarray of shape (n_connections,), int32
        Ascending within a row.
    keep : ndarray of shape (n_connections,), uint8
    ranks : ndarray of shape (n_new,), int64
        Ascending, distinct, below the number of free positions.
    n_out : int

    Returns
    -------
    new_indptr, new_indices : ndarray, int32
    source : ndarray of shape (n_kept + n_new,), int32
        For each new slot the old one, or -1 for a newcomer.
    """
    cdef Py_ssize_t n_in = indptr.shape[0] - 1, n = indices.shape[0], n_new = ranks.shape[0]
    cdef Py_ssize_t i, k, s = 0, c = 0, n_kept = 0
    cdef int64_t base, kept_so_far = 0, position, row_end
    for k in range(n):
        n_kept += keep[k] != 0
    new_indptr_array = np.empty(n_in + 1, dtype=np.int32)
    new_indices_array = np.empty(n_kept + n_new, dtype=np.int32)
    source_array = np.empty(n_kept + n_new, dtype=np.int32)
    cdef int32_t[::1] new_indptr = new_indptr_array
    cdef int32_t[::1] new_indices = new_indices_array
    cdef int32_t[::1] source = source_array
    with nogil:
        new_indptr[0] = 0
        for i in range(n_in):
            base = <int64_t> i * n_out
            row_end = base + n_out
            for k in range(indptr[i], indptr[i + 1]):
                if not keep[k]:
                    continue
                position = base + indices[k]
                # A newcomer of rank r stands at r + (kept connections before it).
                while c < n_new and ranks[c] + kept_so_far < position:
                    new_indices[s] = <int32_t> (ranks[c] + kept_so_far - base)
                    source[s] = -1
                    c += 1
                    s += 1
                new_indices[s] = indices[k]
                source[s] = <int32_t> k
                kept_so_far += 1
                s += 1
            while c < n_new and ranks[c] + kept_so_far < row_end:
                new_indices[s] = <int32_t> (ranks[c] + kept_so_far - base)
                source[s] = -1
                c += 1
                s += 1
            new_indptr[i + 1] = <int32_t> s
    if c < n_new:
        raise ValueError("a rank exceeds the number of free positions")
    return new_indptr_array, new_indices_array, source_array


def carry(const int32_t[::1] source, const value_t[::1] old, const value_t[::1] newborn):
    """Values by new slot: survivors keep theirs, newcomers take `newborn` in order.

    Parameters
    ----------
    source : ndarray of shape (n_connections,), int32
        As `splice` returns it.
    old : ndarray
        Values by old slot.
    newborn : ndarray
        Values of the newcomers, in the order of their slots; empty for zeros.

    Returns
    -------
    ndarray of shape (n_connections,)
    """
    cdef Py_ssize_t n = source.shape[0], s, c = 0
    cdef bint zero = newborn.shape[0] == 0
    result_array = np.empty(n, dtype=np.float32 if value_t is float else np.float64)
    cdef value_t[::1] result = result_array
    with nogil:
        for s in range(n):
            if source[s] >= 0:
                result[s] = old[source[s]]
            elif zero:
                result[s] = 0
            else:
                result[s] = newborn[c]
                c += 1
    return result_array
