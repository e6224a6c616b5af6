# Training steps: forward, loss, backward and update of one mini-batch after the other.
#
# Knows a network, an optimizer, a workspace and the data, whose memory it borrows for its life.
# Must not know epochs, evolution or scikit-learn.

from cython.parallel cimport prange
from libc.math cimport NAN
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

from sklearn_set._core.activations cimport mask_key
from sklearn_set._core.backward cimport backward_rows, update_biases
from sklearn_set._core.lanes cimport real_t
from sklearn_set._core.losses cimport SOFTMAX_LOG_LOSS, loss_and_delta, weighted_sum
from sklearn_set._core.measured cimport LOST_COLUMNS, SERIAL_LOSS
from sklearn_set._core.rows cimport padded_width
from sklearn_set._core.shares cimport share_out, share_t, take_chunk
from sklearn_set._core.types cimport BatchView, LayerView
from sklearn_set._core.updates cimport N_SOLVERS, UpdateRule, sum_of_squares


cdef bint are_finite(const real_t* values, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t k, n_finite = 0
    for k in range(n):
        n_finite += values[k] - values[k] == 0
    return n_finite == n


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
    X : Samples
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
    cdef double* losses             # of the samples of a batch
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
        self.n_layers = len(network.layers)
        self.n_threads = n_threads
        self.loss = LOSS_CODES[loss]
        self.loss_parameter = loss_parameter
        self.mean_weight = mean_weight
        self.smallest_batch = smallest_batch
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.dropout_seed = dropout_seed
        self.borrowed = []
        self.borrow_workspace(workspace)
        self.borrow_layers(network, optimizer, workspace, dropout)
        self.read_rule(optimizer)
        self.borrow_data(network, X, y, sample_weight, input_dropout)

    cdef borrow_workspace(self, workspace):
        cdef int depth
        cdef double[::1] pace = workspace.pace
        self.borrowed += [*workspace.tables, *workspace.slopes, workspace.scratch, workspace.pace,
                          workspace.partial]
        self.tables = <real_t**> calloc(self.n_layers + 1, sizeof(real_t*))
        self.shares = <share_t*> calloc(self.n_threads, sizeof(share_t))
        self.losses = <double*> calloc(workspace.width, sizeof(double))
        if self.tables == NULL or self.shares == NULL or self.losses == NULL:
            raise MemoryError
        for depth in range(self.n_layers + 1):
            self.tables[depth] = reals(workspace.tables[depth])
        self.max_width = workspace.width
        self.others = reals(workspace.partial)
        self.pace = <Pace*> &pace[0]
        self.scratch = reals(workspace.scratch)
        self.scratch_size = workspace.scratch.shape[1]
        self.sums_size = workspace.width

    cdef borrow_layers(self, network, optimizer, workspace, double dropout):
        cdef int depth, m, largest_chunks = 1
        cdef LayerView* view
        self.layers = <LayerView*> calloc(self.n_layers, sizeof(LayerView))
        if self.layers == NULL:
            raise MemoryError
        self.penalty = 0
        for depth in range(self.n_layers):
            layer = network.layers[depth]
            view = &self.layers[depth]
            self.borrowed.append(view_layer(
                view, layer, self.n_threads, goes_by_input(self.max_width),
                halves_of(layer.topology, self.max_width),
                threads_that_pay(self.pace, self.n_threads)))
            reals(layer.weights)  # refuses arrays that cannot be written
            reals(layer.bias)
            chunks = layer.topology.chunks
            self.borrowed.append(chunks)
            view.chunks = const_ints(chunks)
            view.n_chunks = chunks.shape[0] - 1
            view.slopes = reals(workspace.slopes[depth])
            view.dropout = dropout if depth + 1 < self.n_layers else 0
            for m in range(optimizer.n_moments):
                view.moments[m] = reals(optimizer.moments[depth][m])
                view.bias_moments[m] = reals(optimizer.bias_moments[depth][m])
            largest_chunks = max(largest_chunks, view.n_chunks)
            self.borrowed.append((*optimizer.moments[depth], *optimizer.bias_moments[depth]))
        self.partial = <double*> calloc(largest_chunks, sizeof(double))
        self.flags = give_flags(self.layers, self.n_layers)
        if self.partial == NULL or self.flags == NULL:
            raise MemoryError
        if self.alpha > 0:
            for depth in range(self.n_layers):
                self.add_squares(&self.layers[depth])

    cdef void add_squares(self, const LayerView* layer) noexcept nogil:
        """Add the squares of a layer to the penalty, in the order of its chunks."""
        cdef int c, n_threads = n_threads_for(layer, 0, threads_that_pay(self.pace, self.n_threads))
        cdef Py_ssize_t start
        for c in prange(layer.n_chunks, num_threads=n_threads, use_threads_if=n_threads > 1,
                        schedule="static"):
            start = layer.indptr[layer.chunks[c]]
            self.partial[c] = sum_of_squares(
                layer.weights + start, layer.indptr[layer.chunks[c + 1]] - start)
        for c in range(layer.n_chunks):
            self.penalty += self.partial[c]

    cdef read_rule(self, optimizer):
        memset(&self.rule, 0, sizeof(UpdateRule))
        self.rule.solver = known(optimizer.kernel_code, N_SOLVERS, "update")
        self.rule.hyper = read_hyper(optimizer.hyper)

    cdef borrow_data(self, network, X, y, sample_weight, double input_dropout):
        self.borrowed += [X, y, sample_weight, network.offset, network.relevance]
        memset(&self.batch, 0, sizeof(BatchView))
        view_data(&self.batch, X)
        self.batch.n_features = self.layers[0].n_in
        self.batch.connections = where_few_are_connected(&self.layers[0])
        self.batch.offset = const_reals(network.offset)
        self.batch.factor = network.factor
        self.batch.relevance = const_reals(network.relevance)
        self.batch.dropout = input_dropout
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
        free(self.losses)

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
    def biases_are_finite(self):
        """Whether no bias and no moment of one has become infinite or not a number.

        Adam's squares overflow before its gradients do, and then nothing moves any more.
        """
        cdef int depth, m
        cdef const LayerView* layer
        cdef bint finite = True
        for depth in range(self.n_layers):
            layer = &self.layers[depth]
            finite = finite and are_finite(layer.bias, layer.n_out)
            for m in range(2):
                if layer.bias_moments[m] != NULL:
                    finite = finite and are_finite(layer.bias_moments[m], layer.n_out)
        return finite

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
        loss = self.loss_of_batch(output.n_out, self.tables[last + 1], weight_sum, n_threads)
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

    cdef double loss_of_batch(
        self, int32_t n_outputs, real_t* outputs, double weight_sum, int n_threads,
    ) noexcept nogil:
        """The weighted sum of the losses; the outputs become deltas."""
        cdef Py_ssize_t c, width = self.batch.width
        cdef Py_ssize_t n_chunks = (width + LOST_COLUMNS - 1) // LOST_COLUMNS
        for c in prange(n_chunks, num_threads=n_threads, schedule="static",
                        use_threads_if=n_threads > 1 and n_outputs * width > SERIAL_LOSS):
            loss_and_delta(self.loss, self.loss_parameter, &self.batch, c * LOST_COLUMNS,
                           min((c + 1) * LOST_COLUMNS, width), outputs, n_outputs, weight_sum,
                           self.losses)
        return weighted_sum(&self.batch, self.losses)

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
