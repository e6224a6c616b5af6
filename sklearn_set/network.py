"""Layers in a row: the values that belong to a topology, their first draw, export, prediction.

NumPy owns all memory here; compiled code borrows it.  Knows neither optimizers nor time.
"""

import math
from itertools import pairwise

import numpy as np
from scipy import sparse

from sklearn_set import machine
from sklearn_set._core import measured
from sklearn_set.topology import MAX_CONNECTIONS, erdos_renyi, n_erdos_renyi

# Activations of hidden layers and their own number: one value, or one for odd and one for even
# hidden layers (counted from 1).  All-ReLU: Curci et al., 2021, arXiv 2102.01732, with the slope
# of the authors' code.
ACTIVATIONS = {
    "identity": 0.0,
    "logistic": 0.0,
    "tanh": 0.0,
    "relu": 0.0,
    "leaky_relu": 0.01,
    "elu": 1.0,
    "gelu": 0.0,
    "silu": 0.0,
    "all_relu": (-0.6, 0.6),
}
RECTIFIERS = frozenset({"relu", "leaky_relu", "elu", "gelu", "silu", "all_relu"})

# Samples are numbered by int32.
MAX_SAMPLES = np.iinfo(np.int32).max

# Bytes of the rooms in which predictions are made, but where eight samples need more.
_PREDICT_BYTES = 1 << 28

# Arrays of a layer in memory while it is rewired, as a multiple of those it has otherwise: the
# new ones stand beside the old.  Masks and maps come on top.
REWIRING_FACTOR = 2


class SparseLayer:
    """Connections with weights, and output neurons with biases.

    Parameters
    ----------
    topology : Topology
    weights : ndarray of shape (n_connections,)
        By slot.
    bias : ndarray of shape (n_out,)
    activation : str, default="identity"
        What the output neurons apply: a key of `ACTIVATIONS`.
    activation_parameter : float, default=0.0
        The activation's own number.
    """

    def __init__(self, topology, weights, bias, activation="identity", activation_parameter=0.0):
        self.topology = topology
        self.weights = weights
        self.bias = bias
        self.activation = activation
        self.activation_parameter = activation_parameter

    def copy(self):
        """A layer with values of its own; the topology, never written, is shared."""
        return SparseLayer(
            self.topology,
            self.weights.copy(),
            self.bias.copy(),
            self.activation,
            self.activation_parameter,
        )

    def as_csr(self):
        """The weights as a sparse array of shape (n_in, n_out) over the layer's own memory."""
        return sparse.csr_array(
            (self.weights, self.topology.indices, self.topology.indptr),
            shape=(self.topology.n_in, self.topology.n_out),
            copy=False,
        )


class SparseNetwork:
    """Sparse layers in a row.

    Parameters
    ----------
    layers : list of SparseLayer
    offset : ndarray of shape (n_features,), default=None
        Subtracted from the data before the first layer.
    factor : float, default=1.0
        The data are multiplied by it after that.
    """

    def __init__(self, layers, offset=None, factor=1.0):
        self.layers = layers
        self.offset = offset
        self.factor = factor

    @property
    def dtype(self):
        """The number type of all values."""
        return self.layers[0].weights.dtype

    @property
    def n_connections(self):
        """Number of connections of all layers."""
        return sum(layer.topology.n_connections for layer in self.layers)

    @property
    def n_positions(self):
        """Number of weights that dense layers of the same sizes would have."""
        return sum(layer.topology.n_positions for layer in self.layers)

    @property
    def sizes(self):
        """Numbers of neurons, data and output included."""
        return (self.layers[0].topology.n_in, *(layer.topology.n_out for layer in self.layers))

    def copy(self):
        """A network with values of its own; the offset, never written, is shared."""
        return SparseNetwork([layer.copy() for layer in self.layers], self.offset, self.factor)

    @classmethod
    def erdos_renyi(cls, sizes, epsilon, *, activations, weight_init, dtype, rng, n_threads=1):
        """Draw a random network.

        Parameters
        ----------
        sizes : sequence of int
            Numbers of neurons, data and output included.
        epsilon : float
            The SET sparsity.
        activations : sequence of str
            One per hidden layer.
        weight_init : str
            A key of `WEIGHT_LAWS`, or "auto".
        dtype : numpy.dtype
        rng : numpy.random.Generator
        n_threads : int, default=1
            Changes nothing but time.

        Raises
        ------
        ValueError
            If a layer would need more connections than slots can number, or so few that an
            output unit has none.
        """
        check_sizes(sizes, epsilon)
        layers = []
        names = [*activations, "identity"]
        for depth, ((n_in, n_out), name) in enumerate(zip(pairwise(sizes), names, strict=True)):
            parameter = ACTIVATIONS[name]
            if isinstance(parameter, tuple):
                parameter = parameter[depth % len(parameter)]
            topology = erdos_renyi(n_in, n_out, epsilon, rng, n_threads)
            weights = draw_weights(weight_init, name, topology, topology.n_connections, dtype, rng)
            layers.append(SparseLayer(topology, weights, np.zeros(n_out, dtype), name, parameter))
        unconnected = np.count_nonzero(np.diff(layers[-1].topology.t_indptr) == 0)
        if unconnected:
            raise ValueError(_too_sparse(epsilon, unconnected))
        return cls(layers)

    def bound(self, size):
        """An upper bound of the outputs' magnitudes, from the largest magnitude of the data.

        No activation but the logistic function is larger in magnitude than its input; the
        logistic function is at most one.
        """
        if self.offset is not None:
            size += float(np.abs(self.offset).max())
        size *= self.factor
        for layer in self.layers:
            n = layer.weights.shape[0]
            step = measured.AT_ONCE
            parts = (layer.weights[k : k + step] for k in range(0, n, step))
            total = sum(float(np.abs(part).sum(dtype=np.float64)) for part in parts)
            size = total * size + float(np.abs(layer.bias).max()) + 1.0
        return size

    def forward(self, X, n_threads=1):
        """Pre-activations of the output neurons for every row of X.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features) or tuple (data, indices, indptr)
            As `kernel_input` gives it, of the network's number type.
        n_threads : int, default=1

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        kernels = machine.kernels(self.dtype.name)
        n_samples = X[2].shape[0] - 1 if isinstance(X, tuple) else X.shape[0]
        sizes = self.sizes
        bytes_per_column = sum(sizes) * self.dtype.itemsize
        width = min(max(_PREDICT_BYTES // bytes_per_column, 8), measured.PREDICT_WIDTH) // 8 * 8
        width = min(width, kernels.batch_width(n_samples))
        # A layer reads one room and writes the other: two rooms serve any depth.
        pair = [_aligned((max(sizes[part::2]), width), self.dtype) for part in (0, 1)]
        rooms = [pair[depth % 2] for depth in range(len(sizes))]
        outputs = np.empty((n_samples, sizes[-1]), self.dtype)
        partial = _aligned((kernels.n_partial_rows(self), width), self.dtype)
        kernels.forward(self, X, rooms, outputs, partial=partial, n_threads=n_threads)
        return outputs


def check_sizes(sizes, epsilon):
    """Refuse, before anything is drawn, a network that cannot be built.

    Raises
    ------
    ValueError
        See `SparseNetwork.erdos_renyi`.
    """
    if max(sizes) > MAX_CONNECTIONS:
        raise ValueError(
            f"A layer of {max(sizes)} neurons is more than the {MAX_CONNECTIONS} that a layer can "
            "have. Lower hidden_layer_sizes."
        )
    for depth, (n_in, n_out) in enumerate(pairwise(sizes)):
        n_connections = n_erdos_renyi(n_in, n_out, epsilon)
        if n_connections > MAX_CONNECTIONS:
            raise ValueError(
                f"epsilon={epsilon} gives layer {depth} of {n_in} x {n_out} neurons "
                f"{n_connections} connections, more than the {MAX_CONNECTIONS} that a layer can "
                "hold. Lower epsilon or hidden_layer_sizes."
            )
        if n_connections == 0 or (depth == len(sizes) - 2 and n_connections < n_out):
            raise ValueError(_too_sparse(epsilon, n_out - n_connections))


def check_n_samples(n_samples):
    """Refuse more samples than the kernels can number.

    Raises
    ------
    ValueError
    """
    if n_samples > MAX_SAMPLES:
        raise ValueError(
            f"X has {n_samples} samples, more than the {MAX_SAMPLES} that one call can take. Give "
            "it fewer: train with partial_fit, or predict, a part of the samples at a time."
        )


def _too_sparse(epsilon, n_unconnected):
    return (
        f"epsilon={epsilon} leaves {n_unconnected} output unit(s) of a layer without a "
        "connection: epsilon is the SET sparsity, epsilon * (n_in + n_out) connections per "
        "layer; raise it. (The numerical constant of Adam, which MLPClassifier calls epsilon, is "
        "adam_epsilon here.)"
    )


# ------------------------------------------------------------------- laws of first weights


def _drawn(draw, size, dtype):
    """Numbers of `draw`, which takes how many, drawn as doubles and rounded.

    One seed gives one network, then, in single and in double precision, and all that is drawn
    after it is the same too.
    """
    values = np.empty(size, dtype)
    for start in range(0, size, measured.AT_ONCE):
        part = values[start : start + measured.AT_ONCE]
        part[:] = draw(part.shape[0])
    return values


def _uniform(limit, size, dtype, rng):
    return _drawn(lambda n: rng.random(n) * (2 * limit) - limit, size, dtype)


def _he_uniform(topology, size, dtype, rng):
    fan_in = topology.n_connections / topology.n_out
    return _uniform(np.sqrt(6 / fan_in), size, dtype, rng)


def _glorot_uniform(topology, size, dtype, rng):
    fan_in = topology.n_connections / topology.n_out
    fan_out = topology.n_connections / topology.n_in
    return _uniform(np.sqrt(6 / (fan_in + fan_out)), size, dtype, rng)


def _normal(topology, size, dtype, rng):
    return _drawn(lambda n: rng.standard_normal(n) * 0.1, size, dtype)


def _small(topology, size, dtype, rng):
    values = _he_uniform(topology, size, dtype, rng)
    values *= 0.1
    return values


# He et al., 2015 and Glorot and Bengio, 2010, with the sparse fan-in: the mean number of
# connections of a neuron, not the number of neurons below it.  normal: N(0, 0.1^2), the law of
# the SET papers' code.  small: features are learned rather than drawn (Chizat et al., 2019, arXiv
# 1812.07956), and newcomers do not disturb.
WEIGHT_LAWS = {
    "he_uniform": _he_uniform,
    "glorot_uniform": _glorot_uniform,
    "normal": _normal,
    "small": _small,
}


def draw_weights(weight_init, activation, topology, size, dtype, rng):
    """Weights for `size` new connections of a layer: the law of first and of newborn weights.

    Parameters
    ----------
    weight_init : str
        A key of `WEIGHT_LAWS`; "auto" is "he_uniform" below rectifiers, "glorot_uniform" else.
    activation : str
        Of the layer's output neurons.
    topology : Topology
    size : int
    dtype : numpy.dtype
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (size,)
    """
    if weight_init == "auto":
        weight_init = "he_uniform" if activation in RECTIFIERS else "glorot_uniform"
    return WEIGHT_LAWS[weight_init](topology, size, dtype, rng)


# ------------------------------------------------------------------------- kernel memory


class Workspace:
    """Scratch memory of training, made once and reused by every mini-batch.

    Parameters
    ----------
    network : SparseNetwork
    batch_size : int
        The largest batch.
    n_threads : int

    Attributes
    ----------
    width : int
        Columns: the batch size rounded up to what the kernels cover.
    tables : list of ndarray of shape (n_units, width)
        Activations of every layer, data first; the backward pass turns them into deltas.
    slopes : list of ndarray of shape (n_units, width) or None
        For activations whose output does not tell their slope.
    scratch : ndarray of shape (n_threads, size)
    partial : ndarray of shape (n_rows, width)
        Sums over the second half of a layer's inputs.
    pace : ndarray of shape (4,), float64
        What the kernels learn about whether threads pay at the moment.
    """

    def __init__(self, network, batch_size, n_threads):
        kernels = machine.kernels(network.dtype.name)
        self.width = kernels.batch_width(batch_size)
        self._n_threads = n_threads
        self._dtype = network.dtype
        self.tables = [_aligned((size, self.width), self._dtype) for size in network.sizes]
        self.slopes = [
            _aligned((layer.topology.n_out, self.width), self._dtype)
            if layer.activation in kernels.STORED_SLOPES
            else None
            for layer in network.layers
        ]
        self.partial = _aligned(
            (kernels.n_partial_rows(network, self.width), self.width), self._dtype
        )
        self.pace = np.zeros(4)
        self.scratch = None
        self.adapt(network)

    def n_threads_that_pay(self):
        """How many threads to use now, by what the last steps took."""
        kernels = machine.kernels(self._dtype.name)
        return kernels.n_threads_that_pay(self.pace, self._n_threads)

    def adapt(self, network):
        """Make the scratch large enough for the most connected neuron, after an evolution."""
        degree = max(int(np.diff(layer.topology.indptr).max()) for layer in network.layers)
        # Sums of one row, gradients waiting to be applied, gradients of one neuron; whole cache
        # lines, and one between threads.
        waiting = machine.kernels(self._dtype.name).N_WAITING_GRADIENTS
        needed = self.width + waiting + max(degree, waiting)
        needed = -(-needed // 16) * 16 + 16
        if self.scratch is None or self.scratch.shape[1] < needed:
            self.scratch = _aligned((self._n_threads, needed), self._dtype)


def training_bytes(
    sizes,
    epsilon,
    *,
    activations,
    dtype,
    batch_size,
    n_moments,
    rewires=True,
    n_probed=0,
    keeps_best=False,
    n_snapshots=0,
    is_copy=False,
):
    """Bytes that training certainly takes, by what takes them.

    What is left out (masks, maps, scratch memory, the draw of the first topology) is less, so
    that a network that fits into memory is never said not to.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of neurons, data and output included.
    epsilon : float
        The SET sparsity.
    activations : sequence of str
        One per hidden layer.
    dtype : numpy.dtype
    batch_size : int
    n_moments : int
        Of the optimizer, per connection.
    rewires : bool, default=True
        Whether an evolution will take place.
    n_probed : int, default=0
        Samples that it looks at.
    keeps_best : bool, default=False
        Whether a copy of the best network so far is kept.
    n_snapshots : int, default=0
        Copies of the network that are kept beside it.
    is_copy : bool, default=False
        Whether the network shares its topology with one that is in memory.

    Returns
    -------
    dict of str to int
    """
    kernels = machine.kernels(dtype.name)
    width = kernels.batch_width(batch_size)
    index = np.dtype(np.int32).itemsize
    values = (1 + n_moments) * dtype.itemsize
    connections = best = rewiring = reverse = 0
    for n_in, n_out in pairwise(sizes):
        n_connections = n_erdos_renyi(n_in, n_out, epsilon)
        of_slots = n_connections * values
        of_topology = n_connections * index + (n_in + 1) * index
        connections += of_slots + n_out * values + (0 if is_copy else of_topology)
        best += (n_connections + n_out) * dtype.itemsize
        if rewires and n_connections < n_in * n_out:
            # The layers below have been rewired already, and made nothing of the other
            # direction since.
            needed = (REWIRING_FACTOR - 1) * (of_slots + of_topology)
            rewiring = max(rewiring, needed - reverse)
        if not kernels.goes_by_input(width):
            reverse += 2 * n_connections * index
    n_slopes = sum(
        size
        for size, name in zip(sizes[1:-1], activations, strict=True)
        if name in kernels.STORED_SLOPES
    )
    # Outputs and deltas of all neurons, without the deltas of the data and the outputs of the last.
    probe = n_probed * (2 * sum(sizes) - sizes[0] - sizes[-1]) * dtype.itemsize
    return {
        "connections": connections + (0 if is_copy else reverse),
        "activations of a batch": (sum(sizes) + n_slopes) * width * dtype.itemsize,
        "rewiring a layer": rewiring,
        "samples that growth looks at": probe,
        "best network so far": best if keeps_best else 0,
        "snapshots": n_snapshots * best,
    }


def _aligned(shape, dtype):
    """An empty array that begins with a cache line.

    NumPy's do not: every load of a full vector would then touch two lines, at half the speed.
    """
    line = 64
    n_bytes = math.prod(shape) * dtype.itemsize
    memory = np.empty(n_bytes + line, np.uint8)
    start = -memory.ctypes.data % line
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def kernel_input(X, dtype):
    """X as the kernels read it: C-ordered, or CSR with int32 indices and int64 indptr.

    The kernels follow indices wherever they point: those of a sparse X must have been checked.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
    dtype : numpy.dtype

    Returns
    -------
    ndarray of shape (n_samples, n_features) or tuple (data, indices, indptr)
        Views of X wherever it fits already.

    Raises
    ------
    ValueError
        If there are too many samples.
    """
    check_n_samples(X.shape[0])
    if sparse.issparse(X):
        X = X.tocsr()
        return (
            np.ascontiguousarray(X.data, dtype),
            np.ascontiguousarray(X.indices, np.int32),
            np.ascontiguousarray(X.indptr, np.int64),
        )
    return np.ascontiguousarray(X, dtype)
