# One mini-batch through all layers, compiled once per variant and number type.
#
# Kernels are serial; this file cuts the work into chunks of neurons and lets one thread have each.
# Every output has one writer and sums over chunks are taken in the order of the chunks, so the
# result does not depend on the number of threads.  It borrows NumPy's memory for the life of a
# Stepper and knows nothing of epochs, evolution or scikit-learn.

from cython.parallel cimport prange
from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

from sklearn_set._core.activations cimport N_ACTIVATIONS, drop, mask_key, needs_slopes
from sklearn_set._core.lanes cimport (
    LANES, TILE, block_16, block_add_product, block_fill, block_total, is_zero, real_t,
    transpose_tile,
)
from sklearn_set._core.losses cimport (
    ABSOLUTE_ERROR, HUBER, LOGISTIC_LOG_LOSS, POISSON, QUANTILE, SOFT_LOG_LOSS, SOFTMAX_LOG_LOSS,
    SQUARED_ERROR, loss_and_delta,
)
from sklearn_set._core.rows cimport (
    FLUSH_SLOTS, backward_rows, finish_rows, forward_rows, padded_width, prefetch_row, sum_part,
    update_biases,
)
from sklearn_set._core.shares cimport share_out, share_t, take_chunk
from sklearn_set._core.types cimport BatchView, LayerView
from sklearn_set._core.updates cimport N_SOLVERS, HyperParameters, UpdateRule

REAL_DTYPE = np.dtype("float32" if sizeof(real_t) == 4 else "float64")
N_LANES = LANES
# Gradients that may wait in a thread's scratch memory, beside those of one neuron.
N_WAITING_GRADIENTS = FLUSH_SLOTS

LOSS_CODES = {
    "softmax_log_loss": SOFTMAX_LOG_LOSS,
    "logistic_log_loss": LOGISTIC_LOG_LOSS,
    "squared_error": SQUARED_ERROR,
    "soft_log_loss": SOFT_LOG_LOSS,
    "absolute_error": ABSOLUTE_ERROR,
    "huber": HUBER,
    "quantile": QUANTILE,
    "poisson": POISSON,
}

cdef extern from "system.h" nogil:
    double wall_seconds()

cdef enum:
    # The forward pass goes by input neuron up to this width: measured.
    BY_INPUT = 32
    # Numbers in a table of sums that stays in the second-level cache, and in the third.
    CACHED_SUMS = 1 << 18
    NEAR_SUMS = 1 << 20
    PREDICTED = 8               # the width that predictions are taken to have
    # A pass over fewer connections x (width + 16), some five microseconds, stays serial: waking
    # threads that wait costs half a microsecond, but one that another program has displaced
    # milliseconds.
    SERIAL_WORK = 100_000
    # The same of reading a batch, in numbers: they come from memory that is farther away.
    SERIAL_GATHER = 12_000
    # Activating fewer outputs takes less time than threads need to meet once more.
    SERIAL_FINISH = 1 << 14
    # Output neurons whose activation is computed in one go.
    FINISHED_ROWS = 64
    # Positions whose gradients are computed in one go.
    CANDIDATES = 1024
    # Features whose part of the batch is transposed in one go, small enough for the first cache.
    FEATURES = 128


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


cdef int known(int code, int n_codes, str what) except -1:
    """The code of an activation or an update; the kernels would pass over one without a branch."""
    if not 0 <= code < n_codes:
        raise ValueError(f"the kernels have no {what} of code {code}")
    return code


cdef HyperParameters read_hyper(given) except *:
    """An optimizer's hyper-parameters by name.

    Those that it does not give are not-a-number, so that no update reads them unnoticed.
    """
    cdef HyperParameters hyper
    memset(&hyper, 0, sizeof(HyperParameters))
    values = dict.fromkeys(<object> hyper, NAN)
    unknown = sorted(set(given) - set(values))
    if unknown:
        raise ValueError(
            f"the kernels have no hyper-parameters {unknown}, but {sorted(values)}")
    values.update(given)
    hyper = values
    return hyper


def stores_slopes(int activation):
    """Whether the activation of this code stores its slopes in the forward pass of training."""
    return needs_slopes(activation)


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
    if n_connections < 8 * n_out:
        return 1  # two tables would be much against the work
    return 2 if n_out * width <= (CACHED_SUMS if n_connections > 32 * n_in else NEAR_SUMS) else 1


cdef int halves_of(topology, Py_ssize_t width):
    return count_halves(topology.n_connections, topology.n_in, topology.n_out, width)


def n_partial_rows(network, Py_ssize_t width=PREDICTED):
    """How many rows the table for the sums of second halves needs, at most."""
    return max(
        layer.topology.n_out
        if width <= BY_INPUT and halves_of(layer.topology, width) == 2
        else 0
        for layer in network.layers
    )


cdef tuple view_layer(LayerView* view, layer, int n_threads, bint by_input, int n_halves):
    """Fill the view; return the arrays that must stay alive as long as it does.

    The arrays of the other direction, eight bytes per connection, are made only if needed.
    """
    topology = layer.topology
    view.by_input = by_input
    view.n_halves = n_halves
    view.middle = topology.indptr.searchsorted(topology.n_connections // 2)
    t_indices, t_slots, t_chunks, splits, t_splits = None, None, None, None, None
    # Read once: another thread may replace it by an equal array, and this one may then be freed.
    t_indptr, chunks = None, topology.chunks
    if not by_input:
        t_indptr, t_indices, t_slots = topology.t_indptr, topology.t_indices, topology.t_slots
        t_chunks = topology.t_chunks
    elif n_threads <= view.n_halves:
        t_splits = np.array([0, topology.n_out], np.int32)
    else:
        splits, t_splits = topology.splits(-(-n_threads // view.n_halves))
    arrays = (
        topology.indptr, topology.indices, t_indptr, t_indices, t_slots,
        chunks, t_chunks, splits, t_splits, layer.weights, layer.bias,
    )
    view.n_in = topology.n_in
    view.n_out = topology.n_out
    view.indptr = const_ints(topology.indptr)
    view.indices = const_ints(topology.indices)
    view.t_indptr = const_ints(t_indptr)
    view.t_indices = const_ints(t_indices)
    view.t_slots = const_ints(t_slots)
    view.chunks = const_ints(chunks)
    view.t_chunks = const_ints(t_chunks)
    view.splits = const_ints(None if splits is None else splits.reshape(-1))
    view.t_splits = const_ints(t_splits)
    view.n_chunks = chunks.shape[0] - 1
    view.n_t_chunks = 0 if t_chunks is None else t_chunks.shape[0] - 1
    view.n_splits = 0 if t_splits is None else t_splits.shape[0] - 1
    # Forward passes only read; Stepper asks for writable arrays itself.
    view.weights = <real_t*> const_reals(layer.weights)
    view.bias = <real_t*> const_reals(layer.bias)
    view.activation = known(layer.activation_code, N_ACTIVATIONS, "activation")
    view.parameter = layer.activation_parameter
    return arrays


cdef struct Pace:
    # Whether threads pay at the moment.  On a machine whose other processors are busy, two
    # threads may take turns on one of them and wait for each other at every layer: many times
    # slower than one thread.  Nothing but time depends on this choice.
    double serial          # seconds of a step on one thread, lately; 0 for not known yet
    double serial_until    # until when to stay with one thread
    double patience        # for how long, the last time
    double strikes         # slow steps of threads in a row: one may have met sleeping threads


cdef int threads_that_pay(const Pace* pace, int n_threads) noexcept nogil:
    if n_threads == 1 or pace.serial == 0 or wall_seconds() < pace.serial_until:
        return 1
    return n_threads


def n_threads_that_pay(double[::1] pace, int n_threads):
    """The number of threads that the next step would use, for work between steps.

    Parameters
    ----------
    pace : ndarray of shape (4,), float64
        That of a `Workspace`.
    n_threads : int
    """
    return threads_that_pay(<const Pace*> &pace[0], n_threads)


cdef void learn_pace(Pace* pace, int used, double seconds) noexcept nogil:
    if used == 1:
        # A little more each time, so that one lucky step is not the measure for ever.
        if pace.serial == 0 or seconds < pace.serial * 1.05:
            pace.serial = seconds
        else:
            pace.serial *= 1.05
    elif pace.serial > 0 and seconds > 1.2 * pace.serial:
        pace.strikes += 1
        if pace.strikes == 3 or seconds > 10 * pace.serial:
            pace.patience = min(max(2 * pace.patience, 10 * seconds), 1.0)
            pace.serial_until = wall_seconds() + pace.patience
            pace.strikes = 0
    elif pace.serial > 0:
        pace.patience = 0
        pace.strikes = 0


cdef inline int n_threads_for(
    const LayerView* layer, Py_ssize_t width, int n_threads,
) noexcept nogil:
    """How many threads share a layer."""
    return n_threads if layer.indptr[layer.n_in] * (width + 16) > SERIAL_WORK else 1


cdef void forward_layer(
    const LayerView* layer, const real_t* inputs, real_t* outputs, real_t* others,
    share_t* shares, Py_ssize_t width, uint32_t dropout_key, int most_threads,
) noexcept nogil:
    cdef int t
    cdef Py_ssize_t c, n_blocks = (<Py_ssize_t> layer.n_out + FINISHED_ROWS - 1) // FINISHED_ROWS
    cdef int n_threads = n_threads_for(layer, width, most_threads)
    cdef bint use_threads = n_threads > 1
    if not layer.by_input:
        share_out(shares, n_threads, layer.n_t_chunks)
        for t in prange(n_threads, num_threads=n_threads, use_threads_if=use_threads,
                        schedule="static", chunksize=1):
            forward_share(layer, inputs, outputs, shares, width, dropout_key, t, n_threads)
        return
    for c in prange(layer.n_halves * layer.n_splits, num_threads=n_threads,
                    use_threads_if=use_threads, schedule="static", chunksize=1):
        sum_part(layer, c % layer.n_halves, c // layer.n_halves, inputs,
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


cdef inline bint is_ignored(const BatchView* batch, Py_ssize_t b) noexcept nogil:
    """Whether column b must leave no trace: padding, or a sample of weight zero."""
    return b >= batch.n_batch or (
        batch.sample_weight != NULL and batch.sample_weight[batch.rows[b]] == 0)


cdef inline void finish_features(
    const BatchView* batch, real_t* table, uint8_t* silent, Py_ssize_t start, Py_ssize_t stop,
) noexcept nogil:
    """Units and dropout of the features [start, stop), and whether they are silent.

    The offset comes off padding columns too: these leave no trace, as their deltas are zero.
    """
    cdef Py_ssize_t f, b, width = batch.width
    cdef real_t offset, factor = batch.factor
    for f in range(start, stop):
        if batch.offset != NULL and batch.offset[f] != 0:
            offset = batch.offset[f]
            for b in range(width):
                table[f * width + b] -= offset
        if factor != 1:
            for b in range(width):
                table[f * width + b] *= factor
        if batch.dropout > 0:
            drop(batch.dropout_key, <uint32_t> f, batch.dropout, table + f * width, width)
        silent[f] = is_zero(table + f * width, width)


cdef inline void gather_features(
    const BatchView* batch, real_t* table, Py_ssize_t start, Py_ssize_t stop,
) noexcept nogil:
    """Transpose the features [start, stop) of the batch's samples into table (n_features, width).

    Whole tiles in registers, the rest number by number.
    """
    cdef const real_t* samples[TILE]
    cdef Py_ssize_t b, f, q, width = batch.width, tiled
    cdef const real_t* sample
    b = 0
    if TILE <= width:
        prefetch_samples(batch, 0, start, stop)
    while b < width:
        tiled = start
        prefetch_samples(batch, b + TILE, start, stop)
        if b + TILE <= width and sample_rows(batch, b, samples):
            while tiled + TILE <= stop:
                transpose_tile(samples, tiled, table + tiled * width + b, width)
                tiled = tiled + TILE
        for q in range(b, min(b + TILE, width)):
            if is_ignored(batch, q):
                for f in range(tiled, stop):
                    table[f * width + q] = 0
            else:
                sample = batch.dense + <Py_ssize_t> batch.rows[q] * batch.n_features
                for f in range(tiled, stop):
                    table[f * width + q] = sample[f]
        b = b + TILE


cdef inline void prefetch_samples(
    const BatchView* batch, Py_ssize_t b, Py_ssize_t start, Py_ssize_t stop,
) noexcept nogil:
    """Features [start, stop) of the samples of the tile that begins with column b, if any."""
    cdef Py_ssize_t q
    for q in range(b, min(b + TILE, batch.n_batch)):
        prefetch_row(batch.dense + <Py_ssize_t> batch.rows[q] * batch.n_features + start,
                     stop - start)


cdef inline bint sample_rows(
    const BatchView* batch, Py_ssize_t b, const real_t** samples,
) noexcept nogil:
    """The rows of X of a tile's columns; whether all of them are to be read."""
    cdef Py_ssize_t q
    for q in range(TILE):
        if is_ignored(batch, b + q):
            return False
        samples[q] = batch.dense + <Py_ssize_t> batch.rows[b + q] * batch.n_features
    return True


cdef inline void scatter_sample(
    const BatchView* batch, Py_ssize_t b, real_t* table,
) noexcept nogil:
    cdef int64_t c
    cdef int64_t row = batch.rows[b]
    for c in range(batch.csr_indptr[row], batch.csr_indptr[row + 1]):
        # += : the format allows an entry to be given in several parts
        table[batch.csr_indices[c] * batch.width + b] += batch.csr_data[c]


cdef void gather(
    const BatchView* batch, real_t* table, uint8_t* silent, int n_threads,
) noexcept nogil:
    """The batch, neuron by neuron: from here on the format of X is forgotten."""
    cdef Py_ssize_t n_features = batch.n_features, width = batch.width
    cdef Py_ssize_t c, b, n_chunks = (n_features + FEATURES - 1) // FEATURES
    cdef bint use_threads = n_threads > 1 and n_features * width > SERIAL_GATHER
    if batch.dense != NULL:
        for c in prange(n_chunks, num_threads=n_threads, use_threads_if=use_threads,
                        schedule="static"):
            gather_features(batch, table, c * FEATURES, min((c + 1) * FEATURES, n_features))
            finish_features(batch, table, silent, c * FEATURES,
                            min((c + 1) * FEATURES, n_features))
        return
    for c in prange(n_chunks, num_threads=n_threads, use_threads_if=use_threads,
                    schedule="static"):
        memset(table + c * FEATURES * width, 0,
               min(FEATURES, n_features - c * FEATURES) * width * sizeof(real_t))
    for b in prange(batch.n_batch, num_threads=n_threads, use_threads_if=use_threads,
                    schedule="static"):
        if not is_ignored(batch, b):
            scatter_sample(batch, b, table)
    for c in prange(n_chunks, num_threads=n_threads, use_threads_if=use_threads,
                    schedule="static"):
        finish_features(batch, table, silent, c * FEATURES, min((c + 1) * FEATURES, n_features))


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


cdef class Stepper:
    """Training steps on a network whose memory it borrows.

    Parameters
    ----------
    network : SparseNetwork
        Its topologies, weights and biases; weights and biases are written.
    optimizer : SGD or Adam
        Its moments (written) and hyper-parameters.
    workspace : Workspace
        Room for the activations of every layer, at least ``batch_width(n)`` columns wide.
    X : ndarray of shape (n_samples, n_features) or tuple (data, indices, indptr)
        C-contiguous, or CSR with int32 indices and int64 indptr; of the compiled number type.
    y : ndarray
        int32 class numbers of shape (n_samples,) for ``loss="softmax_log_loss"``, targets of
        shape (n_samples, n_outputs) and of the compiled number type otherwise.
    sample_weight : ndarray of shape (n_samples,) or None
    mean_weight : float
        Mean weight of a sample that counts.
    smallest_batch : int
        A smaller batch is penalised as one of this size.
    loss : str
        A key of `LOSS_CODES`.
    loss_parameter : float
        The loss's own number: the quantile, or the error from which on "huber" is linear.
    alpha, weight_decay : float
        L2 in the loss, divided by the expected weight of the batch, and decoupled decay.
    dropout : float
        Probability that the output of a hidden neuron is dropped.
    input_dropout : float
        Probability that a feature is dropped.
    dropout_seed : int
        Key of the dropout masks, below 2**32.
    n_threads : int
    """

    cdef LayerView* layers
    cdef real_t** tables            # activations, which the backward pass turns into deltas
    cdef real_t* scratch
    cdef int n_layers, n_threads, loss
    cdef Py_ssize_t scratch_size, sums_size
    cdef UpdateRule rule
    cdef BatchView batch
    cdef Pace* pace
    cdef double loss_parameter, alpha, weight_decay, penalty, mean_weight
    cdef int smallest_batch
    cdef double clock[3]            # seconds spent so far: gather, forward, backward
    cdef double* partial
    cdef share_t* shares            # of the chunks of a layer, for each thread
    cdef real_t* others             # sums of the second halves
    cdef uint8_t* flags             # of silent neurons, the features first
    cdef uint32_t dropout_seed
    cdef object borrowed            # keeps every array alive while pointers to it exist
    cdef Py_ssize_t max_width

    def __cinit__(self, network, optimizer, workspace, X, y, sample_weight, *, loss,
                  mean_weight=1.0, smallest_batch=1, loss_parameter=0.0, alpha=0.0,
                  weight_decay=0.0, dropout=0.0, input_dropout=0.0, dropout_seed=0, n_threads=1):
        cdef int depth, m, largest_chunks = 1
        cdef double[::1] pace
        layers = network.layers
        self.n_layers = len(layers)
        self.n_threads = n_threads
        self.loss = LOSS_CODES[loss]
        self.loss_parameter = loss_parameter
        self.mean_weight = mean_weight
        self.smallest_batch = smallest_batch
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.dropout_seed = dropout_seed
        self.borrowed = [X, y, sample_weight, network.offset, *workspace.tables, *workspace.slopes,
                         workspace.scratch, workspace.pace]
        self.layers = <LayerView*> calloc(self.n_layers, sizeof(LayerView))
        self.tables = <real_t**> calloc(self.n_layers + 1, sizeof(real_t*))
        if self.layers == NULL or self.tables == NULL:
            raise MemoryError
        self.max_width = workspace.width
        self.others = reals(workspace.partial)
        self.borrowed.append(workspace.partial)
        for depth in range(self.n_layers + 1):
            self.tables[depth] = reals(workspace.tables[depth])
        self.penalty = 0
        for depth in range(self.n_layers):
            layer = layers[depth]
            self.borrowed.append(view_layer(
                &self.layers[depth], layer, n_threads,
                self.max_width <= BY_INPUT,
                halves_of(layer.topology, self.max_width)))
            reals(layer.weights)  # refuses arrays that cannot be written
            reals(layer.bias)
            self.layers[depth].slopes = reals(workspace.slopes[depth])
            self.layers[depth].dropout = dropout if depth + 1 < self.n_layers else 0
            for m in range(optimizer.n_moments):
                self.layers[depth].moments[m] = reals(optimizer.moments[depth][m])
                self.layers[depth].bias_moments[m] = reals(optimizer.bias_moments[depth][m])
            largest_chunks = max(largest_chunks, self.layers[depth].n_chunks)
            if alpha > 0:
                self.penalty += float(np.vdot(layer.weights, layer.weights))
            self.borrowed.append((*optimizer.moments[depth], *optimizer.bias_moments[depth]))
        self.partial = <double*> calloc(largest_chunks, sizeof(double))
        self.flags = give_flags(self.layers, self.n_layers)
        self.shares = <share_t*> calloc(n_threads, sizeof(share_t))
        if self.partial == NULL or self.flags == NULL or self.shares == NULL:
            raise MemoryError
        pace = workspace.pace
        self.pace = <Pace*> &pace[0]
        self.scratch = reals(workspace.scratch)
        self.scratch_size = workspace.scratch.shape[1]
        self.sums_size = workspace.width

        memset(&self.rule, 0, sizeof(UpdateRule))
        self.rule.solver = known(optimizer.kernel_code, N_SOLVERS, "update")
        self.rule.hyper = read_hyper(optimizer.hyper)

        memset(&self.batch, 0, sizeof(BatchView))
        self.batch.n_features = self.layers[0].n_in
        self.batch.offset = const_reals(network.offset)
        self.batch.factor = network.factor
        self.batch.dropout = input_dropout
        if isinstance(X, tuple):
            self.batch.csr_data = const_reals(X[0])
            self.batch.csr_indices = const_ints(X[1])
            self.batch.csr_indptr = const_longs(X[2])
        else:
            self.batch.dense = const_reals(X)
        if self.loss == SOFTMAX_LOG_LOSS:
            self.batch.labels = const_ints(y)
        else:
            self.batch.targets = const_reals(y)
        self.batch.sample_weight = const_reals(sample_weight)

    def __dealloc__(self):
        free(self.layers)
        free(self.tables)
        free(self.partial)
        free(self.flags)
        free(self.shares)

    def step(self, const int32_t[::1] rows, double learning_rate, double step_size,
             uint64_t step_number):
        """Forward, loss, backward and update on the samples `rows`.

        Parameters
        ----------
        rows : ndarray of shape (n_batch,), int32
        learning_rate : float
            The schedule's rate, by which `weight_decay` is multiplied.
        step_size : float
            What the optimizer multiplies its direction by: the rate, with Adam's correction.
        step_number : int
            Counts the steps of the whole training: key of the dropout masks.

        Returns
        -------
        loss : float
            Weighted mean of the loss over the batch plus the L2 penalty, before the update; nan
            for a batch whose weights are all zero, which changes nothing.
        """
        cdef int n_batch = rows.shape[0], n_threads
        cdef double loss, start
        if padded_width(n_batch) > self.max_width:
            raise ValueError("the batch is wider than the workspace")
        self.batch.rows = &rows[0]
        self.batch.n_batch = n_batch
        self.batch.width = padded_width(n_batch)
        with nogil:
            start = wall_seconds()
            n_threads = threads_that_pay(self.pace, self.n_threads)
            loss = self.run(n_threads, learning_rate, step_size, step_number)
            if self.batch.width == self.max_width:
                learn_pace(self.pace, n_threads, wall_seconds() - start)
        return loss

    @property
    def weights_are_finite(self):
        """Whether no weight of a connection has become infinite or not a number."""
        return self.penalty - self.penalty == 0

    @property
    def seconds(self):
        """Wall seconds spent so far: reading batches, forward, and loss with backward."""
        return dict(zip(("gather", "forward", "backward"), self.clock))

    cdef uint32_t dropout_key(self, int depth, uint64_t step_number) noexcept nogil:
        return mask_key(self.dropout_seed, step_number, depth)

    cdef double run(
        self, int n_threads, double learning_rate, double step_size, uint64_t step_number,
    ) noexcept nogil:
        cdef int depth, b, last = self.n_layers - 1, n_counting = 0
        cdef double weight_sum = 0, expected, loss, began, gathered, passed
        cdef Py_ssize_t width = self.batch.width
        cdef LayerView* output = &self.layers[last]
        if self.batch.sample_weight == NULL:
            weight_sum = self.batch.n_batch
            n_counting = self.batch.n_batch
        else:
            for b in range(self.batch.n_batch):
                weight_sum += self.batch.sample_weight[self.batch.rows[b]]
                n_counting += self.batch.sample_weight[self.batch.rows[b]] > 0
        if weight_sum == 0:
            return NAN
        # The actual weight of a batch may be tiny: the network would learn only the penalty.
        expected = self.mean_weight * max(n_counting, self.smallest_batch)
        self.rule.learning_rate = step_size
        self.rule.shrink = 1 - learning_rate * self.weight_decay
        self.rule.l2 = self.alpha / expected

        began = wall_seconds()
        self.batch.dropout_key = self.dropout_key(-1, step_number)
        gather(&self.batch, self.tables[0], self.flags, n_threads)
        gathered = wall_seconds()
        for depth in range(self.n_layers):
            forward_layer(&self.layers[depth], self.tables[depth], self.tables[depth + 1],
                          self.others, self.shares, width,
                          self.dropout_key(depth, step_number), n_threads)
        passed = wall_seconds()
        loss = loss_and_delta(self.loss, self.loss_parameter, &self.batch, self.tables[last + 1],
                              output.n_out, weight_sum)
        loss = (loss + 0.5 * self.alpha * self.penalty * (weight_sum / expected)) / weight_sum
        self.penalty = 0
        update_biases(output, &self.rule, self.tables[last + 1], width, 0, output.n_out,
                      self.scratch)
        for depth in range(last, -1, -1):
            self.backward_layer(depth, width, step_number, n_threads)
        self.clock[0] += gathered - began
        self.clock[1] += passed - gathered
        self.clock[2] += wall_seconds() - passed
        return loss

    cdef void backward_layer(
        self, int depth, Py_ssize_t width, uint64_t step_number, int most_threads,
    ) noexcept nogil:
        cdef int c, t
        cdef LayerView* layer = &self.layers[depth]
        cdef int n_threads = n_threads_for(layer, width, most_threads)
        share_out(self.shares, n_threads, layer.n_chunks)
        for t in prange(n_threads, num_threads=n_threads, use_threads_if=n_threads > 1,
                        schedule="static", chunksize=1):
            self.backward_share(depth, width, step_number, t, n_threads)
        for c in range(layer.n_chunks):
            self.penalty += self.partial[c]

    cdef void backward_share(
        self, int depth, Py_ssize_t width, uint64_t step_number, int thread, int n_threads,
    ) noexcept nogil:
        cdef LayerView* layer = &self.layers[depth]
        cdef LayerView* below = &self.layers[depth - 1] if depth > 0 else NULL
        cdef uint32_t key = self.dropout_key(depth - 1, step_number)
        cdef real_t* sums = self.scratch + thread * self.scratch_size
        cdef int32_t c = take_chunk(self.shares, n_threads, thread)
        while c >= 0:
            self.partial[c] = backward_rows(
                layer, below, layer.chunks[c], layer.chunks[c + 1], self.tables[depth + 1],
                self.tables[depth], width, &self.rule, key, sums + self.sums_size, sums)
            c = take_chunk(self.shares, n_threads, thread)


def forward(network, X, tables, outputs, *, partial=None, n_threads=1):
    """Pre-activations of the output neurons, for prediction.

    Parameters
    ----------
    network : SparseNetwork
        Only read.
    X : ndarray of shape (n_samples, n_features) or tuple (data, indices, indptr)
        As for `Stepper`.
    tables : list of ndarray
        Room for the data, and for every layer's outputs: shape (n_units, width).
    outputs : ndarray of shape (n_samples, n_outputs)
        Written.
    partial : ndarray of shape (n_partial_rows(network), width), default=None
        Room for sums; made where None.
    n_threads : int
    """
    cdef int n_layers = len(network.layers), depth
    cdef Py_ssize_t n_samples = outputs.shape[0], n_outputs = outputs.shape[1]
    cdef Py_ssize_t width = tables[0].shape[1], start = 0, b, j, n
    cdef int most_threads = n_threads, threads
    cdef Pace pace
    cdef double began
    cdef BatchView batch
    cdef real_t* out = reals(outputs)
    cdef real_t* scores
    order = np.arange(n_samples, dtype=np.int32)
    cdef const int32_t* order_pointer = const_ints(order)
    if partial is None:
        partial = np.empty((n_partial_rows(network, PREDICTED), width), REAL_DTYPE)
    cdef real_t* others = reals(partial)
    cdef LayerView* layers = <LayerView*> calloc(n_layers, sizeof(LayerView))
    cdef uint8_t* flags = NULL
    cdef real_t** rooms = <real_t**> calloc(n_layers + 1, sizeof(real_t*))
    borrowed = []
    memset(&batch, 0, sizeof(BatchView))
    memset(&pace, 0, sizeof(Pace))
    try:
        if layers == NULL or rooms == NULL:
            raise MemoryError
        for depth in range(n_layers):
            # By input neuron and in halves whatever the width: what a sample is predicted to be
            # must not depend, even in the last digit, on how many others are predicted with it.
            layer = network.layers[depth]
            borrowed.append(view_layer(
                &layers[depth], layer, n_threads, True,
                halves_of(layer.topology, PREDICTED)))
            rooms[depth] = reals(tables[depth])
        flags = give_flags(layers, n_layers)
        if flags == NULL:
            raise MemoryError
        rooms[n_layers] = reals(tables[n_layers])
        batch.n_features = layers[0].n_in
        offset = network.offset  # kept alive
        batch.offset = const_reals(offset)
        batch.factor = network.factor
        if isinstance(X, tuple):
            batch.csr_data = const_reals(X[0])
            batch.csr_indices = const_ints(X[1])
            batch.csr_indptr = const_longs(X[2])
        else:
            batch.dense = const_reals(X)
        with nogil:
            while start < n_samples:
                began = wall_seconds()
                # The first block is on trust: often there is no other.
                threads = most_threads if start == 0 else threads_that_pay(&pace, most_threads)
                n = width if n_samples - start >= width else n_samples - start
                batch.rows = order_pointer + start
                batch.n_batch = <int32_t> n
                batch.width = padded_width(n)
                gather(&batch, rooms[0], flags, threads)
                for depth in range(n_layers):
                    forward_layer(&layers[depth], rooms[depth], rooms[depth + 1], others, NULL,
                                  batch.width, 0, threads)
                scores = rooms[n_layers]
                for b in range(n):
                    for j in range(n_outputs):
                        out[(start + b) * n_outputs + j] = scores[j * batch.width + b]
                start = start + n
                if n == width:
                    learn_pace(&pace, threads, wall_seconds() - began)
    finally:
        free(flags)
        free(layers)
        free(rooms)


def table_of(X, const int32_t[::1] rows, int n_features, offset=None, double factor=1,
             int n_threads=1):
    """Some samples as a network reads them, feature by feature.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features) or tuple (data, indices, indptr)
        As for `Stepper`.
    rows : ndarray of shape (n_rows,), int32
        The samples.
    n_features : int
    offset : ndarray of shape (n_features,), default=None
        Subtracted from the features.
    factor : float, default=1.0
        What they are multiplied by then.
    n_threads : int, default=1

    Returns
    -------
    ndarray of shape (n_features, n_rows)
    """
    cdef BatchView batch
    cdef uint8_t[::1] silent = np.empty(n_features, np.uint8)
    table = np.empty((n_features, rows.shape[0]), REAL_DTYPE)
    if rows.shape[0] == 0 or n_features == 0:
        return table
    cdef real_t* numbers = reals(table)
    memset(&batch, 0, sizeof(BatchView))
    if isinstance(X, tuple):
        batch.csr_data = const_reals(X[0])
        batch.csr_indices = const_ints(X[1])
        batch.csr_indptr = const_longs(X[2])
    else:
        batch.dense = const_reals(X)
    batch.n_features = n_features
    batch.offset = const_reals(offset)
    batch.factor = factor
    batch.rows = &rows[0]
    batch.n_batch = <int32_t> rows.shape[0]
    batch.width = rows.shape[0]
    with nogil:
        gather(&batch, numbers, &silent[0], n_threads)
    return table


cdef inline real_t row_product(const real_t* row, const real_t* other, Py_ssize_t n) noexcept nogil:
    """The sum over two rows of any length."""
    cdef block_16 sums
    cdef real_t total
    cdef Py_ssize_t b = 0
    block_fill(&sums, 0)
    while b + 16 <= n:
        block_add_product(&sums, row + b, other + b)
        b += 16
    total = block_total(&sums)
    while b < n:
        total += row[b] * other[b]
        b += 1
    return total


def gradients_at(
    const int64_t[::1] positions, const real_t[:, ::1] inputs, const real_t[:, ::1] deltas,
    int n_threads=1,
):
    """Gradients of the loss at some positions of a layer, connected or not.

    Parameters
    ----------
    positions : ndarray of shape (n_positions,), int64
        Ascending, numbered ``input * n_out + output``.
    inputs : ndarray of shape (n_in, n_samples)
    deltas : ndarray of shape (n_out, n_samples)
    n_threads : int, default=1

    Returns
    -------
    ndarray of shape (n_positions,)
    """
    cdef Py_ssize_t n = positions.shape[0], n_samples = deltas.shape[1], c, k
    cdef Py_ssize_t n_chunks = (n + CANDIDATES - 1) // CANDIDATES, last
    cdef int64_t n_out = deltas.shape[0], i
    gradients_array = np.empty(n, REAL_DTYPE)
    cdef real_t[::1] gradients = gradients_array
    if n == 0 or n_samples == 0:
        gradients_array[:] = 0
        return gradients_array
    if not 0 <= positions[0] <= positions[n - 1] < inputs.shape[0] * n_out:
        raise ValueError("there are no such positions")
    for c in prange(n_chunks, num_threads=n_threads, nogil=True, schedule="static",
                    use_threads_if=n_threads > 1 and n * n_samples > SERIAL_WORK):
        i = positions[c * CANDIDATES] // n_out
        last = min((c + 1) * CANDIDATES, n)
        for k in range(c * CANDIDATES, last):
            while positions[k] >= (i + 1) * n_out:
                i = i + 1
            gradients[k] = row_product(
                &inputs[i, 0], &deltas[positions[k] - i * n_out, 0], n_samples)
    return gradients_array
