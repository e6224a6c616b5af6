# Views of NumPy's arrays: pointers that kernels follow, good as long as somebody keeps the arrays.
#
# Knows the attributes of networks and workspaces, and which way a forward pass goes.  Must not
# know threads, steps, losses or optimizers.

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc

from sklearn_set._core.activations cimport N_ACTIVATIONS
from sklearn_set._core.ascending cimport first_from
from sklearn_set._core.lanes cimport real_t
from sklearn_set._core.measured cimport (
    BY_INPUT, CACHED_SUMS, FEW_OUTPUTS_OF_INPUT, FEWEST_INPUTS_OF_OUTPUT, LISTED_RUN, NEAR_SUMS,
    PREDICTED,
)
from sklearn_set._core.rows cimport padded_width
from sklearn_set._core.types cimport BatchView, LayerView


# The first element of an array, as a pointer; NULL for None and for an empty array.
cdef real_t* reals(array) except? NULL:
    cdef real_t[::1] view
    if array is None or array.size == 0:
        return NULL
    view = flat(array)
    return &view[0]

cdef const real_t* const_reals(array) except? NULL:
    cdef const real_t[::1] view
    if array is None or array.size == 0:
        return NULL
    view = flat(array)
    return &view[0]

cdef flat(array):
    if array.ndim == 1:
        return array
    # reshape would copy an array in another order, and the pointer would outlive the copy
    if not array.flags.c_contiguous:
        raise ValueError("the kernels read C-contiguous arrays only")
    return array.reshape(-1)

cdef const int32_t* const_ints(array) except? NULL:
    cdef const int32_t[::1] view
    if array is None or array.size == 0:
        return NULL
    view = array
    return &view[0]

cdef const int64_t* const_longs(array) except? NULL:
    cdef const int64_t[::1] view
    if array is None:
        return NULL
    view = array
    return &view[0]


def batch_width(Py_ssize_t n_batch):
    """Number of columns that a batch of `n_batch` samples occupies in the workspace."""
    return padded_width(n_batch)


def goes_by_input(Py_ssize_t width):
    """Whether a forward pass of training goes by input neuron, without arrays for the other way."""
    return width <= BY_INPUT


cdef int count_halves(
    Py_ssize_t n_connections, Py_ssize_t n_in, Py_ssize_t n_out, Py_ssize_t width,
) noexcept nogil:
    """In how many parts the inputs of a layer are summed when it goes by input neuron.

    Two let two threads stream one half of the connections each, where cutting the outputs would
    make both stream all of them.  That pays while the sums stay in the second-level cache; beyond,
    a smaller table is worth more, unless cutting leaves rows too short.  It is a property of the
    layer, not of the threads, as the order of additions depends on it.
    """
    if n_connections < FEWEST_INPUTS_OF_OUTPUT * n_out:
        return 1  # two tables would be much against the work
    if n_connections > FEW_OUTPUTS_OF_INPUT * n_in:
        return 2 if n_out * width <= CACHED_SUMS else 1
    return 2 if n_out * width <= NEAR_SUMS else 1


cdef int halves_of(topology, Py_ssize_t width):
    return count_halves(topology.n_connections, topology.n_in, topology.n_out, width)


def n_partial_rows(networks, Py_ssize_t width=PREDICTED):
    """How many rows the table for the sums of second halves needs, at most."""
    cdef Py_ssize_t n_rows = 0
    if width <= BY_INPUT:
        for network in networks:
            for layer in network.layers:
                topology = layer.topology
                if halves_of(topology, width) == 2:
                    n_rows = max(n_rows, topology.n_out)
    return n_rows


cdef bint has_short_runs(topology, Py_ssize_t n_parts, int n_threads):
    """Whether the connections of each part are listed, for an input has too few with it.

    Lists are 12 bytes per connection, for which two threads would gain too little.
    """
    return n_threads > 2 and topology.n_connections < LISTED_RUN * n_parts * topology.n_in


cdef tuple view_layer(
    LayerView* view, layer, int n_threads, bint by_input, int n_halves, int n_now,
):
    """Fill the view; return the arrays that must stay alive as long as it does.

    The arrays of the other direction, eight bytes per connection, are made only if needed, by as
    many threads as pay now.
    """
    topology, weights, bias = layer.topology, layer.weights, layer.bias
    indptr, indices = topology.indptr, topology.indices
    view.n_in = topology.n_in
    view.n_out = topology.n_out
    view.indptr = const_ints(indptr)
    view.indices = const_ints(indices)
    # Forward passes only read; Stepper asks for writable arrays itself.
    view.weights = <real_t*> const_reals(weights)
    view.bias = <real_t*> const_reals(bias)
    view.activation = known(layer.activation_code, N_ACTIVATIONS, "activation")
    view.parameter = layer.activation_parameter
    view.by_input = by_input
    view.is_shared = n_threads > 2
    view.n_halves = n_halves
    view.middle = <int32_t> first_from(
        view.indptr, 0, view.n_in + 1, view.indptr[view.n_in] // 2)
    return indptr, indices, weights, bias, share_view(view, topology, n_threads, n_now)


cdef tuple share_view(LayerView* view, topology, int n_threads, int n_now):
    """What a forward pass needs beside the slots: the other direction, or how threads share it."""
    # Each array is read once: another thread may replace it by an equal one, and it may be freed.
    cdef Py_ssize_t n_parts = (n_threads + view.n_halves - 1) // view.n_halves
    if not view.by_input:
        t_indptr, t_indices, t_slots = topology.by_output(n_now)
        t_chunks = topology.t_chunks
        view.t_indptr = const_ints(t_indptr)
        view.t_indices = const_ints(t_indices)
        view.t_slots = const_ints(t_slots)
        view.t_chunks = const_ints(t_chunks)
        view.n_t_chunks = t_chunks.shape[0] - 1
        return t_indptr, t_indices, t_slots, t_chunks
    view.n_splits = <int32_t> n_parts
    view.splits = view.t_splits = view.p_indptr = NULL  # the view may be of another network yet
    if n_parts == 1:
        return ()
    if has_short_runs(topology, n_parts, n_threads):
        t_splits, p_indptr, p_inputs, p_outputs, p_slots = topology.by_part(n_parts, n_now)
        view.t_splits = const_ints(t_splits)
        view.p_indptr = const_ints(p_indptr)
        view.p_inputs = const_ints(p_inputs)
        view.p_outputs = const_ints(p_outputs)
        view.p_slots = const_ints(p_slots)
        return t_splits, p_indptr, p_inputs, p_outputs, p_slots
    splits, t_splits = topology.splits(n_parts, n_now)
    view.splits = const_ints(splits.reshape(-1))
    view.t_splits = const_ints(t_splits)
    return splits, t_splits


cdef uint8_t* give_flags(LayerView* layers, int n_layers) noexcept nogil:
    """Room for the flags of silent neurons; the caller frees it."""
    cdef int depth
    cdef Py_ssize_t total = layers[0].n_in
    cdef uint8_t* flags
    cdef uint8_t* place
    for depth in range(n_layers):
        total += layers[depth].n_out
    flags = <uint8_t*> calloc(total, 1)
    if flags != NULL:
        place = flags
        for depth in range(n_layers):
            layers[depth].silent = place
            place += layers[depth].n_in
            layers[depth].silent_outputs = place
    return flags


cdef int view_data(BatchView* batch, X) except -1:
    """Where the samples are: X is of a class of samples.py, and must be kept alive."""
    if X.indptr is None:
        batch.dense = const_reals(X.values)
    else:
        batch.csr_data = const_reals(X.values)
        batch.csr_indices = const_ints(X.indices)
        batch.csr_indptr = const_longs(X.indptr)
    batch.first = const_ints(X.first)
    batch.second = const_ints(X.second)
    batch.share = const_reals(X.share)
    return 0
