"""The two kernels, serial over a range of neurons: forward, and backward with update.

A row is what one neuron holds for the batch: `width` neighbouring numbers.  Rows are worked on
in blocks whose width the compiler knows; the fused type writes every loop once for all widths.
Nothing here knows threads: whoever calls gives disjoint ranges to different threads.
"""

from libc.stdint cimport int32_t, uint32_t

from sklearn_set._core.activations cimport (
    activate, drop, kept_share, multiply_by_slope, zero_means_flat,
)
from sklearn_set._core.lanes cimport (
    MAX_BLOCK, PREFETCH, PREFETCH_TO_WRITE,
    block_1, block_2, block_4, block_8, block_16, block_32, block_64, block_128, block_t,
    block_add, block_add_scaled, block_add_to, block_add_to4,
    block_chains, block_dot, block_dot4,
    block_dot4_add, block_fill, block_load, block_store, block_total, block_width, is_zero, real_t,
)
from sklearn_set._core.types cimport LayerView
from sklearn_set._core.updates cimport UpdateRule, sum_of_squares, update

cdef enum:
    # Tables beyond the second-level cache are prefetched so many connections ahead; measured:
    # pays a quarter there, costs inside it.
    PREFETCH_DISTANCE = 32
    PREFETCH_TABLE_BYTES = 1 << 20
    # Where rows are short enough for the first cache to hold more of them on their way, and memory
    # is farther than the third one: measured, takes a third less time.
    FAR_DISTANCE = 72
    FAR_TABLE_BYTES = 1 << 24
    # Sums that are read and written for every connection: from half of that.
    PREFETCH_SUMS_BYTES = 1 << 19
    # The rows of the neurons themselves come in order, and few ahead are enough.
    ROWS_AHEAD = 4
    FILLED_AHEAD = 16
    # Slots beyond the second-level cache, of which silent neurons leave gaps, are prefetched too.
    STREAM_AHEAD = 256
    STREAMED_SLOTS = 1 << 18
    # Gradients wait in a buffer until so many neighbouring slots can be updated together.
    FLUSH_SLOTS = 512


# Whether a block is a whole row, so that the compiler knows how far rows are apart, or a part.
cdef struct whole_row:
    char unused
cdef struct part_of_row:
    char unused
ctypedef fused extent_t:
    whole_row
    part_of_row


cdef inline Py_ssize_t padded_width(Py_ssize_t n_batch) noexcept nogil:
    """The batch size rounded up to what blocks cover: 1, 2, 4 or a multiple of 8."""
    if n_batch <= 2:
        return n_batch
    if n_batch <= 4:
        return 4
    return (n_batch + 7) // 8 * 8


cdef inline void prefetch_row(const real_t* row, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t b = 0
    while b < n:
        PREFETCH(row + b)
        b += 64 // <Py_ssize_t> sizeof(real_t)


cdef inline void claim_row(const real_t* row, Py_ssize_t n) noexcept nogil:
    """Ask for a row that is going to be written, but may be in another processor's cache."""
    cdef Py_ssize_t b = 0
    while b < n:
        PREFETCH_TO_WRITE(row + b)
        b += 64 // <Py_ssize_t> sizeof(real_t)


cdef inline bint is_far(Py_ssize_t n_rows, Py_ssize_t width) noexcept nogil:
    """Whether the rows of a table are to be prefetched over a longer distance."""
    return 8 <= width <= 32 and n_rows * width * <Py_ssize_t> sizeof(real_t) > FAR_TABLE_BYTES


cdef inline real_t row_total(const real_t* row, Py_ssize_t width) noexcept nogil:
    """The sum of a row; `width` as `padded_width` gives it."""
    cdef block_8 sums, more
    cdef real_t total = 0
    cdef Py_ssize_t b
    if width < 8:
        for b in range(width):
            total += row[b]
        return total
    block_load(&sums, row)
    for b in range(8, width, 8):
        block_load(&more, row + b)
        block_add(&sums, &more)
    return block_total(&sums)


# ---------------------------------------------------------------------------- forward

cdef inline void forward_block(
    block_t* width_tag,         # its type is the width, its value is never read
    const LayerView* layer,
    int32_t j,
    const real_t* inputs,       # IN (n_in, width)
    real_t* row,                # OUT (width,) pre-activation of neuron j
    Py_ssize_t width,
    Py_ssize_t offset,
    bint prefetch,
) noexcept nogil:
    # Two sums, over even and odd connections, halve the chain of dependent additions.
    cdef block_t even, odd
    cdef const real_t* table = inputs + offset
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
    block_store(&even, row + offset)


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
    cdef Py_ssize_t offset, left
    cdef real_t* row
    cdef bint prefetch = (
        layer.n_in * width * <Py_ssize_t> sizeof(real_t) > PREFETCH_TABLE_BYTES)
    for j in range(start, stop):
        row = outputs + j * width
        offset = 0
        while offset < width:
            left = width - offset
            if MAX_BLOCK >= 128 and left >= 128:
                forward_block(<block_128*> NULL, layer, j, inputs, row, width, offset, prefetch)
                offset += 128
            elif MAX_BLOCK >= 64 and left >= 64:
                forward_block(<block_64*> NULL, layer, j, inputs, row, width, offset, prefetch)
                offset += 64
            elif MAX_BLOCK >= 32 and left >= 32:
                forward_block(<block_32*> NULL, layer, j, inputs, row, width, offset, prefetch)
                offset += 32
            elif MAX_BLOCK >= 16 and left >= 16:
                forward_block(<block_16*> NULL, layer, j, inputs, row, width, offset, prefetch)
                offset += 16
            elif left >= 8:
                forward_block(<block_8*> NULL, layer, j, inputs, row, width, offset, prefetch)
                offset += 8
            elif left >= 4:
                forward_block(<block_4*> NULL, layer, j, inputs, row, width, offset, prefetch)
                offset += 4
            elif left >= 2:
                forward_block(<block_2*> NULL, layer, j, inputs, row, width, offset, prefetch)
                offset += 2
            else:
                forward_block(<block_1*> NULL, layer, j, inputs, row, width, offset, prefetch)
                offset += 1
        finish_row(layer, j, row, width, dropout_key)


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


cdef inline void scatter_rows(
    block_t* width_tag,
    extent_t* extent_tag,
    const LayerView* layer,
    int32_t half,
    int32_t part,
    const real_t* inputs,       # IN (n_in, width)
    real_t* outputs,            # INOUT (n_out, width)
    Py_ssize_t row_width,
    Py_ssize_t offset,          # of the block's first column
    bint prefetch,
    bint stream,
) noexcept nogil:
    """Add the inputs of a half, times their weights, to a block of columns of a part."""
    cdef block_t x
    cdef Py_ssize_t width = block_width(&x) if extent_t is whole_row else row_width
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
        if begin[i] < end[i] and not layer.silent[i]:
            if stream:
                for k in range(begin[i], end[i], 16):
                    PREFETCH(layer.indices + k + STREAM_AHEAD)
                    PREFETCH(layer.weights + k + STREAM_AHEAD)
            block_load(&x, inputs + i * width + offset)
            scatter_block(&x, layer, part, begin[i], end[i], outputs + offset, width,
                          &ahead if prefetch else NULL)


cdef inline void sum_part(
    const LayerView* layer,
    int32_t half,               # of the input neurons
    int32_t part,               # of the splits: its output neurons, and no others, are written
    const real_t* inputs,       # IN (n_in, width)
    real_t* outputs,            # OUT (n_out, width)
    Py_ssize_t width,
) noexcept nogil:
    """The weighted sums of the forward pass by input neuron, for narrow batches.

    It streams the weights, where `forward_rows` reads each at random through its slot, and passes
    over silent neurons; in return it reads and writes the outputs again for every connection.  A
    neuron adds the inputs of a half in ascending order, however many parts there are.
    """
    cdef int32_t j, start = layer.t_splits[part], stop = layer.t_splits[part + 1]
    cdef Py_ssize_t b, left, offset = 0
    cdef real_t* output
    cdef real_t value
    cdef bint prefetch = (
        (stop - start) * width * <Py_ssize_t> sizeof(real_t) > PREFETCH_SUMS_BYTES)
    cdef bint stream = not prefetch and layer.indptr[layer.n_in] > STREAMED_SLOTS
    for j in range(start, stop):
        output = outputs + j * width
        if width * <Py_ssize_t> sizeof(real_t) >= 64:
            claim_row(output + FILLED_AHEAD * width, width)
        value = layer.bias[j] if half == 0 else 0
        for b in range(width):
            output[b] = value
    # A row that is one block has a width that the compiler knows.
    if width == 1:
        scatter_rows(<block_1*> NULL, <whole_row*> NULL, layer, half, part, inputs, outputs,
                     1, 0, prefetch, stream)
    elif width == 2:
        scatter_rows(<block_2*> NULL, <whole_row*> NULL, layer, half, part, inputs, outputs,
                     2, 0, prefetch, stream)
    elif width == 4:
        scatter_rows(<block_4*> NULL, <whole_row*> NULL, layer, half, part, inputs, outputs,
                     4, 0, prefetch, stream)
    elif width == 8:
        scatter_rows(<block_8*> NULL, <whole_row*> NULL, layer, half, part, inputs, outputs,
                     8, 0, prefetch, stream)
    elif MAX_BLOCK >= 16 and width == 16:
        scatter_rows(<block_16*> NULL, <whole_row*> NULL, layer, half, part, inputs, outputs,
                     16, 0, prefetch, stream)
    elif MAX_BLOCK >= 32 and width == 32:
        scatter_rows(<block_32*> NULL, <whole_row*> NULL, layer, half, part, inputs, outputs,
                     32, 0, prefetch, stream)
    else:
        while offset < width:
            left = width - offset
            if MAX_BLOCK >= 32 and left >= 32:
                scatter_rows(<block_32*> NULL, <part_of_row*> NULL, layer, half, part, inputs,
                             outputs, width, offset, prefetch, stream)
                offset += 32
            elif MAX_BLOCK >= 16 and left >= 16:
                scatter_rows(<block_16*> NULL, <part_of_row*> NULL, layer, half, part, inputs,
                             outputs, width, offset, prefetch, stream)
                offset += 16
            else:
                scatter_rows(<block_8*> NULL, <part_of_row*> NULL, layer, half, part, inputs,
                             outputs, width, offset, prefetch, stream)
                offset += 8


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


# --------------------------------------------------------------------------- backward

cdef inline void backward_block(
    block_t* width_tag,
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
        FAR_DISTANCE if 8 <= block_width(&x) <= 32 else PREFETCH_DISTANCE)
    cdef Py_ssize_t width = block_width(&x) if extent_t is whole_row else row_width
    cdef bint is_first = extent_t is whole_row or offset == 0
    cdef real_t dots[4]
    cdef real_t rest[4]
    cdef const real_t* rows[4]
    cdef const real_t* table = deltas + offset
    cdef const int32_t* indices = layer.indices
    cdef const real_t* weights = layer.weights
    cdef const real_t* r0
    cdef const real_t* r1
    cdef const real_t* r2
    cdef const real_t* r3
    cdef Py_ssize_t k = layer.indptr[i], end = layer.indptr[i + 1]
    cdef Py_ssize_t last = layer.indptr[layer.n_in] - 3, ahead
    cdef int q
    cdef const real_t* first = layer.moments[0] if layer.moments[0] != NULL else weights
    block_load(&x, row + offset)
    block_fill(&even, 0)
    if block_chains(&even) == 2:
        block_fill(&odd, 0)
    gradients -= k
    while k + 4 <= end:
        if prefetch:
            ahead = k + lead
            if ahead < last:
                for q in range(4):
                    prefetch_row(table + indices[ahead + q] * width, block_width(&x))
        if is_first:
            # What the update will read; weights and indices are read here, and so come in time.
            PREFETCH(first + k + 64)
        r0 = table + indices[k] * width
        r1 = table + indices[k + 1] * width
        r2 = table + indices[k + 2] * width
        r3 = table + indices[k + 3] * width
        if sums != NULL:
            block_dot4_add(&x, r0, r1, r2, r3, dots, weights + k, &even, &odd)
        else:
            block_dot4(&x, r0, r1, r2, r3, dots)
        for q in range(4):
            gradients[k + q] = dots[q] if is_first else gradients[k + q] + dots[q]
        k += 4
    if block_width(&x) <= 2 and k < end:
        # Where rows are short, the last one to three as if they were four, without a loop whose
        # end cannot be guessed: what is too much has weight zero, and its gradient is overwritten
        # by the next neuron's.
        for q in range(4):
            ahead = k + q if k + q < end else k
            rest[q] = weights[ahead] if k + q < end else 0
            rows[q] = table + indices[ahead] * width
        if sums != NULL:
            block_dot4_add(&x, rows[0], rows[1], rows[2], rows[3], dots, rest, &even, &odd)
        else:
            block_dot4(&x, rows[0], rows[1], rows[2], rows[3], dots)
        for q in range(4):
            gradients[k + q] = dots[q] if is_first else gradients[k + q] + dots[q]
        k = end
    while k < end:
        if prefetch and k + lead < last:
            prefetch_row(table + indices[k + lead] * width, block_width(&x))
        r0 = table + indices[k] * width
        if sums != NULL:
            block_add_scaled(&even, weights[k], r0)
        if is_first:
            gradients[k] = block_dot(&x, r0)
        else:
            gradients[k] += block_dot(&x, r0)
        k += 1
    if sums != NULL:
        if block_chains(&even) == 2:
            block_add(&even, &odd)
        block_store(&even, sums + offset)


cdef inline void backward_parts(
    const LayerView* layer, int32_t i, const real_t* deltas, const real_t* row, real_t* sums,
    real_t* gradients, Py_ssize_t width, bint prefetch,
) noexcept nogil:
    """A row of several blocks."""
    cdef Py_ssize_t offset = 0, left
    while offset < width:
        left = width - offset
        if MAX_BLOCK >= 64 and left >= 64:
            backward_block(<block_64*> NULL, <part_of_row*> NULL, layer, i, deltas, row, sums,
                           gradients, width, offset, prefetch)
            offset += 64
        elif MAX_BLOCK >= 32 and left >= 32:
            backward_block(<block_32*> NULL, <part_of_row*> NULL, layer, i, deltas, row, sums,
                           gradients, width, offset, prefetch)
            offset += 32
        elif MAX_BLOCK >= 16 and left >= 16:
            backward_block(<block_16*> NULL, <part_of_row*> NULL, layer, i, deltas, row, sums,
                           gradients, width, offset, prefetch)
            offset += 16
        else:
            backward_block(<block_8*> NULL, <part_of_row*> NULL, layer, i, deltas, row, sums,
                           gradients, width, offset, prefetch)
            offset += 8


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
    cdef bint prefetch = (
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
    if width == 1:
        return backward_range(<block_1*> NULL, <whole_row*> NULL, layer, below, start, stop,
                              deltas, inputs, 1, rule, dropout_key, gradients, sums)
    if width == 2:
        return backward_range(<block_2*> NULL, <whole_row*> NULL, layer, below, start, stop,
                              deltas, inputs, 2, rule, dropout_key, gradients, sums)
    if width == 4:
        return backward_range(<block_4*> NULL, <whole_row*> NULL, layer, below, start, stop,
                              deltas, inputs, 4, rule, dropout_key, gradients, sums)
    if width == 8:
        return backward_range(<block_8*> NULL, <whole_row*> NULL, layer, below, start, stop,
                              deltas, inputs, 8, rule, dropout_key, gradients, sums)
    if MAX_BLOCK >= 16 and width == 16:
        return backward_range(<block_16*> NULL, <whole_row*> NULL, layer, below, start, stop,
                              deltas, inputs, 16, rule, dropout_key, gradients, sums)
    if MAX_BLOCK >= 32 and width == 32:
        return backward_range(<block_32*> NULL, <whole_row*> NULL, layer, below, start, stop,
                              deltas, inputs, 32, rule, dropout_key, gradients, sums)
    return backward_range(<block_8*> NULL, <part_of_row*> NULL, layer, below, start, stop,
                          deltas, inputs, width, rule, dropout_key, gradients, sums)
