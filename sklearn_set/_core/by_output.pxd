"""Forward by output neuron, for wide batches: a row is built in registers and written once.

Serial over a range of output neurons; whoever calls gives disjoint ranges to different threads.
Knows a layer in the order of its output neurons.  Must not know threads, the data, or the other
passes.
"""

from libc.stdint cimport int32_t, uint32_t

from sklearn_set._core.activations cimport activate, drop
from sklearn_set._core.lanes cimport (
    MAX_BLOCK, PREFETCH,
    block_1, block_2, block_4, block_8, block_16, block_32, block_64, block_128, block_t,
    block_add, block_add_scaled, block_chains, block_fill, block_store, block_width, is_zero,
    real_t,
)
from sklearn_set._core.measured cimport (
    PREFETCH_DISTANCE, PREFETCH_TABLE_BYTES, WIDEST_BY_OUTPUT as WIDEST,
)
from sklearn_set._core.rows cimport prefetch_row
from sklearn_set._core.types cimport LayerView

cdef enum:
    NARROWEST = 1


cdef struct Work:
    # the pre-activations of one output neuron
    const LayerView* layer
    const real_t* inputs        # IN (n_in, width)
    real_t* row                 # OUT (width,)
    Py_ssize_t width
    int32_t j                   # the neuron
    bint prefetch


cdef inline void do_block(block_t* width_tag, const Work* work, Py_ssize_t offset) noexcept nogil:
    # The type of `width_tag` is the width, its value is never read.
    # Two sums, over even and odd connections, halve the chain of dependent additions.
    cdef block_t even, odd
    cdef const LayerView* layer = work.layer
    cdef int32_t j = work.j
    cdef Py_ssize_t width = work.width
    cdef bint prefetch = work.prefetch
    cdef const real_t* table = work.inputs + offset
    cdef const int32_t* indices = layer.t_indices
    cdef const int32_t* slots = layer.t_slots
    cdef const real_t* weights = layer.weights
    cdef Py_ssize_t c = layer.t_indptr[j], end = layer.t_indptr[j + 1]
    cdef Py_ssize_t last = layer.t_indptr[layer.n_out] - 1, ahead
    block_fill(&even, layer.bias[j])
    if block_chains(&even) == 2:
        block_fill(&odd, 0)
    while c + 2 <= end:
        if prefetch:
            ahead = c + PREFETCH_DISTANCE
            if ahead < last:
                prefetch_row(table + indices[ahead] * width, block_width(&even))
                PREFETCH(weights + slots[ahead])
                prefetch_row(table + indices[ahead + 1] * width, block_width(&even))
                PREFETCH(weights + slots[ahead + 1])
        block_add_scaled(&even, weights[slots[c]], table + indices[c] * width)
        if block_chains(&even) == 2:
            block_add_scaled(&odd, weights[slots[c + 1]], table + indices[c + 1] * width)
        else:
            block_add_scaled(&even, weights[slots[c + 1]], table + indices[c + 1] * width)
        c += 2
    if c < end:
        block_add_scaled(&even, weights[slots[c]], table + indices[c] * width)
    if block_chains(&even) == 2:
        block_add(&even, &odd)
    block_store(&even, work.row + offset)


include "ladder.pxi"


cdef inline void finish_row(
    const LayerView* layer, int32_t j, real_t* row, Py_ssize_t width, uint32_t dropout_key,
) noexcept nogil:
    """From pre-activations to outputs, and whether the neuron is silent."""
    activate(layer.activation, layer.parameter, row,
             NULL if layer.slopes == NULL else layer.slopes + j * width, width)
    if layer.dropout > 0:
        drop(dropout_key, <uint32_t> j, layer.dropout, row, width)
    layer.silent_outputs[j] = is_zero(row, width)


cdef inline void forward_rows(
    const LayerView* layer,
    int32_t start,              # output neurons [start, stop)
    int32_t stop,
    const real_t* inputs,       # IN (n_in, width)
    real_t* outputs,            # OUT (n_out, width)
    Py_ssize_t width,
    uint32_t dropout_key,
) noexcept nogil:
    cdef int32_t j
    cdef Py_ssize_t offset
    cdef Work work
    work.layer = layer
    work.inputs = inputs
    work.width = width
    work.prefetch = (
        layer.n_in * width * <Py_ssize_t> sizeof(real_t) > PREFETCH_TABLE_BYTES)
    for j in range(start, stop):
        work.j = j
        work.row = outputs + j * width
        offset = 0
        while offset < width:
            offset = do_next_block(&work, width, offset)
        finish_row(layer, j, work.row, width, dropout_key)
