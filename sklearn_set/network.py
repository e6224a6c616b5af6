"""Networks: layers in a row, their weights and biases, initial weights, and predictions.

NumPy owns all memory here; compiled code borrows it.  Knows topologies and activations; must not
know optimizers or time.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

from sklearn_set import machine
from sklearn_set._core import measured
from sklearn_set.activations import ACTIVATIONS
from sklearn_set.topology import MAX_CONNECTIONS, erdos_renyi, n_erdos_renyi
from sklearn_set.workspace import aligned_tables

# The most bytes of the tables in which predictions are made, unless eight samples need more.
_PREDICT_BYTES = 1 << 28


class SparseLayer:
    """Connections with weights, and output neurons with biases.

    Parameters
    ----------
    topology : Topology
    weights : ndarray of shape (n_connections,)
        By slot.
    bias : ndarray of shape (n_out,)
    activation : str, default="identity"
        Activation of the output neurons, a key of `ACTIVATIONS`.
    activation_parameter : float, default=0.0
        The activation's own number.

    Raises
    ------
    ValueError
        If the activation's own number is not within its bounds.
    """

    def __init__(self, topology, weights, bias, activation="identity", activation_parameter=0.0):
        low, high = ACTIVATIONS[activation].bounds
        if not low <= activation_parameter <= high:
            raise ValueError(
                f"the number of {activation!r} must be in [{low}, {high}], got "
                f"{activation_parameter}"
            )
        self.topology = topology
        self.weights = weights
        self.bias = bias
        self.activation = activation
        self.activation_parameter = activation_parameter

    @property
    def activation_code(self):
        """The kernels' number for the activation."""
        return ACTIVATIONS[self.activation].code

    def copy(self):
        """A layer with values of its own; it shares the topology, which never changes."""
        return SparseLayer(
            self.topology,
            self.weights.copy(),
            self.bias.copy(),
            self.activation,
            self.activation_parameter,
        )

    def as_csr(self):
        """The weights as a sparse array of shape (n_in, n_out) that shares the layer's memory."""
        return sparse.csr_array(
            (self.weights, self.topology.indices, self.topology.indptr),
            shape=(self.topology.n_in, self.topology.n_out),
            copy=False,
        )


@dataclass(frozen=True)
class ActiveInputs:
    """The features that may have connections.

    Attributes
    ----------
    active : ndarray of shape (n_features,), bool
    n_connections : int
        How many connections they have together, if there are so many positions.
    """

    active: np.ndarray
    n_connections: int

    @property
    def n_active(self):
        """Number of features that may have connections."""
        return int(np.count_nonzero(self.active))

    @property
    def share(self):
        """They as a share of all features."""
        return self.n_active / self.active.shape[0]


class SparseNetwork:
    """Sparse layers in a row.

    Parameters
    ----------
    layers : list of SparseLayer
    offset : ndarray of shape (n_features,), default=None
        What is subtracted from the data before the first layer.
    factor : float, default=1.0
        What the data are then multiplied by.
    relevance : ndarray of shape (n_features,), default=None
        What each feature is multiplied by, too.
    inputs : ActiveInputs, default=None
        The features that may have connections; None for all.
    """

    def __init__(self, layers, offset=None, factor=1.0, relevance=None, inputs=None):
        self.layers = layers
        self.offset = offset
        self.factor = factor
        self.relevance = relevance
        self.inputs = inputs

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

    @property
    def units(self):
        """How data are read: offset, factor and relevance, as `table_of` takes them."""
        return self.offset, self.factor, self.relevance

    def per_feature(self, values):
        """What is a multiple of the features' weights, for features without their relevance."""
        return values if self.relevance is None else values * self.relevance

    def copy(self):
        """A network with layers of its own; it shares units and inputs, which never change."""
        return self.with_layers([layer.copy() for layer in self.layers])

    def with_layers(self, layers):
        """A network that reads the same data through other layers."""
        return SparseNetwork(layers, *self.units, self.inputs)

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
            If a layer would have more connections than an int32 can count, or if an output unit
            would have none.
        """
        check_sizes(sizes, epsilon)
        layers = []
        names = [*activations, "identity"]
        for depth, ((n_in, n_out), name) in enumerate(zip(pairwise(sizes), names, strict=True)):
            parameter = ACTIVATIONS[name].parameter_at(depth)
            topology = erdos_renyi(n_in, n_out, epsilon, rng, n_threads)
            weights = draw_weights(weight_init, name, topology, topology.n_connections, dtype, rng)
            layers.append(SparseLayer(topology, weights, np.zeros(n_out, dtype), name, parameter))
        unconnected = np.count_nonzero(np.diff(layers[-1].topology.t_indptr) == 0)
        if unconnected:
            raise ValueError(_too_sparse(epsilon, unconnected))
        return cls(layers)

    def bound(self, size):
        """An upper bound of the outputs' magnitudes; `size` is the largest magnitude of the data.

        No activation exceeds the magnitude of its input by more than one.
        """
        if self.offset is not None:
            size += float(np.abs(self.offset).max())
        size *= self.factor
        if self.relevance is not None:
            size *= float(self.relevance.max())
        for layer in self.layers:
            n = layer.weights.shape[0]
            step = measured.AT_ONCE
            parts = (layer.weights[k : k + step] for k in range(0, n, step))
            total = sum(float(np.abs(part).sum(dtype=np.float64)) for part in parts)
            size = total * size + float(np.abs(layer.bias).max()) + 1.0
        return size

    def forward(self, X, n_threads=1, rows=None):
        """Pre-activations of the output neurons for every row of X.

        Parameters
        ----------
        X : Samples
            Of the network's number type.
        n_threads : int, default=1
        rows : ndarray of shape (n_samples,), int, default=None
            Which samples of X; None for all.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        return sum_of_outputs([self], X, n_threads, rows)


def threads_pay(networks, n_samples):
    """Whether networks predict so many samples faster with threads.

    A prediction of less than a millisecond is not worth the risk that a thread must wait for
    another program.
    """
    n_blocks = -(-n_samples // measured.PREDICT_WIDTH)
    columns = n_samples + n_blocks * measured.WORK_BESIDE_WIDTH
    n_connections = len(networks) * networks[0].n_connections  # all have about as many
    return n_connections * columns > measured.SERIAL_PREDICTION


def sum_of_outputs(networks, X, n_threads=1, rows=None):
    """Pre-activations of the output neurons for every row of X, summed over networks.

    Parameters
    ----------
    networks : list of SparseNetwork
        All of the same sizes and number type.
    X : Samples
        Of that number type.
    n_threads : int, default=1
        The most threads; one where others do not pay.
    rows : ndarray of shape (n_samples,), int, default=None
        Which samples of X; None for all.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
    """
    if rows is not None:
        if rows.size and not 0 <= rows.min() <= rows.max() < X.n:
            raise IndexError(f"rows must be from 0 to {X.n - 1}")  # the kernels do not look
        rows = np.ascontiguousarray(rows, np.int32)
    first, n_samples = networks[0], X.n if rows is None else rows.shape[0]
    dtype, sizes = first.dtype, first.sizes
    kernels = machine.kernels(dtype.name)
    bytes_per_column = sum(sizes) * dtype.itemsize
    width = min(max(_PREDICT_BYTES // bytes_per_column, 8), measured.PREDICT_WIDTH) // 8 * 8
    width = min(width, kernels.batch_width(n_samples))
    n_partial = kernels.n_partial_rows(networks)
    # A layer reads one table and writes the other: two tables serve any depth, beside the data.
    odd, even = max(sizes[1::2]), max(sizes[2::2], default=0)
    data, odd, even, partial = aligned_tables((sizes[0], odd, even, n_partial), width, dtype)
    tables = [data, *(odd if depth % 2 else even for depth in range(1, len(sizes)))]
    outputs = np.empty((n_samples, sizes[-1]), dtype)
    n_threads = n_threads if threads_pay(networks, n_samples) else 1
    kernels.forward(networks, X, tables, outputs, rows=rows, partial=partial, n_threads=n_threads)
    return outputs


def check_sizes(sizes, epsilon):
    """Refuse a network that cannot be built, before anything is drawn.

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


def warning_of_few_connections(sizes, epsilon):
    """What to tell of a network most of whose hidden neurons have no input; None of any other.

    It depends on numbers alone, not on what is drawn: equal fits of a search say the same.
    """
    for n_in, n_out in pairwise(sizes[:-1]):
        n_connections = n_erdos_renyi(n_in, n_out, epsilon)
        if 2 * n_connections < n_out:
            return (
                f"epsilon={epsilon} gives only {n_connections} connection(s) from a layer of "
                f"{n_in} neurons to one of {n_out} hidden neurons: most of these begin without "
                "any input. Raise epsilon: from 1 on most have inputs, and the default is 10."
            )
    return None


def _too_sparse(epsilon, n_unconnected):
    return (
        f"epsilon={epsilon} leaves {n_unconnected} output unit(s) of a layer without a "
        "connection: epsilon is the SET sparsity, epsilon * (n_in + n_out) connections per "
        "layer; raise it. (The numerical constant of Adam, which MLPClassifier calls epsilon, is "
        "adam_epsilon here.)"
    )


# ------------------------------------------------------------------ laws of initial weights


def _drawn(draw, size, dtype):
    """Draw `size` numbers in double precision, and round them to `dtype`.

    ``draw(n)`` returns n numbers.  So one seed gives one network in single and in double precision,
    and the numbers drawn after it are the same, too.
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


# The first two are of He et al., 2015, and of Glorot and Bengio, 2010.  Their fans are mean numbers
# of connections per neuron, not numbers of neurons.  "normal" is N(0, 0.1^2), as in the code of the
# SET papers.  With "small", a layer computes what it has learned, not what was drawn (Chizat et
# al., 2019, arXiv 1812.07956), and newcomers disturb little.
WEIGHT_LAWS = {
    "he_uniform": _he_uniform,
    "glorot_uniform": _glorot_uniform,
    "normal": _normal,
    "small": _small,
}


def draw_weights(weight_init, activation, topology, size, dtype, rng):
    """Draw weights for `size` connections of a layer, initial or newborn ones.

    Parameters
    ----------
    weight_init : str
        A key of `WEIGHT_LAWS`; "auto" is "he_uniform" below rectifiers, else "glorot_uniform".
    activation : str
        Activation of the layer's output neurons.
    topology : Topology
    size : int
    dtype : numpy.dtype
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (size,)
    """
    return WEIGHT_LAWS[law_of_weights(weight_init, activation)](topology, size, dtype, rng)


def law_of_weights(weight_init, activation):
    """The name of the law that `draw_weights` takes."""
    if weight_init != "auto":
        return weight_init
    return "he_uniform" if ACTIVATIONS[activation].is_rectifier else "glorot_uniform"
