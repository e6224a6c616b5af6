"""Forward by input neuron in a part of the outputs, where threads share these.

As by_input.pxd, but what other threads have written is fetched ahead, and so are slots, between
which those of the other parts are gaps.  A file of its own, so that the compiler sees a loop of its
own.

Serial.  Knows a layer in the order of its slots.  Must not know threads, the data, or the other
passes.
"""

from libc.stdint cimport int32_t

from sklearn_set._core.by_input cimport Work, begin_work, part_of_layer, scatter_rows
from sklearn_set._core.lanes cimport (
    MAX_BLOCK,
    block_1, block_2, block_4, block_8, block_16, block_32, block_64, block_128, block_t,
    block_width, real_t,
)
from sklearn_set._core.measured cimport WIDEST_BY_INPUT as WIDEST
from sklearn_set._core.rows cimport part_of_row, whole_row
from sklearn_set._core.types cimport LayerView

cdef enum:
    NARROWEST = 1


cdef inline void do_block(block_t* width_tag, const Work* work, Py_ssize_t offset) noexcept nogil:
    # A row that is one block has a width that the compiler knows; narrow ones always are.
    if block_width(width_tag) < 8 or work.width == block_width(width_tag):
        scatter_rows(width_tag, <whole_row*> NULL, <part_of_layer*> NULL, work, offset)
    else:
        scatter_rows(width_tag, <part_of_row*> NULL, <part_of_layer*> NULL, work, offset)


include "ladder.pxi"


cdef inline void sum_part(
    const LayerView* layer,
    int32_t half,               # of the input neurons
    int32_t part,               # of the splits: its output neurons, and no others, are written
    const real_t* inputs,       # IN (n_in, width)
    real_t* outputs,            # OUT (n_out, width)
    Py_ssize_t width,
) noexcept nogil:
    """The part of `sum_half`, to the last digit."""
    cdef Py_ssize_t offset = 0
    cdef Work work
    begin_work(&work, layer, half, part, inputs, outputs, width)
    while offset < width:
        offset = do_next_block(&work, width, offset)
