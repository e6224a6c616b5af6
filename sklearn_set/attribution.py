"""What each feature contributes to the outputs of networks, sample by sample.

A contribution is the distance of a feature from its baseline times a slope: that of the output at
the sample, or its mean on the straight way from the baseline to the sample.  One forward pass, and
one backward pass for each output, go through the connections: nothing of size n_in x n_out exists.
All of it is in double precision, whatever the number type of the network.  Knows networks and
samples; must not know estimators, losses or time.

The mean slope of an activation between two pre-activations is the quotient of their differences.
The pre-activations of the first hidden layer change in proportion along the way, so for one hidden
layer this gives the integrated gradients of Sundararajan et al., 2017 (arXiv 1703.01365), exactly.
With more layers the way is cut into pieces, and on each the quotients are taken layer by layer: the
rescale rule of Shrikumar et al., 2017 (arXiv 1704.02685).  Contributions add up to the difference
of the outputs for any number of pieces, and approach integrated gradients as it grows.
"""

import threading
from collections import deque
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from sklearn_set import machine
from sklearn_set._core.products import times_table, transpose_times_table
from sklearn_set.activations import ACTIVATIONS
from sklearn_set.samples import Samples

# The most bytes of the tables of one block of samples, unless eight samples need more.
_MAX_BYTES = 1 << 27

# Samples of a block: more would only lengthen the rows that the products read.
_WIDTH = 64

# Below this share of the numbers themselves, a difference has lost half of its digits, and the
# slope in the middle is the better quotient.
_NEAR = 2.0**-26


@dataclass(frozen=True)
class Question:
    """What is asked of networks.

    Attributes
    ----------
    baselines : ndarray of shape (n_baselines, n_features), float64
        Where contributions are counted from, in the units of X.  With several of them,
        contributions and outputs are means over them.
    outputs : sequence of int
        The outputs to explain.
    n_pieces : int or None
        Into how many pieces the way from a baseline to a sample is cut where there is more than
        one hidden layer.  None asks for the slope at the sample instead of a mean slope.
    n_threads : int, default=1
        Blocks of samples that are explained at the same time.  It changes nothing but time.
    """

    baselines: np.ndarray
    outputs: tuple
    n_pieces: int | None
    n_threads: int = 1

    def width(self, sizes):
        """Number of samples of a block, for a network of these sizes."""
        n_hidden = sum(sizes[1:])
        n_numbers = 2 * sizes[0] + 4 * n_hidden + len(self.outputs) * (sizes[0] + sizes[1])
        return int(np.clip(_MAX_BYTES // (8 * n_numbers), 8, _WIDTH))


def base_outputs(networks, question):
    """The outputs that are explained, at the baselines: a mean over these and the networks.

    Returns
    -------
    ndarray of shape (n_explained,)
    """
    total = np.zeros(len(question.outputs))
    with np.errstate(all="ignore"):
        for network in networks:
            for z in _ground(_Passes(network), question.baselines):
                total += z[-1][list(question.outputs), 0]
    return total / (len(networks) * question.baselines.shape[0])


def contributions(networks, X, question):
    """Contributions of every feature, block of samples after block: means over the networks.

    Parameters
    ----------
    networks : sequence of SparseNetwork
        Of the same sizes.
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    question : Question

    Yields
    ------
    rows : slice
        The samples of the block.
    tables : ndarray of shape (n_explained, n_features, n_rows), float64
    """
    sizes = networks[0].sizes
    width = question.width(sizes)
    share = 1 / (len(networks) * question.baselines.shape[0])
    with np.errstate(all="ignore"):
        grounds = [_ground(_Passes(network), question.baselines) for network in networks]

    def explain(start, check):
        rows = slice(start, min(start + width, X.shape[0]))
        block = Samples(X[rows], np.float64)
        tables = np.zeros((len(question.outputs), sizes[0], block.n))
        # Overflow is for the caller to tell.  Each thread has settings of its own.
        with np.errstate(all="ignore"):
            for network, ground in zip(networks, grounds, strict=True):
                _add_contributions(tables, _Passes(network), block, ground, question, check)
            tables *= share
        return rows, tables

    yield from _in_order(explain, range(0, X.shape[0], width), question.n_threads)


def _doubles(values):
    return None if values is None else values.astype(np.float64)


def _in_order(function, items, n_threads):
    """Yield the results of a function for some items, a few of which are under way ahead.

    Threads that each have a block never wait for each other, as those of a product would.  The
    function is given a check, which ends it soon after the caller was interrupted.
    """
    n_threads = min(n_threads, len(items))
    is_over = threading.Event()

    def check():
        if is_over.is_set():
            raise CancelledError

    if n_threads <= 1:
        for item in items:
            yield function(item, check)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        under_way = deque()
        try:
            for item in items:
                under_way.append(pool.submit(function, item, check))
                if len(under_way) > n_threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            is_over.set()
            for each in under_way:
                each.cancel()


def _add_contributions(tables, passes, block, grounds, question, check):
    """Add the contributions by one network, for a sum over the baselines, to `tables`."""
    check()
    inputs = passes.inputs(block)
    z = passes.upwards(passes.first(inputs))
    if question.n_pieces is None:  # the slope at the sample, whatever the baseline
        slopes = [passes.slope(depth, each) for depth, each in enumerate(z[:-1])]
        deltas = [passes.delta(slopes, output) for output in question.outputs]
        inputs *= question.baselines.shape[0]
        for baseline in question.baselines:
            inputs -= passes.in_units(baseline)
        for table, delta in zip(tables, deltas, strict=True):
            table += passes.to_features(delta) * inputs
        return
    n_pieces = question.n_pieces if len(z) > 2 else 1
    for baseline, ground in zip(question.baselines, grounds, strict=True):
        deltas = _mean_deltas(passes, ground, z, question.outputs, n_pieces, check)
        way = inputs - passes.in_units(baseline)
        for table, delta in zip(tables, deltas, strict=True):
            table += passes.to_features(delta) * way


def _mean_deltas(passes, ground, z, outputs, n_pieces, check):
    """Deltas of the first layer's neurons for each output, means over the pieces of the way."""
    deltas = [0.0] * len(outputs)
    before = ground
    for piece in range(1, n_pieces + 1):
        check()
        now = z
        if piece < n_pieces:
            now = passes.upwards(ground[0] + (piece / n_pieces) * (z[0] - ground[0]))
        slopes = [
            passes.mean_slope(depth, *ends)
            for depth, ends in enumerate(zip(before[:-1], now[:-1], strict=True))
        ]
        for k, output in enumerate(outputs):
            deltas[k] = deltas[k] + passes.delta(slopes, output) / n_pieces
        before = now
    return deltas


def _ground(passes, baselines):
    """Pre-activations of every layer at each baseline, as columns."""
    grounds = []
    for baseline in baselines:
        block = Samples(baseline[np.newaxis], np.float64)
        grounds.append(passes.upwards(passes.first(passes.inputs(block))))
    return grounds


class _Passes:
    """Passes of a block of samples through a network, in double precision.

    Parameters
    ----------
    network : SparseNetwork
        Weights that are not doubles are copied: that takes less time than a pass.
    """

    def __init__(self, network):
        self.network = network
        offset, factor, relevance = network.units
        self.units = _doubles(offset), factor, _doubles(relevance)
        self.matrices = [
            (
                layer.topology.indptr,
                layer.topology.indices,
                layer.weights.astype(np.float64, copy=False),
            )
            for layer in network.layers
        ]

    def inputs(self, block):
        """The samples as the network reads them, of shape (n_features, n_samples)."""
        rows = np.arange(block.n, dtype=np.int32)
        table_of = machine.kernels("float64").table_of
        return table_of(block, rows, self.network.sizes[0], *self.units)

    def in_units(self, baseline):
        """A baseline as the network reads it, as a column."""
        offset, factor, _ = self.units
        distance = (baseline - (0.0 if offset is None else offset)) * factor
        return self.network.per_feature(distance)[:, np.newaxis]

    def first(self, inputs):
        """Pre-activations of the first layer."""
        return self._through(0, inputs)

    def upwards(self, z):
        """Pre-activations of every layer, from those of the first."""
        found = [z]
        for depth, layer in enumerate(self.network.layers[:-1]):
            activate = ACTIVATIONS[layer.activation].value
            found.append(self._through(depth + 1, activate(found[-1], layer.activation_parameter)))
        return found

    def _through(self, depth, table):
        layer = self.network.layers[depth]
        n_out = layer.topology.n_out
        z = transpose_times_table(*self.matrices[depth], table, n_out)
        z += layer.bias[:, np.newaxis]
        return z

    def slope(self, depth, z):
        """Slopes of the activation of a layer's neurons."""
        layer = self.network.layers[depth]
        return ACTIVATIONS[layer.activation].slope(z, layer.activation_parameter)

    def mean_slope(self, depth, start, stop):
        """Mean slopes of the activation of a layer's neurons between two pre-activations.

        Between numbers on either side of zero, the quotient keeps its digits, however close they
        are: so it is right at the corner of a rectifier.
        """
        layer = self.network.layers[depth]
        activation, parameter = ACTIVATIONS[layer.activation], layer.activation_parameter
        low, high = activation.value(start, parameter), activation.value(stop, parameter)
        run = stop - start
        size = np.maximum(np.abs(low), np.abs(high))
        np.maximum(size, np.maximum(np.abs(start), np.abs(stop)), out=size)
        far = np.abs(run) > _NEAR * size
        slopes = np.divide(high - low, run, out=np.empty_like(run), where=far)
        near = ~far
        if near.any():
            middle = (start + 0.5 * run)[near]
            slopes[near] = activation.slope(middle, parameter)
        return slopes

    def delta(self, slopes, output):
        """Derivative of an output by the pre-activations of the first layer's neurons.

        Parameters
        ----------
        slopes : list of ndarray of shape (n_neurons, n_samples)
            Of the activation of every hidden layer.
        output : int

        Returns
        -------
        ndarray of shape (n_neurons, n_samples), or (n_outputs, 1) if there is no hidden layer
        """
        delta = np.zeros((self.network.sizes[-1], 1))
        delta[output] = 1.0
        for depth in range(len(slopes), 0, -1):
            delta = slopes[depth - 1] * self._back(depth, delta)
        return delta

    def to_features(self, delta):
        """Derivative of an output by the features, of shape (n_features, n_samples) or one column.

        It is counted per unit of what the network reads.
        """
        return self._back(0, delta)

    def _back(self, depth, delta):
        chunks = self.network.layers[depth].topology.chunks
        return times_table(*self.matrices[depth], delta, chunks)
