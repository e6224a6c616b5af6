"""Checks that `warm_start` and `partial_fit` can go on with the network of the call before.

Knows networks and parameters; must not know data.
"""

import numpy as np

from sklearn_set.topology import n_erdos_renyi


def check_goes_on(network, parameters, sizes, activations):
    """Refuse to go on with a network that does not fit the parameters and the data.

    Parameters
    ----------
    network : SparseNetwork
        The network of the call before.
    parameters : dict of str to object
        The estimator's.
    sizes : tuple of int
        Numbers of neurons that parameters and data ask for, input and output layer included.
    activations : tuple of str
        One per hidden layer.

    Raises
    ------
    ValueError
    """
    caller = "warm_start=True" if parameters["warm_start"] else "partial_fit"
    fault = _fault(network, parameters, sizes, activations)
    if fault:
        has, remedy = fault
        raise ValueError(
            f"{caller} goes on with the network it has, {has}. {remedy}, or fit a new estimator."
        )


def _fault(network, parameters, sizes, activations):
    """How the network differs from what is asked for, and the remedy; None if it does not."""
    dtype, epsilon = parameters["dtype"], parameters["epsilon"]
    name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
    if name not in ("auto", network.dtype.name):
        return f"of {network.dtype.name}, but dtype={dtype!r}", "Set dtype back"
    if network.sizes[-1] != sizes[-1]:
        has = f"of {network.sizes[-1]} outputs, but y has {sizes[-1]}"
        return has, "Pass targets as in the first call"
    if network.sizes != sizes:
        return (
            f"of layer sizes {network.sizes}, but "
            f"hidden_layer_sizes={parameters['hidden_layer_sizes']!r} and the data ask for {sizes}",
            "Set hidden_layer_sizes back",
        )
    if tuple(layer.activation for layer in network.layers[:-1]) != activations:
        has = f"whose activations differ from activation={parameters['activation']!r}"
        return has, "Set activation back"
    for depth, layer in enumerate(network.layers):
        topology, n_connections = layer.topology, layer.topology.n_connections
        if depth == 0 and network.inputs is not None:
            n_connections = network.inputs.n_connections  # before most features lost theirs
        if n_connections != n_erdos_renyi(topology.n_in, topology.n_out, epsilon):
            has = f"whose number of connections differs from what epsilon={epsilon} gives"
            return has, "Set epsilon back"
    return None
