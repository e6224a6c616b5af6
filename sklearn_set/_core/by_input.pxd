"""Forward by input neuron, for narrow batches: weights stream, silent neurons are passed over.

Serial.  The caller cuts a layer into two halves of its input neurons, each with sums of its own,
and gives them to different threads; for more threads see by_split.pxd and by_part.pxd.  Where all
is in near caches, see by_input_near.pxd.  Knows a layer in the order of its slots.  Must not know
threads, the data, or the other passes.
"""

from libc.stdint cimport int32_t, uint32_t

from sklearn_set._core.activations cimport activate, drop
from sklearn_set._core.lanes cimport (
    MAX_BLOCK, PREFETCH,
    block_1, block_2, block_4, block_8, block_16, block_32, block_64, block_128, block_t,
    block_add_to, block_add_to4, block_load, block_width, is_zero, real_t,
)
from sklearn_set._core.measured cimport (
    FAR_DISTANCE, FILLED_AHEAD, PARTED_AHEAD, PREFETCH_DISTANCE, PREFETCH_SUMS_BYTES, STREAM_AHEAD,
    STREAMED_SLOTS, WIDEST_BY_INPUT as WIDEST,
)
from sklearn_set._core.rows cimport (
    claim_row, extent_t, is_far, part_of_row, prefetch_row, whole_row,
)
from sklearn_set._core.types cimport LayerView

cdef enum:
    NARROWEST = 1


# Whether an input neuron's slots are followed by the next one's, or by those of other parts.
cdef struct whole_layer:
    char unused
cdef struct part_of_layer:
    char unused
ctypedef fused share_of_layer_t:
    whole_layer
    part_of_layer


cdef struct Ahead:
    # Where the prefetching of output rows has come to, some connections ahead of the work.
    int32_t row                 # input neuron
    int32_t last                # the neuron to stop before
    Py_ssize_t slot             # next slot of `row`
    Py_ssize_t stop             # end of its slots


cdef inline const int32_t* first_slots(const LayerView* layer, int32_t part) noexcept nogil:
    """Where the slots of each input neuron begin whose outputs lie in a range."""
    if layer.splits == NULL:
        return layer.indptr
    return layer.splits + <Py_ssize_t> part * layer.n_in


cdef inline const int32_t* last_slots(const LayerView* layer, int32_t part) noexcept nogil:
    """Where they end."""
    if layer.splits == NULL:
        return layer.indptr + 1
    return layer.splits + <Py_ssize_t> (part + 1) * layer.n_in


cdef inline bint next_row(Ahead* ahead, const LayerView* layer, int32_t part) noexcept nogil:
    """Go to the next input neuron that has connections and is not silent; False at the end."""
    cdef const int32_t* begin = first_slots(layer, part)
    cdef const int32_t* end = last_slots(layer, part)
    cdef int32_t i = ahead.row + 1
    while i < ahead.last:
        if begin[i] < end[i] and not layer.silent[i]:
            ahead.row = i
            ahead.slot = begin[i]
            ahead.stop = end[i]
            return True
        i += 1
    ahead.row = i
    ahead.slot = ahead.stop
    return False


cdef inline void scatter_block(
    block_t* x,                 # IN a block of the input neuron's row
    const LayerView* layer,
    int32_t part,
    Py_ssize_t begin,           # slots [begin, end), all of one input neuron
    Py_ssize_t end,
    real_t* table,              # INOUT (n_out, width) from the block's first column on
    Py_ssize_t width,
    Ahead* ahead,               # NULL where nothing is to be prefetched
) noexcept nogil:
    cdef const int32_t* indices = layer.indices
    cdef const real_t* weights = layer.weights
    cdef Py_ssize_t k = begin, both, lead
    if ahead != NULL:
        while k < end and (ahead.slot < ahead.stop
                           or next_row(ahead, layer, part)):
            both = min(end, k + ahead.stop - ahead.slot)
            lead = ahead.slot - k
            ahead.slot += both - k
            while k < both:
                prefetch_row(table + indices[k + lead] * width, block_width(x))
                block_add_to(x, weights[k], table + indices[k] * width)
                k += 1
    # Outputs of one neuron differ: narrow rows gain nothing from that.
    while block_width(x) >= 8 and k + 4 <= end:
        block_add_to4(x, weights + k, table + indices[k] * width,
                      table + indices[k + 1] * width, table + indices[k + 2] * width,
                      table + indices[k + 3] * width)
        k += 4
    while k < end:
        block_add_to(x, weights[k], table + indices[k] * width)
        k += 1


cdef inline void prefetch_slots(
    const LayerView* layer, Py_ssize_t begin, Py_ssize_t end,
) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(begin, end, 16):
        PREFETCH(layer.indices + k)
        PREFETCH(layer.weights + k)


cdef struct Work:
    # the sums of one half of the input neurons in one part of the output neurons
    const LayerView* layer
    const real_t* inputs        # IN (n_in, width)
    real_t* outputs             # INOUT (n_out, width)
    Py_ssize_t width
    int32_t half
    int32_t part
    bint prefetch
    bint stream


cdef inline void scatter_rows(
    block_t* width_tag,
    extent_t* extent_tag,
    share_of_layer_t* share_tag,
    const Work* work,
    Py_ssize_t offset,          # of the block's first column
) noexcept nogil:
    """Add the inputs of a half, times their weights, to a block of columns of a part."""
    cdef block_t x
    cdef const LayerView* layer = work.layer
    cdef int32_t half = work.half, part = work.part
    cdef const real_t* inputs = work.inputs
    cdef real_t* outputs = work.outputs
    cdef bint prefetch = work.prefetch, stream = work.stream
    cdef Py_ssize_t width = block_width(&x) if extent_t is whole_row else work.width
    cdef int32_t first = layer.middle if half == 1 else 0
    cdef int32_t last = layer.middle if half == 0 and layer.n_halves == 2 else layer.n_in
    cdef const int32_t* begin = first_slots(layer, part)
    cdef const int32_t* end = last_slots(layer, part)
    cdef int32_t i
    cdef Py_ssize_t k, n = 0
    cdef Py_ssize_t lead = FAR_DISTANCE if is_far(layer.n_out, width) else PREFETCH_DISTANCE
    cdef Ahead ahead
    ahead.row = first - 1
    ahead.last = last
    ahead.slot = 0
    ahead.stop = 0
    if prefetch:
        while n < lead and next_row(&ahead, layer, part):
            k = min(lead - n, ahead.stop - ahead.slot)
            n += k
            ahead.slot += k
    for i in range(first, last):
        if share_of_layer_t is part_of_layer and last - i > PARTED_AHEAD:
            # What other threads have written, and slots with gaps between.
            k = i + PARTED_AHEAD
            prefetch_row(inputs + k * width + offset, block_width(&x))
            prefetch_slots(layer, begin[k], end[k] + 15)
        if begin[i] < end[i] and not layer.silent[i]:
            if share_of_layer_t is whole_layer and stream:
                prefetch_slots(layer, begin[i] + STREAM_AHEAD, end[i] + STREAM_AHEAD)
            block_load(&x, inputs + i * width + offset)
            scatter_block(&x, layer, part, begin[i], end[i], outputs + offset, width,
                          &ahead if prefetch else NULL)


cdef inline void do_block(block_t* width_tag, const Work* work, Py_ssize_t offset) noexcept nogil:
    # A row that is one block has a width that the compiler knows; narrow ones always are.
    if block_width(width_tag) < 8 or work.width == block_width(width_tag):
        scatter_rows(width_tag, <whole_row*> NULL, <whole_layer*> NULL, work, offset)
    else:
        scatter_rows(width_tag, <part_of_row*> NULL, <whole_layer*> NULL, work, offset)


include "ladder.pxi"


cdef inline bint begin_sums(
    const LayerView* layer, int32_t half, int32_t part, real_t* outputs, Py_ssize_t width,
) noexcept nogil:
    """Set the sums of a part to the biases, or to zeros in the second half.

    Returns whether they are to be prefetched.
    """
    cdef int32_t j, start = 0, stop = layer.n_out
    cdef Py_ssize_t b
    cdef real_t* output
    cdef real_t value
    if layer.t_splits != NULL:
        start, stop = layer.t_splits[part], layer.t_splits[part + 1]
    for j in range(start, stop):
        output = outputs + j * width
        if width * <Py_ssize_t> sizeof(real_t) >= 64:
            claim_row(output + FILLED_AHEAD * width, width)
        value = layer.bias[j] if half == 0 else 0
        for b in range(width):
            output[b] = value
    return (stop - start) * width * <Py_ssize_t> sizeof(real_t) > PREFETCH_SUMS_BYTES


cdef inline void begin_work(
    Work* work,                 # OUT
    const LayerView* layer,
    int32_t half,               # of the input neurons
    int32_t part,               # of the splits: its output neurons, and no others, are written
    const real_t* inputs,       # IN (n_in, width)
    real_t* outputs,            # OUT (n_out, width)
    Py_ssize_t width,
) noexcept nogil:
    work.layer = layer
    work.inputs = inputs
    work.outputs = outputs
    work.width = width
    work.half = half
    work.part = part
    work.prefetch = begin_sums(layer, half, part, outputs, width)
    work.stream = not work.prefetch and layer.indptr[layer.n_in] > STREAMED_SLOTS


cdef inline void sum_half(
    const LayerView* layer, int32_t half, const real_t* inputs, real_t* outputs, Py_ssize_t width,
) noexcept nogil:
    """The weighted sums of the forward pass by input neuron, for narrow batches.

    It streams the weights, where `forward_rows` reads each at random through its slot, and passes
    over silent neurons; in return it reads and writes the outputs again for every connection.  A
    neuron adds the inputs of a half in ascending order, however many parts there are.
    """
    cdef Py_ssize_t offset = 0
    cdef Work work
    begin_work(&work, layer, half, 0, inputs, outputs, width)
    while offset < width:
        offset = do_next_block(&work, width, offset)


cdef inline void finish_rows(
    const LayerView* layer,
    int32_t start,              # output neurons [start, stop)
    int32_t stop,
    real_t* outputs,            # INOUT (n_out, width)
    const real_t* others,       # IN (n_out, width) sums of the second half, or NULL
    Py_ssize_t width,
    uint32_t dropout_key,
) noexcept nogil:
    """What follows the sums of all halves: of all these neurons at once, as if they were one."""
    cdef int32_t j
    cdef Py_ssize_t b, n = (stop - start) * width
    cdef real_t* rows = outputs + start * width
    cdef const real_t* other
    if others != NULL:
        other = others + start * width
        for b in range(n):
            rows[b] += other[b]
    activate(layer.activation, layer.parameter, rows,
             NULL if layer.slopes == NULL else layer.slopes + start * width, n)
    if layer.dropout > 0:
        for j in range(start, stop):
            drop(dropout_key, <uint32_t> j, layer.dropout, outputs + j * width, width)
    if width == 2:
        for j in range(start, stop):
            layer.silent_outputs[j] = is_zero(outputs + j * 2, 2)
    else:
        for j in range(start, stop):
            layer.silent_outputs[j] = is_zero(outputs + j * width, width)
