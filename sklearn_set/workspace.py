"""Scratch memory of the kernels: made once, reused by every mini-batch.

Knows what the kernels ask for; must not know data, optimizers or time.
"""

import math

import numpy as np

from sklearn_set import machine


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
    batch_size : int
    width : int
        Number of columns: the batch size, rounded up to a width that the kernels have.
    tables : list of ndarray of shape (n_units, width)
        Activations of every layer, data first; the backward pass turns them into deltas.
    slopes : list of ndarray of shape (n_units, width) or None
        Slopes of activations that cannot be computed from their output.
    scratch : ndarray of shape (n_threads, size)
    partial : ndarray of shape (n_rows, width)
        Sums over the second half of a layer's inputs.
    pace : ndarray of shape (4,), float64
        What the kernels learn about whether threads pay at the moment.
    """

    def __init__(self, network, batch_size, n_threads):
        kernels = machine.kernels(network.dtype.name)
        self.batch_size = batch_size
        self.width = kernels.batch_width(batch_size)
        self._n_threads = n_threads
        self._dtype = network.dtype
        self.tables = [aligned((size, self.width), self._dtype) for size in network.sizes]
        self.slopes = [
            aligned((layer.topology.n_out, self.width), self._dtype)
            if kernels.stores_slopes(layer.activation_code)
            else None
            for layer in network.layers
        ]
        self.pace = np.zeros(4)
        self.scratch = self.partial = None
        self.adapt(network)

    def n_threads_that_pay(self):
        """How many threads to use now, from the times of the last steps."""
        kernels = machine.kernels(self._dtype.name)
        return kernels.n_threads_that_pay(self.pace, self._n_threads)

    def adapt(self, network):
        """Make room for the network's connections, after an evolution.

        The scratch must do for the most connected neuron.  How many rows of sums there are depends
        on the number of connections, which a search for features changes.
        """
        kernels = machine.kernels(self._dtype.name)
        degree = max(int(np.diff(layer.topology.indptr).max()) for layer in network.layers)
        # A thread needs the sums of one row, waiting gradients, and the gradients of one neuron.
        # They are rounded up to whole cache lines, and one more line is between threads.
        waiting = kernels.N_WAITING_GRADIENTS
        needed = self.width + waiting + max(degree, waiting)
        needed = -(-needed // 16) * 16 + 16
        if self.scratch is None or self.scratch.shape[1] < needed:
            self.scratch = aligned((self._n_threads, needed), self._dtype)
        n_rows = kernels.n_partial_rows([network], self.width)
        if self.partial is None or self.partial.shape[0] < n_rows:
            self.partial = aligned((n_rows, self.width), self._dtype)


def aligned(shape, dtype):
    """An empty array that begins at the start of a cache line.

    NumPy's arrays need not.  Then every load of a full vector would touch two lines, at half the
    speed.
    """
    line = 64
    n_bytes = math.prod(shape) * dtype.itemsize
    memory = np.empty(n_bytes + line, np.uint8)
    start = -memory.ctypes.data % line
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def aligned_tables(numbers_of_rows, width, dtype):
    """Several empty tables of one width, each of which begins at the start of a cache line."""
    line = 64
    starts = [0]
    for n in numbers_of_rows:
        starts.append(starts[-1] + -(-n // line) * line)
    memory = aligned((starts[-1], width), dtype)
    return [
        memory[start : start + n] for start, n in zip(starts[:-1], numbers_of_rows, strict=True)
    ]
