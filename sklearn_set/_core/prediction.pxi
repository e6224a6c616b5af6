# Predictions: forward alone, block after block of samples, by one network or by several together.
#
# Knows networks and the data; must not know training, or what outputs mean.

from cpython.exc cimport PyErr_CheckSignals
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
    bint adds                   # to the outputs of networks before
    bint is_gathered            # whether the first table holds the data already
    bint is_alone               # whether there is a single block and a single network
    Pace pace


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
    if not passage.is_gathered:
        gather(batch, tables[0], passage.flags, n_threads)
    for depth in range(passage.n_layers):
        forward_layer(&passage.layers[depth], tables[depth], tables[depth + 1], passage.others,
                      NULL, batch.width, 0, n_threads)
    for b in range(n):
        for j in range(n_outputs):
            if passage.adds:
                outputs[b * n_outputs + j] += scores[j * batch.width + b]
            else:
                outputs[b * n_outputs + j] = scores[j * batch.width + b]


cdef void predict_all(Passage* passage, BatchView* batch) noexcept nogil:
    """All samples, by one network."""
    cdef Py_ssize_t start = 0, n
    cdef int n_threads
    cdef double began
    while start < passage.n_samples:
        began = wall_seconds()
        # One thread tells the pace with the first block.  A block without others is on trust.
        n_threads = passage.n_threads
        if not passage.is_alone:
            n_threads = threads_that_pay(&passage.pace, n_threads)
        n = min(passage.width, passage.n_samples - start)
        predict_block(passage, batch, start, n, n_threads)
        start = start + n
        if n == passage.width or n == passage.n_samples:
            learn_pace(&passage.pace, n_threads, wall_seconds() - began)


cdef list borrow_for_prediction(Passage* passage, network, int n_threads):
    """Fill the views; return the arrays that must stay alive as long as they do."""
    cdef int depth
    borrowed = []
    for depth in range(passage.n_layers):
        # By input neuron and in halves whatever the width: what a sample is predicted to be
        # must not depend, even in the last digit, on how many others are predicted with it.
        layer = network.layers[depth]
        borrowed.append(view_layer(
            &passage.layers[depth], layer, n_threads, True,
            halves_of(layer.topology, PREDICTED), n_threads))
    return borrowed


def forward(networks, X, tables, outputs, *, rows=None, partial=None, n_threads=1):
    """Pre-activations of the output neurons, for prediction: the sum over networks.

    Parameters
    ----------
    networks : list of SparseNetwork
        Only read.  All of the same sizes.
    X : Samples
        As for `Stepper`.
    tables : list of ndarray
        Room for the data, and for every layer's outputs: shape (n_units, width).  That of the data
        must be no other's, if there are several networks.
    outputs : ndarray of shape (n_samples, n_outputs)
        Written.
    rows : ndarray of shape (n_samples,), int32, default=None
        Which samples of X; None for all.
    partial : ndarray of shape (n_partial_rows, width), default=None
        Room for sums, with the most rows that `n_partial_rows` tells; made where None.
    n_threads : int
    """
    cdef Passage passage
    cdef BatchView batch
    cdef bint is_one_block
    cdef int depth
    order = np.arange(outputs.shape[0], dtype=np.int32) if rows is None else rows
    memset(&passage, 0, sizeof(Passage))
    memset(&batch, 0, sizeof(BatchView))
    passage.n_layers = len(networks[0].layers)
    passage.n_threads = n_threads
    passage.n_samples, passage.n_outputs = outputs.shape
    passage.width = tables[0].shape[1]
    is_one_block = passage.n_samples <= passage.width
    passage.is_alone = is_one_block and len(networks) == 1
    if partial is None:
        partial = np.empty((n_partial_rows(networks), passage.width), REAL_DTYPE)
    passage.outputs = reals(outputs)
    passage.others = reals(partial)
    passage.order = const_ints(order)
    view_data(&batch, X)
    before = None
    try:
        passage.layers = <LayerView*> calloc(passage.n_layers, sizeof(LayerView))
        passage.tables = <real_t**> calloc(passage.n_layers + 1, sizeof(real_t*))
        if passage.layers == NULL or passage.tables == NULL:
            raise MemoryError
        for depth in range(passage.n_layers + 1):
            passage.tables[depth] = reals(tables[depth])
        for network in networks:
            borrowed = borrow_for_prediction(&passage, network, n_threads)
            if passage.flags == NULL:
                passage.flags = give_flags(passage.layers, passage.n_layers)
            if passage.flags == NULL:
                raise MemoryError
            offset, relevance = network.offset, network.relevance  # kept alive
            batch.n_features = passage.layers[0].n_in
            # Several networks share what is gathered, but not their connections.
            batch.connections = NULL
            if passage.is_alone or not is_one_block:
                batch.connections = where_few_are_connected(&passage.layers[0])
            batch.offset = const_reals(offset)
            batch.factor = network.factor
            batch.relevance = const_reals(relevance)
            passage.is_gathered = (
                is_one_block and before is not None and before.offset is offset
                and before.factor == network.factor and before.relevance is relevance)
            with nogil:
                predict_all(&passage, &batch)
            passage.adds = True
            before = network
            PyErr_CheckSignals()
        del borrowed
    finally:
        free(passage.flags)
        free(passage.layers)
        free(passage.tables)
