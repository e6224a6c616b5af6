"""Networks in a graph: each layer dense or sparse, without what leads to no output.

Knows networks, and how large a graph may become.  Must neither ask an estimator nor call skl2onnx:
it writes to a graph what leads from one matrix of data to the raw outputs.
"""

import numpy as np

from sklearn_set import memory
from sklearn_set._core import measured
from sklearn_set.activations import ACTIVATIONS

# "auto" writes a layer dense where a product of matrices is the faster, but not where the matrix is
# a burden by its size.
_DENSE_BYTES = 1 << 28

# protobuf, in which ONNX files are written, ends at 2 GiB; names and nodes need a little.
_FILE_BYTES = (1 << 31) - (1 << 20)

# skl2onnx 1.20 and onnx hold this many copies of the weights at the same time (measured).
_COPIES = 6

# Bytes that no machine lacks, so that small networks need not look at its memory.
_NEVER_TOO_MUCH = 1 << 26


def plans_of(networks, form):
    """How each network will be written, after a look at what that takes.

    `form` is "dense" or "sparse" for all layers, or "auto".
    """
    plans = [_plan(network, form) for network in networks]
    _check_size(plans)
    return plans


def write_networks(graph, data, networks, plans):
    """The mean of the outputs of all networks, before softmax or logistic."""
    first = networks[0]  # the others read the data in the same units
    if first.offset is not None:
        data = graph.add("Sub", data, graph.array(first.offset))
    if first.factor != 1:
        data = graph.add("Mul", data, graph.number(first.factor))
    if first.relevance is not None:
        data = graph.add("Mul", data, graph.array(first.relevance))
    raw = None
    for network, plan in zip(networks, plans, strict=True):
        outputs = _write_network(graph, data, network, plan)
        raw = outputs if raw is None else graph.add("Add", raw, outputs)
    if len(networks) > 1:
        raw = graph.add("Div", raw, graph.number(len(networks)))
    return raw


def _plan(network, form):
    """What will be written: the features that are kept, and of each layer three things.

    Its weights, the numbers of the output neurons that are kept, and whether it will be dense.
    Features and neurons from which no path of weights leads to an output are left out.
    """
    kept = np.arange(network.sizes[-1])
    plan = []
    for layer in reversed(network.layers):
        weights = layer.as_csr()
        if kept.shape[0] < weights.shape[1]:
            weights = weights[:, kept]
        if not weights.data.all():
            weights = weights.copy()
            weights.eliminate_zeros()
        used = np.flatnonzero(np.diff(weights.indptr))
        if used.shape[0] == 0:  # ONNX wants at least one neuron in a layer
            used = np.arange(1)
        if used.shape[0] < weights.shape[0]:
            weights = weights[used]
        n_positions = weights.shape[0] * weights.shape[1]
        pays = weights.nnz >= measured.DENSE_PERCENT / 100 * n_positions
        fits = n_positions * weights.dtype.itemsize <= _DENSE_BYTES
        plan.append((weights, kept, form == "dense" or (form == "auto" and pays and fits)))
        kept = used
    return kept, plan[::-1]


def _check_size(plans):
    """Refuse, before anything is written, what a file or the memory cannot hold."""
    layers = [layer for _, plan in plans for layer in plan]
    needed = sum(
        weights.shape[0] * weights.shape[1] * weights.dtype.itemsize
        if dense
        else weights.nnz * (weights.dtype.itemsize + 2 * np.dtype(np.int64).itemsize)
        for weights, _, dense in layers
    )
    if needed < _NEVER_TOO_MUCH:
        return
    advice = "fit with lower hidden_layer_sizes or epsilon, n_snapshots=1 or dtype='float32'"
    if any(dense for _, _, dense in layers):
        advice = f"convert with layers='sparse', or {advice}"
    if needed > _FILE_BYTES:
        raise ValueError(
            f"The weights of the ONNX graph would take {needed:,} bytes, more than the "
            f"{_FILE_BYTES:,} that an ONNX file can hold: {advice}."
        )
    available = memory.available_memory()
    if available is not None and _COPIES * needed > available:
        raise MemoryError(
            f"Building the ONNX graph needs about {_COPIES * needed:,} bytes of memory, but only "
            f"{available:,} are available: {advice}."
        )


def _write_network(graph, data, network, plan):
    """The outputs of one network for the data."""
    kept, layers = plan
    values = data
    if kept.shape[0] < network.sizes[0]:
        values = graph.add("Gather", values, graph.array(kept), axis=1)
    for layer, (weights, units, dense) in zip(network.layers, layers, strict=True):
        write = _write_dense if dense else _write_sparse
        values = write(graph, values, weights, layer.bias[units])
        activation = ACTIVATIONS[layer.activation]
        values = activation.onnx(graph, values, layer.activation_parameter)
    return values


def _write_dense(graph, values, weights, bias):
    return graph.add("Gemm", values, graph.array(weights.toarray()), graph.array(bias))


def _write_sparse(graph, values, weights, bias):
    """Weight times input of every connection, added to the bias of its output neuron."""
    weights = weights.tocoo()
    inputs, outputs = (index.astype(np.int64) for index in (weights.row, weights.col))
    n_samples = graph.add("Shape", values, start=0, end=1)
    shape = graph.add("Concat", graph.array([bias.shape[0]]), n_samples, axis=0)
    start = graph.add("Expand", graph.array(bias[:, np.newaxis]), shape)
    rows = graph.add("Gather", graph.add("Transpose", values, perm=[1, 0]), graph.array(inputs))
    products = graph.add("Mul", rows, graph.array(weights.data[:, np.newaxis]))
    outputs = graph.array(outputs[:, np.newaxis])
    sums = graph.add("ScatterND", start, outputs, products, reduction="add")
    return graph.add("Transpose", sums, perm=[1, 0])
