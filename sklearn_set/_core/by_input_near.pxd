"""Forward by input neuron where sums and slots are in near caches: nothing is fetched ahead.

As by_input.pxd, but with a loop that has nothing else to do, so that the compiler keeps what it
needs in registers: with one sample that is a sixth of the time.  For that, either of the functions
that sum must also be called from a loop over threads of its own.

Serial.  Knows a layer in the order of its slots.  Must not know threads, the data, or the other
passes.
"""

from libc.stdint cimport int32_t, uint8_t

from sklearn_set._core.by_input cimport Work, begin_work, scatter_block
from sklearn_set._core.lanes cimport (
    MAX_BLOCK,
    block_1, block_2, block_4, block_8, block_16, block_32, block_64, block_128, block_t,
    block_load, block_width, real_t,
)
from sklearn_set._core.measured cimport (
    PREFETCH_SUMS_BYTES, STREAMED_SLOTS, WIDEST_BY_INPUT as WIDEST,
)
from sklearn_set._core.rows cimport extent_t, part_of_row, whole_row
from sklearn_set._core.types cimport LayerView

cdef enum:
    NARROWEST = 8


cdef inline bint is_near(const LayerView* layer, Py_ssize_t width) noexcept nogil:
    """Whether nothing of a layer needs to be fetched ahead."""
    return (layer.n_out * width * <Py_ssize_t> sizeof(real_t) <= PREFETCH_SUMS_BYTES
            and layer.indptr[layer.n_in] <= STREAMED_SLOTS)


cdef inline void add_rows(
    block_t* width_tag, extent_t* extent_tag, const Work* work, Py_ssize_t offset,
) noexcept nogil:
    """Add the inputs of a half, times their weights, to a block of columns."""
    cdef block_t x
    cdef const LayerView* layer = work.layer
    cdef Py_ssize_t width = block_width(&x) if extent_t is whole_row else work.width
    cdef Py_ssize_t first = layer.middle if work.half == 1 else 0
    cdef Py_ssize_t last = layer.middle if work.half == 0 and layer.n_halves == 2 else layer.n_in
    cdef const int32_t* indptr = layer.indptr
    cdef const uint8_t* silent = layer.silent
    cdef const real_t* inputs = work.inputs + offset
    cdef real_t* outputs = work.outputs + offset
    cdef Py_ssize_t i
    for i in range(first, last):
        if indptr[i] < indptr[i + 1] and not silent[i]:
            block_load(&x, inputs + i * width)
            scatter_block(&x, layer, 0, indptr[i], indptr[i + 1], outputs, width, NULL)


cdef inline void do_block(block_t* width_tag, const Work* work, Py_ssize_t offset) noexcept nogil:
    # A row that is one block has a width that the compiler knows.
    if work.width == block_width(width_tag):
        add_rows(width_tag, <whole_row*> NULL, work, offset)
    else:
        add_rows(width_tag, <part_of_row*> NULL, work, offset)


include "ladder.pxi"


cdef inline void sum_near_half(
    const LayerView* layer, int32_t half, const real_t* inputs, real_t* outputs, Py_ssize_t width,
) noexcept nogil:
    """The sums of `sum_half`, to the last digit, of eight samples or more."""
    cdef Py_ssize_t offset = 0
    cdef Work work
    begin_work(&work, layer, half, 0, inputs, outputs, width)
    while offset < width:
        offset = do_next_block(&work, width, offset)


cdef inline void sum_narrow_half(
    const LayerView* layer, int32_t half, const real_t* inputs, real_t* outputs, Py_ssize_t width,
) noexcept nogil:
    """The same of one, two or four samples."""
    cdef Work work
    begin_work(&work, layer, half, 0, inputs, outputs, width)
    if width == 1:
        add_rows(<block_1*> NULL, <whole_row*> NULL, &work, 0)
    elif width == 2:
        add_rows(<block_2*> NULL, <whole_row*> NULL, &work, 0)
    else:
        add_rows(<block_4*> NULL, <whole_row*> NULL, &work, 0)
