"""Networks and signals for tests of evolution."""

import numpy as np

from sklearn_set.network import SparseNetwork
from sklearn_set.probe import LayerProbe


def random_probe(network, seed=3, n_samples=6):
    """Signals of every layer that have nothing to do with its weights."""
    rng = np.random.default_rng(seed)
    return [
        LayerProbe(
            rng.normal(size=(layer.topology.n_in, n_samples)).astype(network.dtype),
            rng.normal(size=(layer.topology.n_out, n_samples)).astype(network.dtype),
        )
        for layer in network.layers
    ]


def make_network(sizes=(30, 20, 25, 3), epsilon=2.0, dtype="float64", seed=0, **options):
    return SparseNetwork.erdos_renyi(
        sizes,
        epsilon,
        activations=options.get("activations", ["relu"] * (len(sizes) - 2)),
        weight_init=options.get("weight_init", "auto"),
        dtype=np.dtype(dtype),
        rng=np.random.default_rng(seed),
    )


def positions(topology):
    inputs = np.repeat(np.arange(topology.n_in), np.diff(topology.indptr))
    return inputs * topology.n_out + topology.indices
