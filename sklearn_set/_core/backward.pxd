"""Backward and update: deltas, gradients and the optimizer's step, over a range of input neurons.

Serial; whoever calls gives disjoint ranges to different threads.  Knows a layer and the one below
it, whose deltas it makes.  Must not know threads, the data, or how a forward pass goes.
"""

from libc.stdint cimport int32_t, uint32_t

from sklearn_set._core.activations cimport drop, kept_share, multiply_by_slope, zero_means_flat
from sklearn_set._core.backward_row cimport backward_block, backward_parts
from sklearn_set._core.lanes cimport (
    MAX_BLOCK,
    block_1, block_2, block_4, block_8, block_16, block_32, block_64, block_128, block_t,
    block_width, real_t,
)
from sklearn_set._core.measured cimport (
    FLUSH_SLOTS, PREFETCH_TABLE_BYTES, ROWS_AHEAD, WIDEST_ROW as WIDEST,
)
from sklearn_set._core.rows cimport (
    extent_t, is_one_block, part_of_row, prefetch_row, row_total, whole_row,
)
from sklearn_set._core.types cimport LayerView
from sklearn_set._core.updates cimport UpdateRule, sum_of_squares, update

cdef enum:
    NARROWEST = 1


cdef inline double update_slots(
    const LayerView* layer, const UpdateRule* rule, const real_t* gradients, Py_ssize_t start,
    Py_ssize_t stop,
) noexcept nogil:
    """Step the connections [start, stop); return the sum of squares of their new weights."""
    cdef real_t* first = NULL if layer.moments[0] == NULL else layer.moments[0] + start
    cdef real_t* second = NULL if layer.moments[1] == NULL else layer.moments[1] + start
    update(rule, gradients, layer.weights + start, first, second, stop - start,
           rule.l2, rule.shrink)
    return sum_of_squares(layer.weights + start, stop - start)


cdef inline void update_biases(
    const LayerView* layer, const UpdateRule* rule, const real_t* deltas, Py_ssize_t width,
    int32_t start, int32_t stop, real_t* gradients,
) noexcept nogil:
    """Step the biases of the output neurons [start, stop): no L2 and no decay, as in the MLP.

    The gradient of a bias is the sum of its neuron's deltas; `gradients` is scratch memory of at
    least FLUSH_SLOTS numbers.
    """
    cdef int32_t j, begin = start, end
    while begin < stop:
        end = begin + FLUSH_SLOTS if stop - begin > FLUSH_SLOTS else stop
        for j in range(begin, end):
            gradients[j - begin] = row_total(deltas + j * width, width)
        update(rule, gradients, layer.bias + begin,
               NULL if layer.bias_moments[0] == NULL else layer.bias_moments[0] + begin,
               NULL if layer.bias_moments[1] == NULL else layer.bias_moments[1] + begin,
               end - begin, 0, 1)
        begin = end


cdef inline double backward_range(
    block_t* width_tag,
    extent_t* extent_tag,
    const LayerView* layer,
    const LayerView* below,     # the layer whose outputs are this one's inputs; NULL for data
    int32_t start,              # input neurons [start, stop)
    int32_t stop,
    const real_t* deltas,       # IN (n_out, width)
    real_t* inputs,             # INOUT (n_in, width) outputs of `below`, replaced by its deltas
    Py_ssize_t row_width,
    const UpdateRule* rule,
    uint32_t dropout_key,       # of `below`
    real_t* gradients,          # scratch, FLUSH_SLOTS + largest degree + 3
    real_t* sums,               # scratch (width,)
) noexcept nogil:
    """See `backward_rows`; one function for each width, so that its loops know it."""
    cdef Py_ssize_t width = block_width(width_tag) if extent_t is whole_row else row_width
    cdef int32_t i
    cdef Py_ssize_t b, k, flushed = layer.indptr[start]
    cdef double squares = 0
    cdef real_t* row
    cdef bint prefetch = layer.is_shared or (
        layer.n_out * width * <Py_ssize_t> sizeof(real_t) > PREFETCH_TABLE_BYTES)
    # A neuron that is silent for the whole batch has no gradient, and no delta if its
    # activation is flat at zero.
    cdef bint skip_silent = below == NULL or zero_means_flat(below.activation)
    for i in range(start, stop):
        row = inputs + i * width
        if prefetch and stop - i > ROWS_AHEAD:
            prefetch_row(row + ROWS_AHEAD * width, width)
        if layer.indptr[i] - flushed >= FLUSH_SLOTS:
            squares += update_slots(layer, rule, gradients, flushed, layer.indptr[i])
            flushed = layer.indptr[i]
        if skip_silent and layer.silent[i]:
            for k in range(layer.indptr[i], layer.indptr[i + 1]):
                gradients[k - flushed] = 0
            continue
        if extent_t is whole_row:
            backward_block(width_tag, extent_tag, layer, i, deltas, row,
                           NULL if below == NULL else sums,
                           gradients + (layer.indptr[i] - flushed), width, 0, prefetch)
        else:
            backward_parts(layer, i, deltas, row, NULL if below == NULL else sums,
                           gradients + (layer.indptr[i] - flushed), width, prefetch)
        if below != NULL:
            if below.dropout > 0:
                for b in range(width):
                    row[b] = row[b] * kept_share(below.dropout)
            multiply_by_slope(
                below.activation, below.parameter, row,
                NULL if below.slopes == NULL else below.slopes + i * width, sums, width)
            if below.dropout > 0:
                drop(dropout_key, <uint32_t> i, below.dropout, sums, width)
            for b in range(width):
                row[b] = sums[b]
    squares += update_slots(layer, rule, gradients, flushed, layer.indptr[stop])
    if below != NULL:
        update_biases(below, rule, inputs, width, start, stop, gradients)
    return squares


cdef struct Work:
    # a range of neurons whose rows are one block; see `backward_rows`
    const LayerView* layer
    const LayerView* below
    const real_t* deltas
    real_t* inputs
    const UpdateRule* rule
    real_t* gradients
    real_t* sums
    double squares              # OUT
    int32_t start
    int32_t stop
    uint32_t dropout_key


cdef inline void do_block(block_t* width_tag, Work* work, Py_ssize_t offset) noexcept nogil:
    work.squares = backward_range(
        width_tag, <whole_row*> NULL, work.layer, work.below, work.start, work.stop, work.deltas,
        work.inputs, block_width(width_tag), work.rule, work.dropout_key, work.gradients,
        work.sums)


include "ladder.pxi"


cdef inline double backward_rows(
    const LayerView* layer,
    const LayerView* below,     # the layer whose outputs are this one's inputs; NULL for data
    int32_t start,              # input neurons [start, stop)
    int32_t stop,
    const real_t* deltas,       # IN (n_out, width)
    real_t* inputs,             # INOUT (n_in, width) outputs of `below`, replaced by its deltas
    Py_ssize_t width,
    const UpdateRule* rule,
    uint32_t dropout_key,       # of `below`
    real_t* gradients,          # scratch, FLUSH_SLOTS + largest degree + 3
    real_t* sums,               # scratch (width,)
) noexcept nogil:
    """Deltas of the inputs, gradients and optimizer step in one pass over the connections.

    Returns the sum of squares of the new weights: the L2 penalty of the next batch, and not
    finite as soon as one weight is not.
    """
    cdef Work work
    if not is_one_block(width):
        return backward_range(<block_8*> NULL, <part_of_row*> NULL, layer, below, start, stop,
                              deltas, inputs, width, rule, dropout_key, gradients, sums)
    work.layer = layer
    work.below = below
    work.deltas = deltas
    work.inputs = inputs
    work.rule = rule
    work.gradients = gradients
    work.sums = sums
    work.start = start
    work.stop = stop
    work.dropout_key = dropout_key
    do_next_block(&work, width, 0)
    return work.squares
