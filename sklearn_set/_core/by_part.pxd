"""Forward by input neuron in a part of the outputs, where an input has few connections with it.

One loop over the connections of the part, as they are listed: with a loop for each input neuron,
the processor would guess its end wrong each time.  What other processors have written, inputs and
weights, is fetched ahead.

Serial.  Knows a layer in the order of its parts.  Must not know threads, the data, or the other
passes.
"""

from libc.stdint cimport int32_t

from sklearn_set._core.ascending cimport first_from
from sklearn_set._core.by_input cimport begin_sums
from sklearn_set._core.lanes cimport (
    MAX_BLOCK, PREFETCH,
    block_1, block_2, block_4, block_8, block_16, block_32, block_64, block_128, block_t,
    block_add_to, block_load, block_width, real_t,
)
from sklearn_set._core.measured cimport LISTED_AHEAD, WIDEST_BY_INPUT as WIDEST
from sklearn_set._core.rows cimport extent_t, part_of_row, prefetch_row, whole_row
from sklearn_set._core.types cimport LayerView

cdef enum:
    NARROWEST = 1


cdef struct Work:
    # the connections [start, stop) of the list
    const LayerView* layer
    const real_t* inputs        # IN (n_in, width)
    real_t* outputs             # INOUT (n_out, width)
    Py_ssize_t start
    Py_ssize_t stop
    Py_ssize_t width
    bint prefetch               # the outputs, too


cdef inline void add_listed(
    block_t* width_tag, extent_t* extent_tag, const Work* work, Py_ssize_t offset,
) noexcept nogil:
    cdef block_t x
    cdef Py_ssize_t width = block_width(&x) if extent_t is whole_row else work.width
    cdef Py_ssize_t c, ahead, stop = work.stop
    cdef const LayerView* layer = work.layer
    cdef const int32_t* rows = layer.p_inputs
    cdef const int32_t* outs = layer.p_outputs
    cdef const int32_t* slots = layer.p_slots
    cdef const real_t* weights = layer.weights
    cdef const real_t* inputs = work.inputs + offset
    cdef real_t* outputs = work.outputs + offset
    for c in range(work.start, stop):
        ahead = c + LISTED_AHEAD
        if ahead < stop:
            PREFETCH(weights + slots[ahead])
            prefetch_row(inputs + rows[ahead] * width, block_width(&x))
            if work.prefetch:
                prefetch_row(outputs + outs[ahead] * width, block_width(&x))
        if layer.silent[rows[c]]:
            continue
        block_load(&x, inputs + rows[c] * width)
        block_add_to(&x, weights[slots[c]], outputs + outs[c] * width)


cdef inline void do_block(block_t* width_tag, const Work* work, Py_ssize_t offset) noexcept nogil:
    # A row that is one block has a width that the compiler knows; narrow ones always are.
    if block_width(width_tag) < 8 or work.width == block_width(width_tag):
        add_listed(width_tag, <whole_row*> NULL, work, offset)
    else:
        add_listed(width_tag, <part_of_row*> NULL, work, offset)


include "ladder.pxi"


cdef inline void sum_listed(
    const LayerView* layer,
    int32_t half,               # of the input neurons
    int32_t part,               # of the output neurons
    const real_t* inputs,       # IN (n_in, width)
    real_t* outputs,            # OUT (n_out, width)
    Py_ssize_t width,
) noexcept nogil:
    """As `sum_part`, to the last digit."""
    cdef Py_ssize_t middle, offset = 0
    cdef Work work
    work.layer = layer
    work.inputs = inputs
    work.outputs = outputs
    work.width = width
    work.prefetch = begin_sums(layer, half, part, outputs, width)
    work.start = layer.p_indptr[part]
    work.stop = layer.p_indptr[part + 1]
    if layer.n_halves == 2:
        middle = first_from(layer.p_inputs, work.start, work.stop, layer.middle)
        if half == 0:
            work.stop = middle
        else:
            work.start = middle
    while offset < width:
        offset = do_next_block(&work, width, offset)
