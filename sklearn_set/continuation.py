"""What a network must have in common with a call that goes on with it.

Knows networks and parameters; must not know data.
"""

import numpy as np

from sklearn_set.topology import n_erdos_renyi


def check_goes_on(network, parameters, sizes, activations):
    """Refuse to go on with a network that is not as the parameters want it.

    Parameters
    ----------
    network : SparseNetwork
        Of the call before.
    parameters : dict of str to object
        The estimator's.
    sizes : tuple of int
        Numbers of neurons that parameters and data ask for, data and output included.
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
    """What the network has that is not wanted, and what to do; None if there is nothing."""
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
    for layer in network.layers:
        topology = layer.topology
        if topology.n_connections != n_erdos_renyi(topology.n_in, topology.n_out, epsilon):
            has = f"whose number of connections differs from what epsilon={epsilon} gives"
            return has, "Set epsilon back"
    return None
