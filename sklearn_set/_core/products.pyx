"""A sparse matrix, or its transpose, times a table of numbers, by several threads.

For what is asked of a network or of data between the steps of training.  Sums are taken number by
number in the order of the matrix, as SciPy's products take them.  Knows neither layers nor what
the numbers mean.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t

import numpy as np

from sklearn_set._core.measured cimport SERIAL_PRODUCTS

ctypedef fused real_t:
    float
    double


cdef inline void add_scaled(
    real_t* sums, real_t value, const real_t* row, Py_ssize_t width,
) noexcept nogil:
    cdef Py_ssize_t b
    for b in range(width):
        sums[b] += value * row[b]


def times_table(
    const int32_t[::1] indptr, const int32_t[::1] indices, const real_t[::1] values,
    const real_t[:, ::1] table, const int32_t[::1] chunks, int n_threads=1,
):
    """The matrix times a table.

    Parameters
    ----------
    indptr : ndarray of shape (n_rows + 1,), int32
        With `indices` and `values` a CSR matrix of shape (n_rows, n_columns).
    indices : ndarray of shape (n_values,), int32
    values : ndarray of shape (n_values,)
    table : ndarray of shape (n_columns, width)
    chunks : ndarray of shape (n_chunks + 1,), int32
        Cuts of the rows into parts of about equal work.
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    ndarray of shape (n_rows, width)
    """
    cdef Py_ssize_t n_rows = indptr.shape[0] - 1, width = table.shape[1], c
    cdef bint use_threads = n_threads > 1 and values.shape[0] * width >= SERIAL_PRODUCTS
    sums_array = np.empty((n_rows, width), np.float32 if real_t is float else np.float64)
    cdef real_t[:, ::1] sums = sums_array
    if width:
        for c in prange(chunks.shape[0] - 1, num_threads=n_threads, use_threads_if=use_threads,
                        nogil=True, schedule="dynamic", chunksize=1):
            sum_rows(indptr, indices, values, table, sums, chunks[c], chunks[c + 1])
    return sums_array


cdef void sum_rows(
    const int32_t[::1] indptr, const int32_t[::1] indices, const real_t[::1] values,
    const real_t[:, ::1] table, real_t[:, ::1] sums,
    Py_ssize_t start,               # rows [start, stop)
    Py_ssize_t stop,
) noexcept nogil:
    cdef Py_ssize_t i, k, end, b, width = sums.shape[1]
    cdef real_t* row
    cdef real_t total, v0, v1, v2, v3
    cdef const real_t* r0
    cdef const real_t* r1
    cdef const real_t* r2
    cdef const real_t* r3
    for i in range(start, stop):
        row = &sums[i, 0]
        for b in range(width):
            row[b] = 0
        k = indptr[i]
        end = indptr[i + 1]
        while k + 4 <= end:  # one after the other, but the sums are loaded and stored once
            r0 = &table[indices[k], 0]
            r1 = &table[indices[k + 1], 0]
            r2 = &table[indices[k + 2], 0]
            r3 = &table[indices[k + 3], 0]
            v0 = values[k]
            v1 = values[k + 1]
            v2 = values[k + 2]
            v3 = values[k + 3]
            for b in range(width):
                total = row[b] + v0 * r0[b]
                total = total + v1 * r1[b]
                total = total + v2 * r2[b]
                row[b] = total + v3 * r3[b]
            k += 4
        while k < end:
            add_scaled(row, values[k], &table[indices[k], 0], width)
            k += 1


def transpose_times_table(
    const int32_t[::1] indptr, const int32_t[::1] indices, const real_t[::1] values,
    const real_t[:, ::1] table, Py_ssize_t n_columns, int n_threads=1,
):
    """The transpose of the matrix times a table.

    Parameters
    ----------
    indptr : ndarray of shape (n_rows + 1,), int32
        With `indices` and `values` a CSR matrix of shape (n_rows, n_columns).
    indices : ndarray of shape (n_values,), int32
    values : ndarray of shape (n_values,)
    table : ndarray of shape (n_rows, width)
    n_columns : int
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    ndarray of shape (n_columns, width)
    """
    cdef Py_ssize_t width = table.shape[1], c
    cdef Py_ssize_t n_parts = min(n_threads, n_columns)
    if values.shape[0] * width < SERIAL_PRODUCTS:
        n_parts = 1
    sums_array = np.empty((n_columns, width), np.float32 if real_t is float else np.float64)
    cdef real_t[:, ::1] sums = sums_array
    # Several rows add to one sum: threads have sums of their own.
    if width:
        # Always the same number: OpenMP ends threads that a loop does not use, and then must start
        # them anew.
        for c in prange(n_parts, num_threads=n_threads, use_threads_if=n_parts > 1, nogil=True,
                        schedule="static", chunksize=1):
            sum_columns(indptr, indices, values, table, sums, <int32_t> (n_columns * c // n_parts),
                        <int32_t> (n_columns * (c + 1) // n_parts))
    return sums_array


cdef void sum_columns(
    const int32_t[::1] indptr, const int32_t[::1] indices, const real_t[::1] values,
    const real_t[:, ::1] table, real_t[:, ::1] sums,
    int32_t start,                  # columns [start, stop)
    int32_t stop,
) noexcept nogil:
    cdef Py_ssize_t i, j, k, b, width = sums.shape[1]
    for j in range(start, stop):
        for b in range(width):
            sums[j, b] = 0
    for i in range(indptr.shape[0] - 1):
        for k in range(indptr[i], indptr[i + 1]):
            if start <= indices[k] < stop:
                add_scaled(&sums[indices[k], 0], values[k], &table[i, 0], width)
