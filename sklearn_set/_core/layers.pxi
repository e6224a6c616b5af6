# One layer forward, by several threads: each gets neurons, or a half and a part, for itself.
#
# Knows which way a layer goes and which layers are worth threads.  Must not know batches, losses,
# or what comes before and after.

from cython.parallel cimport prange
from libc.stdint cimport int32_t, uint32_t

from sklearn_set._core.by_input cimport finish_rows, sum_half
from sklearn_set._core.by_input_near cimport is_near, sum_narrow_half, sum_near_half
from sklearn_set._core.by_output cimport forward_rows
from sklearn_set._core.by_part cimport sum_listed
from sklearn_set._core.by_split cimport sum_part
from sklearn_set._core.lanes cimport real_t
from sklearn_set._core.measured cimport (
    FINISHED_ROWS, SERIAL_FINISH, SERIAL_WORK, WORK_BESIDE_WIDTH,
)
from sklearn_set._core.shares cimport share_out, share_t, take_chunk
from sklearn_set._core.types cimport LayerView


cdef inline int n_threads_for(
    const LayerView* layer, Py_ssize_t width, int n_threads,
) noexcept nogil:
    """How many threads share a layer."""
    cdef Py_ssize_t work = layer.indptr[layer.n_in] * (width + WORK_BESIDE_WIDTH)
    return n_threads if work > SERIAL_WORK else 1


cdef void forward_layer(
    const LayerView* layer, const real_t* inputs, real_t* outputs, real_t* others,
    share_t* shares, Py_ssize_t width, uint32_t dropout_key, int most_threads,
) noexcept nogil:
    cdef int t
    cdef Py_ssize_t n_parts = layer.n_halves * layer.n_splits
    cdef Py_ssize_t c, n_blocks = (<Py_ssize_t> layer.n_out + FINISHED_ROWS - 1) // FINISHED_ROWS
    cdef int n_threads = n_threads_for(layer, width, most_threads)
    cdef bint use_threads = n_threads > 1
    cdef bint near = layer.n_splits == 1 and is_near(layer, width)
    if not layer.by_input:
        share_out(shares, n_threads, layer.n_t_chunks)
        for t in prange(n_threads, num_threads=n_threads, use_threads_if=use_threads,
                        schedule="static", chunksize=1):
            forward_share(layer, inputs, outputs, shares, width, dropout_key, t, n_threads)
        return
    # Five loops, so that each has a function of its own: compilers inline less in a larger one, and
    # have no registers for all of it.
    if near and width < 8:
        for c in prange(n_parts, num_threads=n_threads, use_threads_if=use_threads,
                        schedule="static", chunksize=1):
            sum_narrow_half(layer, c, inputs, others if c == 1 else outputs, width)
    elif near:
        for c in prange(n_parts, num_threads=n_threads, use_threads_if=use_threads,
                        schedule="static", chunksize=1):
            sum_near_half(layer, c, inputs, others if c == 1 else outputs, width)
    elif layer.n_splits == 1:
        for c in prange(n_parts, num_threads=n_threads, use_threads_if=use_threads,
                        schedule="static", chunksize=1):
            sum_half(layer, c, inputs, others if c == 1 else outputs, width)
    elif layer.p_indptr == NULL:
        for c in prange(n_parts, num_threads=n_threads, use_threads_if=use_threads,
                        schedule="static", chunksize=1):
            sum_part(layer, c % layer.n_halves, c // layer.n_halves, inputs,
                     others if c % layer.n_halves == 1 else outputs, width)
    else:
        for c in prange(n_parts, num_threads=n_threads, use_threads_if=use_threads,
                        schedule="static", chunksize=1):
            sum_listed(layer, c % layer.n_halves, c // layer.n_halves, inputs,
                       others if c % layer.n_halves == 1 else outputs, width)
    for c in prange(n_blocks, num_threads=n_threads, schedule="static",
                    use_threads_if=use_threads and layer.n_out * width > SERIAL_FINISH):
        finish_rows(layer, c * FINISHED_ROWS, min((c + 1) * FINISHED_ROWS, layer.n_out), outputs,
                    others if layer.n_halves == 2 else NULL, width, dropout_key)


cdef void forward_share(
    const LayerView* layer, const real_t* inputs, real_t* outputs, share_t* shares,
    Py_ssize_t width, uint32_t dropout_key, int thread, int n_threads,
) noexcept nogil:
    cdef int32_t c = take_chunk(shares, n_threads, thread)
    while c >= 0:
        forward_rows(layer, layer.t_chunks[c], layer.t_chunks[c + 1], inputs, outputs, width,
                     dropout_key)
        c = take_chunk(shares, n_threads, thread)
