"""The two kernels, serial over a range of neurons: forward, and backward with update.

A row is what one neuron holds for the batch: `width` neighbouring numbers.  Rows are worked on
in blocks whose width the compiler knows; the fused type writes every loop once for all widths.
Nothing here knows threads: whoever calls gives disjoint ranges to different threads.
"""

from libc.stdint cimport int32_t, uint32_t

from sklearn_set._core.activations cimport activate, drop, multiply_by_slope, zero_means_flat
from sklearn_set._core.lanes cimport (
    MAX_BLOCK, PREFETCH,
    block_1, block_2, block_4, block_8, block_16, block_32, block_64, block_128, block_t,
    block_add, block_add_scaled, block_add_to, block_chains, block_dot, block_dot4,
    block_dot4_add, block_fill, block_load, block_store, block_width, real_t,
)
from sklearn_set._core.types cimport LayerView, UpdateRule
from sklearn_set._core.updates cimport sum_of_squares, update

cdef enum:
    # Tables beyond the second-level cache are prefetched so many connections ahead; measured:
    # pays a quarter there, costs inside it.
    PREFETCH_DISTANCE = 32
    PREFETCH_TABLE_BYTES = 1 << 20
    # Gradients wait in a buffer until so many neighbouring slots can be updated together.
    FLUSH_SLOTS = 512


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


cdef inline bint is_zero(const real_t* row, Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t b
    for b in range(width):
        if row[b] != 0:
            return False
    return True


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
    """From pre-activations to outputs."""
    activate(layer.activation, layer.parameter, row,
             NULL if layer.slopes == NULL else layer.slopes + j * width, width)
    if layer.dropout > 0:
        drop(dropout_key, <uint32_t> j, layer.dropout, row, width)


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


cdef inline void scatter_block(
    block_t* width_tag,
    const LayerView* layer,
    Py_ssize_t begin,           # slots [begin, end), all of one input neuron
    Py_ssize_t end,
    const real_t* row,          # IN (width,) of that neuron
    real_t* outputs,            # INOUT (n_out, width)
    Py_ssize_t width,
    Py_ssize_t offset,
    bint prefetch,
) noexcept nogil:
    cdef block_t x
    cdef real_t* table = outputs + offset
    cdef const int32_t* indices = layer.indices
    cdef const real_t* weights = layer.weights
    cdef Py_ssize_t k, last = layer.indptr[layer.n_in] - 1
    block_load(&x, row + offset)
    for k in range(begin, end):
        if prefetch and k + PREFETCH_DISTANCE < last:
            prefetch_row(table + indices[k + PREFETCH_DISTANCE] * width, block_width(&x))
        block_add_to(&x, weights[k], table + indices[k] * width)


cdef inline void scatter_row(
    const LayerView* layer, Py_ssize_t begin, Py_ssize_t end, const real_t* row, real_t* outputs,
    Py_ssize_t width, bint prefetch,
) noexcept nogil:
    cdef Py_ssize_t offset = 0, left
    while offset < width:
        left = width - offset
        if MAX_BLOCK >= 32 and left >= 32:
            scatter_block(<block_32*> NULL, layer, begin, end, row, outputs, width, offset,
                          prefetch)
            offset += 32
        elif MAX_BLOCK >= 16 and left >= 16:
            scatter_block(<block_16*> NULL, layer, begin, end, row, outputs, width, offset,
                          prefetch)
            offset += 16
        elif left >= 8:
            scatter_block(<block_8*> NULL, layer, begin, end, row, outputs, width, offset,
                          prefetch)
            offset += 8
        elif left >= 4:
            scatter_block(<block_4*> NULL, layer, begin, end, row, outputs, width, offset,
                          prefetch)
            offset += 4
        elif left >= 2:
            scatter_block(<block_2*> NULL, layer, begin, end, row, outputs, width, offset,
                          prefetch)
            offset += 2
        else:
            scatter_block(<block_1*> NULL, layer, begin, end, row, outputs, width, offset,
                          prefetch)
            offset += 1


cdef inline void forward_part(
    const LayerView* layer,
    int32_t part,               # of the splits: its output neurons, and no others, are written
    const real_t* inputs,       # IN (n_in, width)
    real_t* outputs,            # OUT (n_out, width)
    Py_ssize_t width,
    uint32_t dropout_key,
) noexcept nogil:
    """The forward pass by input neuron, for narrow batches.

    It streams the weights, where `forward_rows` reads each at random through its slot, and passes
    over neurons that are silent for the whole batch; in return it reads and writes the outputs
    again for every connection.  A neuron adds its inputs in ascending order, however many parts
    there are.
    """
    cdef int32_t i, j, start = layer.t_splits[part], stop = layer.t_splits[part + 1]
    cdef const int32_t* begin = layer.splits + <Py_ssize_t> part * layer.n_in
    cdef const int32_t* end = begin + layer.n_in
    cdef Py_ssize_t b
    cdef const real_t* row
    cdef real_t* output
    cdef bint prefetch = (
        (stop - start) * width * <Py_ssize_t> sizeof(real_t) > PREFETCH_TABLE_BYTES)
    for j in range(start, stop):
        output = outputs + j * width
        for b in range(width):
            output[b] = layer.bias[j]
    for i in range(layer.n_in):
        row = inputs + i * width
        if begin[i] < end[i] and not is_zero(row, width):
            scatter_row(layer, begin[i], end[i], row, outputs, width, prefetch)
    for j in range(start, stop):
        finish_row(layer, j, outputs + j * width, width, dropout_key)


# --------------------------------------------------------------------------- backward

cdef inline void backward_block(
    block_t* width_tag,
    const LayerView* layer,
    int32_t i,
    const real_t* deltas,       # IN (n_out, width)
    const real_t* row,          # IN (width,) outputs of neuron i
    real_t* sums,               # OUT (width,) weighted sum of deltas, or NULL
    real_t* gradients,          # INOUT (degree of i,) set by the first block, added to by others
    Py_ssize_t width,
    Py_ssize_t offset,
    bint prefetch,
) noexcept nogil:
    cdef block_t x, even, odd
    cdef real_t dots[4]
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
    block_load(&x, row + offset)
    block_fill(&even, 0)
    if block_chains(&even) == 2:
        block_fill(&odd, 0)
    gradients -= k
    while k + 4 <= end:
        if prefetch:
            ahead = k + PREFETCH_DISTANCE
            if ahead < last:
                for q in range(4):
                    prefetch_row(table + indices[ahead + q] * width, block_width(&x))
        r0 = table + indices[k] * width
        r1 = table + indices[k + 1] * width
        r2 = table + indices[k + 2] * width
        r3 = table + indices[k + 3] * width
        if sums != NULL:
            block_dot4_add(&x, r0, r1, r2, r3, dots, weights + k, &even, &odd)
        else:
            block_dot4(&x, r0, r1, r2, r3, dots)
        for q in range(4):
            gradients[k + q] = dots[q] if offset == 0 else gradients[k + q] + dots[q]
        k += 4
    while k < end:
        r0 = table + indices[k] * width
        if sums != NULL:
            block_add_scaled(&even, weights[k], r0)
        if offset == 0:
            gradients[k] = block_dot(&x, r0)
        else:
            gradients[k] += block_dot(&x, r0)
        k += 1
    if sums != NULL:
        if block_chains(&even) == 2:
            block_add(&even, &odd)
        block_store(&even, sums + offset)


cdef inline void backward_row(
    const LayerView* layer, int32_t i, const real_t* deltas, const real_t* row, real_t* sums,
    real_t* gradients, Py_ssize_t width, bint prefetch,
) noexcept nogil:
    cdef Py_ssize_t offset = 0, left
    while offset < width:
        left = width - offset
        if MAX_BLOCK >= 128 and left >= 128:
            backward_block(<block_128*> NULL, layer, i, deltas, row, sums, gradients, width,
                           offset, prefetch)
            offset += 128
        elif MAX_BLOCK >= 64 and left >= 64:
            backward_block(<block_64*> NULL, layer, i, deltas, row, sums, gradients, width,
                           offset, prefetch)
            offset += 64
        elif MAX_BLOCK >= 32 and left >= 32:
            backward_block(<block_32*> NULL, layer, i, deltas, row, sums, gradients, width,
                           offset, prefetch)
            offset += 32
        elif MAX_BLOCK >= 16 and left >= 16:
            backward_block(<block_16*> NULL, layer, i, deltas, row, sums, gradients, width,
                           offset, prefetch)
            offset += 16
        elif left >= 8:
            backward_block(<block_8*> NULL, layer, i, deltas, row, sums, gradients, width,
                           offset, prefetch)
            offset += 8
        elif left >= 4:
            backward_block(<block_4*> NULL, layer, i, deltas, row, sums, gradients, width,
                           offset, prefetch)
            offset += 4
        elif left >= 2:
            backward_block(<block_2*> NULL, layer, i, deltas, row, sums, gradients, width,
                           offset, prefetch)
            offset += 2
        else:
            backward_block(<block_1*> NULL, layer, i, deltas, row, sums, gradients, width,
                           offset, prefetch)
            offset += 1


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
    cdef Py_ssize_t b
    cdef real_t total
    cdef const real_t* row
    while begin < stop:
        end = begin + FLUSH_SLOTS if begin + FLUSH_SLOTS < stop else stop
        for j in range(begin, end):
            row = deltas + j * width
            total = 0
            for b in range(width):
                total += row[b]
            gradients[j - begin] = total
        update(rule, gradients, layer.bias + begin,
               NULL if layer.bias_moments[0] == NULL else layer.bias_moments[0] + begin,
               NULL if layer.bias_moments[1] == NULL else layer.bias_moments[1] + begin,
               end - begin, 0, 1)
        begin = end


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
    real_t* gradients,          # scratch, FLUSH_SLOTS + largest degree
    real_t* sums,               # scratch (width,)
) noexcept nogil:
    """Deltas of the inputs, gradients and optimizer step in one pass over the connections.

    Returns the sum of squares of the new weights: the L2 penalty of the next batch, and not
    finite as soon as one weight is not.
    """
    cdef int32_t i
    cdef Py_ssize_t b, k, flushed = layer.indptr[start]
    cdef double squares = 0
    cdef real_t* row
    cdef bint zero, prefetch = (
        layer.n_out * width * <Py_ssize_t> sizeof(real_t) > PREFETCH_TABLE_BYTES)
    # A neuron that is silent for the whole batch has no gradient, and no delta if its
    # activation is flat at zero.
    cdef bint skip_zeros = below == NULL or zero_means_flat(below.activation)
    for i in range(start, stop):
        row = inputs + i * width
        if layer.indptr[i] - flushed >= FLUSH_SLOTS:
            squares += update_slots(layer, rule, gradients, flushed, layer.indptr[i])
            flushed = layer.indptr[i]
        zero = skip_zeros and is_zero(row, width)
        if zero:
            for k in range(layer.indptr[i], layer.indptr[i + 1]):
                gradients[k - flushed] = 0
            continue
        backward_row(layer, i, deltas, row, NULL if below == NULL else sums,
                     gradients + (layer.indptr[i] - flushed), width, prefetch)
        if below != NULL:
            if below.dropout > 0:
                for b in range(width):
                    row[b] = row[b] * (1 - below.dropout)
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
