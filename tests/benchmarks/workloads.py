"""The networks that the benchmarks train, and random data of their sizes.

What is learned does not matter to them, only how long it takes.
"""

from typing import NamedTuple

import numpy as np


class Workload(NamedTuple):
    """Training samples, sizes of all layers from the data to the output, SET's sparsity."""

    n_samples: int
    sizes: tuple
    epsilon: int

    @property
    def layers(self):
        """Inputs, outputs and connections of every layer of weights."""
        return [
            (n_in, n_out, min(self.epsilon * (n_in + n_out), n_in * n_out))
            for n_in, n_out in zip(self.sizes, self.sizes[1:], strict=False)
        ]

    @property
    def connections(self):
        """Numbers of connections of all layers."""
        return [n_connections for _, _, n_connections in self.layers]


WORKLOADS = {
    "W1": Workload(135, (3312, 3000, 3000, 3000, 5), 20),
    "W2": Workload(135, (3312, 30000, 30000, 30000, 5), 20),
    "W3": Workload(1397, (54675, 27500, 27500, 18), 10),
    "W4": Workload(1000, (10000, 500_000, 500_000, 2), 10),
    "W5": Workload(60000, (784, 1000, 1000, 1000, 10), 20),
    "W6": Workload(135, (3312, 300_000, 300_000, 300_000, 5), 20),
    "W7": Workload(135, (3312, 600_000, 600_000, 600_000, 5), 20),
}


def random_data(workload):
    """Gaussian features (float32) and class numbers, always the same."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((workload.n_samples, workload.sizes[0]), dtype=np.float32)
    return X, rng.integers(workload.sizes[-1], size=workload.n_samples)
