"""Backward through the connections of one input neuron: gradients, and the sum of its deltas.

Knows the slots of one neuron and the deltas of the neurons they lead to.  Must not know what is
done with the gradients, nor layers before or behind, nor threads.
"""

from libc.stdint cimport int32_t

from sklearn_set._core.lanes cimport (
    MAX_BLOCK, PREFETCH,
    block_1, block_2, block_4, block_8, block_16, block_32, block_64, block_128, block_t,
    block_add, block_add_scaled, block_chains, block_dot, block_dot4, block_dot4_add, block_fill,
    block_load, block_store, block_width, real_t,
)
from sklearn_set._core.measured cimport (
    FAR_DISTANCE, LONGEST_FAR, PREFETCH_DISTANCE, SHORTEST_FAR, UPDATED_AHEAD,
    WIDEST_BACKWARD as WIDEST,
)
from sklearn_set._core.rows cimport extent_t, part_of_row, prefetch_row, whole_row
from sklearn_set._core.types cimport LayerView

cdef enum:
    NARROWEST = 8               # narrower rows are one block, see backward.pxd


cdef inline void add_four(
    block_t* x,                 # IN a block of the input neuron's row
    const real_t** rows,        # IN the deltas of four output neurons
    const real_t* weights,      # IN (4,) of the connections with them
    block_t* even,              # INOUT weighted sums of deltas
    block_t* odd,
    bint takes_sums,            # or these are left alone
    real_t* gradients,          # INOUT (4,)
    bint is_first,
) noexcept nogil:
    cdef real_t dots[4]
    cdef int q
    if takes_sums:
        block_dot4_add(x, rows[0], rows[1], rows[2], rows[3], dots, weights, even, odd)
    else:
        block_dot4(x, rows[0], rows[1], rows[2], rows[3], dots)
    for q in range(4):
        gradients[q] = dots[q] if is_first else gradients[q] + dots[q]


cdef inline void backward_block(
    block_t* width_tag,         # its type is the width, its value is never read
    extent_t* extent_tag,
    const LayerView* layer,
    int32_t i,
    const real_t* deltas,       # IN (n_out, width)
    const real_t* row,          # IN (width,) outputs of neuron i
    real_t* sums,               # OUT (width,) weighted sum of deltas, or NULL
    real_t* gradients,          # INOUT (degree of i + 3,) set by the first block, others add
    Py_ssize_t row_width,
    Py_ssize_t offset,
    bint prefetch,
) noexcept nogil:
    cdef block_t x, even, odd
    cdef Py_ssize_t lead = (
        FAR_DISTANCE if SHORTEST_FAR <= block_width(&x) <= LONGEST_FAR else PREFETCH_DISTANCE)
    cdef Py_ssize_t width = block_width(&x) if extent_t is whole_row else row_width
    cdef bint is_first = extent_t is whole_row or offset == 0, takes_sums = sums != NULL
    cdef real_t rest[4]
    cdef const real_t* rows[4]
    cdef const real_t* table = deltas + offset
    cdef const int32_t* indices = layer.indices
    cdef const real_t* weights = layer.weights
    cdef Py_ssize_t k = layer.indptr[i], end = layer.indptr[i + 1]
    cdef Py_ssize_t last = layer.indptr[layer.n_in] - 3, ahead, q
    cdef const real_t* first = layer.moments[0]
    if first == NULL:
        first = weights
    block_load(&x, row + offset)
    block_fill(&even, 0)
    block_fill(&odd, 0)
    gradients -= k
    while k + 4 <= end:
        if prefetch and k + lead < last:
            for q in range(4):
                prefetch_row(table + indices[k + lead + q] * width, block_width(&x))
        if is_first:
            # What the update will read; weights and indices are read here, and so come in time.
            PREFETCH(first + k + UPDATED_AHEAD)
        for q in range(4):
            rows[q] = table + indices[k + q] * width
        add_four(&x, rows, weights + k, &even, &odd, takes_sums, gradients + k, is_first)
        k += 4
    if block_width(&x) <= 2 and k < end:
        # Where rows are short, the last one to three as if they were four, without a loop whose
        # end cannot be guessed: what is too much has weight zero, and its gradient is overwritten
        # by the next neuron's.
        for q in range(4):
            ahead = k + q if k + q < end else k
            rest[q] = weights[ahead] if k + q < end else 0
            rows[q] = table + indices[ahead] * width
        add_four(&x, rows, rest, &even, &odd, takes_sums, gradients + k, is_first)
        k = end
    while k < end:
        if prefetch and k + lead < last:
            prefetch_row(table + indices[k + lead] * width, block_width(&x))
        rows[0] = table + indices[k] * width
        if takes_sums:
            block_add_scaled(&even, weights[k], rows[0])
        gradients[k] = block_dot(&x, rows[0]) if is_first else (
            gradients[k] + block_dot(&x, rows[0]))
        k += 1
    if takes_sums:
        if block_chains(&even) == 2:
            block_add(&even, &odd)
        block_store(&even, sums + offset)


cdef struct Work:
    # a row of several blocks
    const LayerView* layer
    const real_t* deltas
    const real_t* row
    real_t* sums
    real_t* gradients
    Py_ssize_t width
    int32_t i
    bint prefetch


cdef inline void do_block(block_t* width_tag, const Work* work, Py_ssize_t offset) noexcept nogil:
    backward_block(width_tag, <part_of_row*> NULL, work.layer, work.i, work.deltas, work.row,
                   work.sums, work.gradients, work.width, offset, work.prefetch)


include "ladder.pxi"


cdef inline void backward_parts(
    const LayerView* layer, int32_t i, const real_t* deltas, const real_t* row, real_t* sums,
    real_t* gradients, Py_ssize_t width, bint prefetch,
) noexcept nogil:
    """A row of several blocks, see `backward_block`."""
    cdef Py_ssize_t offset = 0
    cdef Work work
    work.layer = layer
    work.deltas = deltas
    work.row = row
    work.sums = sums
    work.gradients = gradients
    work.width = width
    work.i = i
    work.prefetch = prefetch
    while offset < width:
        offset = do_next_block(&work, width, offset)
