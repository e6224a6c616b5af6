# The batch, transposed: from samples of an array or of CSR to one row for each feature.
#
# Gives each thread whole features, or of CSR whole samples.  Knows the data, their units, mixtures
# of two samples, which features have connections, and the dropout of features; must not know what a
# network makes of them.

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memset

import numpy as np

from sklearn_set._core.activations cimport drop
from sklearn_set._core.lanes cimport TILE, is_zero, real_t, transpose_tile
from sklearn_set._core.measured cimport FEATURES, FEW_CONNECTED, SERIAL_GATHER
from sklearn_set._core.rows cimport prefetch_row
from sklearn_set._core.types cimport BatchView, LayerView


cdef inline bint is_ignored(const BatchView* batch, Py_ssize_t b) noexcept nogil:
    """Whether column b must leave no trace: padding, or a sample of weight zero."""
    return b >= batch.n_batch or (
        batch.sample_weight != NULL and batch.sample_weight[batch.rows[b]] == 0)


cdef const int32_t* where_few_are_connected(const LayerView* layer) noexcept nogil:
    """Where the connections of each feature begin, if most have none; else NULL."""
    cdef Py_ssize_t f, n_connected = 0
    for f in range(layer.n_in):
        n_connected += layer.indptr[f] < layer.indptr[f + 1]
    return layer.indptr if 2 * n_connected < layer.n_in else NULL


cdef inline bint has_connections(
    const BatchView* batch, Py_ssize_t start, Py_ssize_t stop,
) noexcept nogil:
    """Whether anybody will read one of the features [start, stop)."""
    return batch.connections == NULL or batch.connections[start] < batch.connections[stop]


cdef inline void finish_features(
    const BatchView* batch, real_t* table, uint8_t* silent, Py_ssize_t start, Py_ssize_t stop,
) noexcept nogil:
    """Units and dropout of the features [start, stop), and whether they are silent.

    One without a connection is silent, and its row means nothing.

    The offset comes off padding columns too: these leave no trace, as their deltas are zero.
    """
    cdef Py_ssize_t f, b, width = batch.width
    cdef real_t offset, relevance, factor = batch.factor
    for f in range(start, stop):
        if not has_connections(batch, f, f + 1):
            silent[f] = True
            continue
        if batch.offset != NULL and batch.offset[f] != 0:
            offset = batch.offset[f]
            for b in range(width):
                table[f * width + b] -= offset
        if factor != 1:
            for b in range(width):
                table[f * width + b] *= factor
        if batch.relevance != NULL:
            relevance = batch.relevance[f]
            for b in range(width):
                table[f * width + b] *= relevance
        if batch.dropout > 0:
            drop(batch.dropout_key, <uint32_t> f, batch.dropout, table + f * width, width)
        silent[f] = is_zero(table + f * width, width)


cdef inline void gather_features(
    const BatchView* batch, real_t* table, Py_ssize_t start, Py_ssize_t stop,
) noexcept nogil:
    """Transpose the features [start, stop) of the batch's samples into table (n_features, width).

    Whole tiles in registers, the rest number by number.  Where few features have connections, only
    these are read.
    """
    cdef Py_ssize_t f, n_connected = stop - start
    if batch.connections != NULL:
        n_connected = 0
        for f in range(start, stop):
            n_connected += has_connections(batch, f, f + 1)
    if n_connected * FEW_CONNECTED > stop - start:
        gather_all(batch, table, start, stop)
        return
    for f in range(start, stop):
        if has_connections(batch, f, f + 1):
            gather_all(batch, table, f, f + 1)


cdef inline void gather_all(
    const BatchView* batch, real_t* table, Py_ssize_t start, Py_ssize_t stop,
) noexcept nogil:
    """At most FEATURES of them."""
    cdef const real_t* samples[TILE]
    cdef real_t mixed[TILE * FEATURES]
    cdef Py_ssize_t b, f, q, width = batch.width, tiled
    b = 0
    if TILE <= width:
        prefetch_samples(batch, 0, start, stop)
    while b < width:
        tiled = start
        prefetch_samples(batch, b + TILE, start, stop)
        if read_samples(batch, b, start, stop, mixed, samples) == TILE:
            while tiled + TILE <= stop:
                transpose_tile(samples, tiled - start, table + tiled * width + b, width)
                tiled = tiled + TILE
        for q in range(b, min(b + TILE, width)):
            if samples[q - b] == NULL:
                for f in range(tiled, stop):
                    table[f * width + q] = 0
            else:
                for f in range(tiled, stop):
                    table[f * width + q] = samples[q - b][f - start]
        b = b + TILE


cdef inline const real_t* row_of_X(
    const BatchView* batch, int32_t row, Py_ssize_t start,
) noexcept nogil:
    return batch.dense + <Py_ssize_t> row * batch.n_features + start


cdef inline void prefetch_samples(
    const BatchView* batch, Py_ssize_t b, Py_ssize_t start, Py_ssize_t stop,
) noexcept nogil:
    """Features [start, stop) of the samples of the tile that begins with column b, if any."""
    cdef Py_ssize_t q
    for q in range(b, min(b + TILE, batch.n_batch)):
        if batch.first == NULL:
            prefetch_row(row_of_X(batch, batch.rows[q], start), stop - start)
        else:
            prefetch_row(row_of_X(batch, batch.first[batch.rows[q]], start), stop - start)
            prefetch_row(row_of_X(batch, batch.second[batch.rows[q]], start), stop - start)


cdef inline int read_samples(
    const BatchView* batch, Py_ssize_t b, Py_ssize_t start, Py_ssize_t stop,
    real_t* mixed,              # room for the features of a tile
    const real_t** samples,     # OUT the features [start, stop) of each sample, NULL if ignored
) noexcept nogil:
    """The samples of the tile that begins with column b; return how many are not ignored."""
    cdef Py_ssize_t q
    cdef int n_read = 0
    cdef int32_t row
    for q in range(TILE):
        if is_ignored(batch, b + q):
            samples[q] = NULL
            continue
        n_read += 1
        row = batch.rows[b + q]
        if batch.first == NULL:
            samples[q] = row_of_X(batch, row, start)
        else:
            mix(row_of_X(batch, batch.first[row], start), row_of_X(batch, batch.second[row], start),
                batch.share[row], stop - start, mixed + q * FEATURES)
            samples[q] = mixed + q * FEATURES
    return n_read


cdef inline void mix(
    const real_t* first, const real_t* second, real_t share, Py_ssize_t n, real_t* mixed,
) noexcept nogil:
    # Two loops: the product is rounded before the addition, as it is for sparse samples.
    cdef Py_ssize_t f
    cdef real_t other = 1 - share
    for f in range(n):
        mixed[f] = share * first[f]
    for f in range(n):
        mixed[f] += other * second[f]


cdef inline void scatter_sample(
    const BatchView* batch, Py_ssize_t b, real_t* table,
) noexcept nogil:
    cdef int32_t row = batch.rows[b]
    cdef real_t share
    if batch.first == NULL:
        scatter_row(batch, row, b, 1, table)
    else:
        share = batch.share[row]
        scatter_row(batch, batch.first[row], b, share, table)
        scatter_row(batch, batch.second[row], b, 1 - share, table)


cdef inline void scatter_row(
    const BatchView* batch, int64_t row, Py_ssize_t b, real_t share, real_t* table,
) noexcept nogil:
    cdef int64_t c
    for c in range(batch.csr_indptr[row], batch.csr_indptr[row + 1]):
        # += : the format allows an entry to be given in several parts
        table[batch.csr_indices[c] * batch.width + b] += share * batch.csr_data[c]


cdef void gather(
    const BatchView* batch, real_t* table, uint8_t* silent, int n_threads,
) noexcept nogil:
    """The batch, neuron by neuron: from here on the format of X is forgotten."""
    cdef Py_ssize_t n_features = batch.n_features, width = batch.width
    # Small enough for every thread to have some; a multiple of what is transposed in registers.
    cdef Py_ssize_t size = min(max(n_features // (4 * n_threads), 16) // 16 * 16, FEATURES)
    cdef Py_ssize_t c, b, n_chunks = (n_features + size - 1) // size
    cdef bint use_threads = n_threads > 1 and n_features * width > SERIAL_GATHER
    if batch.dense != NULL:
        for c in prange(n_chunks, num_threads=n_threads, use_threads_if=use_threads,
                        schedule="static"):
            gather_features(batch, table, c * size, min((c + 1) * size, n_features))
            finish_features(batch, table, silent, c * size,
                            min((c + 1) * size, n_features))
        return
    for c in prange(n_chunks, num_threads=n_threads, use_threads_if=use_threads,
                    schedule="static"):
        memset(table + c * size * width, 0,
               min(size, n_features - c * size) * width * sizeof(real_t))
    for b in prange(batch.n_batch, num_threads=n_threads, use_threads_if=use_threads,
                    schedule="static"):
        if not is_ignored(batch, b):
            scatter_sample(batch, b, table)
    for c in prange(n_chunks, num_threads=n_threads, use_threads_if=use_threads,
                    schedule="static"):
        finish_features(batch, table, silent, c * size, min((c + 1) * size, n_features))


def table_of(X, const int32_t[::1] rows, int n_features, offset=None, double factor=1,
             relevance=None, int n_threads=1):
    """Some samples as a network reads them, feature by feature.

    Parameters
    ----------
    X : Samples
        As for `Stepper`.
    rows : ndarray of shape (n_rows,), int32
        The samples.
    n_features : int
    offset : ndarray of shape (n_features,), default=None
        Subtracted from the features.
    factor : float, default=1.0
        What they are multiplied by then.
    relevance : ndarray of shape (n_features,), default=None
        What each feature is multiplied by, too.
    n_threads : int, default=1

    Returns
    -------
    ndarray of shape (n_features, n_rows)
    """
    cdef BatchView batch
    cdef uint8_t[::1] silent = np.empty(n_features, np.uint8)
    table = np.empty((n_features, rows.shape[0]), REAL_DTYPE)
    if rows.shape[0] == 0 or n_features == 0:
        return table
    cdef real_t* numbers = reals(table)
    memset(&batch, 0, sizeof(BatchView))
    view_data(&batch, X)
    batch.n_features = n_features
    batch.offset = const_reals(offset)
    batch.factor = factor
    batch.relevance = const_reals(relevance)
    batch.rows = &rows[0]
    batch.n_batch = <int32_t> rows.shape[0]
    batch.width = rows.shape[0]
    with nogil:
        gather(&batch, numbers, &silent[0], n_threads)
    return table
