# Predictions: forward alone, block after block of samples.
#
# Knows a network and the data; must not know training, or what outputs mean.

from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

from sklearn_set._core.lanes cimport real_t
from sklearn_set._core.measured cimport PREDICTED
from sklearn_set._core.rows cimport padded_width
from sklearn_set._core.types cimport BatchView, LayerView


cdef struct Passage:
    # all that a prediction goes through
    int n_layers
    int n_threads
    LayerView* layers
    real_t** tables             # the data, and every layer's outputs
    real_t* others              # sums of the second halves
    uint8_t* flags              # of silent neurons
    const int32_t* order        # numbers of all samples
    Py_ssize_t n_samples
    Py_ssize_t width            # samples of a block
    Py_ssize_t n_outputs
    real_t* outputs             # OUT (n_samples, n_outputs)


cdef void predict_block(
    const Passage* passage, BatchView* batch, Py_ssize_t start, Py_ssize_t n, int n_threads,
) noexcept nogil:
    """The samples [start, start + n)."""
    cdef int depth
    cdef Py_ssize_t b, j, n_outputs = passage.n_outputs
    cdef real_t** tables = passage.tables
    cdef real_t* outputs = passage.outputs + start * n_outputs
    cdef const real_t* scores = tables[passage.n_layers]
    batch.rows = passage.order + start
    batch.n_batch = <int32_t> n
    batch.width = padded_width(n)
    gather(batch, tables[0], passage.flags, n_threads)
    for depth in range(passage.n_layers):
        forward_layer(&passage.layers[depth], tables[depth], tables[depth + 1], passage.others,
                      NULL, batch.width, 0, n_threads)
    for b in range(n):
        for j in range(n_outputs):
            outputs[b * n_outputs + j] = scores[j * batch.width + b]


cdef void predict_all(const Passage* passage, BatchView* batch) noexcept nogil:
    cdef Py_ssize_t start = 0, n
    cdef int n_threads
    cdef double began
    cdef Pace pace
    memset(&pace, 0, sizeof(Pace))
    while start < passage.n_samples:
        began = wall_seconds()
        # The first block is on trust: often there is no other.
        n_threads = passage.n_threads
        if start > 0:
            n_threads = threads_that_pay(&pace, n_threads)
        n = min(passage.width, passage.n_samples - start)
        predict_block(passage, batch, start, n, n_threads)
        start = start + n
        if n == passage.width:
            learn_pace(&pace, n_threads, wall_seconds() - began)


cdef list borrow_for_prediction(Passage* passage, network, tables, int n_threads):
    """Fill the views; return the arrays that must stay alive as long as they do."""
    cdef int depth
    borrowed = []
    for depth in range(passage.n_layers):
        # By input neuron and in halves whatever the width: what a sample is predicted to be
        # must not depend, even in the last digit, on how many others are predicted with it.
        layer = network.layers[depth]
        borrowed.append(view_layer(
            &passage.layers[depth], layer, n_threads, True,
            halves_of(layer.topology, PREDICTED)))
    for depth in range(passage.n_layers + 1):
        passage.tables[depth] = reals(tables[depth])
    return borrowed


def forward(network, X, tables, outputs, *, partial=None, n_threads=1):
    """Pre-activations of the output neurons, for prediction.

    Parameters
    ----------
    network : SparseNetwork
        Only read.
    X : Samples
        As for `Stepper`.
    tables : list of ndarray
        Room for the data, and for every layer's outputs: shape (n_units, width).
    outputs : ndarray of shape (n_samples, n_outputs)
        Written.
    partial : ndarray of shape (n_partial_rows(network), width), default=None
        Room for sums; made where None.
    n_threads : int
    """
    cdef Passage passage
    cdef BatchView batch
    order = np.arange(outputs.shape[0], dtype=np.int32)
    offset = network.offset  # kept alive
    memset(&passage, 0, sizeof(Passage))
    memset(&batch, 0, sizeof(BatchView))
    passage.n_layers = len(network.layers)
    passage.n_threads = n_threads
    passage.n_samples, passage.n_outputs = outputs.shape
    passage.width = tables[0].shape[1]
    if partial is None:
        partial = np.empty((n_partial_rows(network, PREDICTED), passage.width), REAL_DTYPE)
    passage.outputs = reals(outputs)
    passage.others = reals(partial)
    passage.order = const_ints(order)
    try:
        passage.layers = <LayerView*> calloc(passage.n_layers, sizeof(LayerView))
        passage.tables = <real_t**> calloc(passage.n_layers + 1, sizeof(real_t*))
        if passage.layers == NULL or passage.tables == NULL:
            raise MemoryError
        borrowed = borrow_for_prediction(&passage, network, tables, n_threads)
        passage.flags = give_flags(passage.layers, passage.n_layers)
        if passage.flags == NULL:
            raise MemoryError
        view_data(&batch, X)
        batch.n_features = passage.layers[0].n_in
        batch.connections = passage.layers[0].indptr
        batch.offset = const_reals(offset)
        batch.factor = network.factor
        with nogil:
            predict_all(&passage, &batch)
        del borrowed
    finally:
        free(passage.flags)
        free(passage.layers)
        free(passage.tables)
