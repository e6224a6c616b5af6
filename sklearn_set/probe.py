"""Gradients at positions without connections, on some samples, for growth rules.

One forward and one backward pass keep the outputs and the deltas of all neurons.  The gradient of
any position of a layer is then a sum over the samples, which a kernel takes.  Nothing of size
n_in x n_out exists.  Knows networks, samples and losses; must not know evolution or time.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_set import machine
from sklearn_set._core.products import times_table, transpose_times_table
from sklearn_set.activations import ACTIVATIONS
from sklearn_set.losses import LOSSES

# Samples of a probe, or a batch if that is larger: enough for a stable sign, and still cheap.
_MIN_SAMPLES = 128

_MAX_BYTES = 1 << 28


@dataclass(frozen=True)
class LayerProbe:
    """Inputs and deltas of one layer for some samples.

    Attributes
    ----------
    inputs : ndarray of shape (n_in, n_samples)
        Outputs of the input neurons.
    deltas : ndarray of shape (n_out, n_samples)
        Gradients of the loss with respect to the pre-activations of the output neurons.
    n_threads : int, default=1
        The threads of `gradients`; they change nothing but time.
    """

    inputs: np.ndarray
    deltas: np.ndarray
    n_threads: int = 1

    def of_inputs(self, active):
        """The probe of a layer that has only the active ones of the input neurons."""
        return LayerProbe(self.inputs[active], self.deltas, self.n_threads)

    def gradients(self, positions):
        """Gradient of the loss, without penalty, at any positions, connected or not.

        Parameters
        ----------
        positions : ndarray of shape (n_positions,), int64
            Ascending, numbered ``input * n_out + output``.

        Returns
        -------
        ndarray of shape (n_positions,)
        """
        gradients_at = machine.kernels(self.deltas.dtype.name).gradients_at
        return gradients_at(positions, self.inputs, self.deltas, self.n_threads)


def n_probe_samples(sizes, n_samples, batch_size, dtype):
    """How many samples a probe takes: a batch or more, but only bounded memory.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of neurons, data and output included.
    n_samples : int
        How many there are.
    batch_size : int
    dtype : numpy.dtype

    Returns
    -------
    int
    """
    n_affordable = max(_MAX_BYTES // (2 * sum(sizes) * dtype.itemsize), 1)
    return min(n_samples, max(batch_size, _MIN_SAMPLES), n_affordable)


def probe(network, X, y, sample_weight, loss, rows, loss_parameter=0.0, n_threads=1):
    """Send some samples through a network and back.

    Nothing is dropped, and nothing of the network changes.

    Parameters
    ----------
    network : SparseNetwork
    X : Samples
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,) or None
        Above zero in `rows`.
    loss : str
        A key of `LOSSES`.
    rows : ndarray of int
        The samples.
    loss_parameter : float, default=0.0
        The loss's own number.
    n_threads : int, default=1

    Returns
    -------
    list of LayerProbe
        One for each layer.
    """
    kernels = machine.kernels(network.dtype.name)
    rows = rows.astype(np.int32)
    table = kernels.table_of(X, rows, network.sizes[0], *network.units, n_threads)
    weight = np.ones(rows.shape[0]) if sample_weight is None else sample_weight[rows]
    weight = (weight / weight.sum()).astype(table.dtype)
    # A probe ignores overflow: the training step tells the user.
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        inputs, z = _forward(network, table, n_threads)
        residual = LOSSES[loss].residual(z.pop().T, y[rows], loss_parameter)
        delta = np.ascontiguousarray(residual.T * weight)
        deltas = _backward(network, z, delta, n_threads)
    return [LayerProbe(*pair, n_threads) for pair in zip(inputs, deltas, strict=True)]


def _forward(network, table, n_threads):
    """Inputs and pre-activations of every layer."""
    inputs, z = [], []
    for layer in network.layers:
        inputs.append(table)
        topology = layer.topology
        csr = topology.indptr, topology.indices, layer.weights
        z.append(transpose_times_table(*csr, table, topology.n_out, n_threads))
        z[-1] += layer.bias[:, np.newaxis]
        activate = ACTIVATIONS[layer.activation].value
        table = activate(z[-1], layer.activation_parameter)
    return inputs, z


def _backward(network, z, delta, n_threads):
    """Deltas of every layer, from those of the last; `z` of the hidden layers is emptied."""
    deltas = [delta]
    for below, layer in zip(network.layers[-2::-1], network.layers[:0:-1], strict=True):
        topology = layer.topology
        csr = topology.indptr, topology.indices, layer.weights
        delta = times_table(*csr, delta, topology.chunks, n_threads)
        slope = ACTIVATIONS[below.activation].slope
        delta *= slope(z.pop(), below.activation_parameter)
        deltas.insert(0, delta)
    return deltas
