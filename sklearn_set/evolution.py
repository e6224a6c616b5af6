"""SET: prune the connections nearest zero, regrow as many elsewhere.

Sparse Evolutionary Training, Mocanu et al., 2018 (Nature Communications 9:2383), algorithm 1;
Liu et al., 2021 (Neural Computing and Applications 33:2589), algorithm 2.  Decides in Python
which connections go and where new ones come; the integer work is compiled.  Knows networks and
optimizers, but not time.
"""

import numpy as np

from sklearn_set._core import pruning
from sklearn_set.network import draw_weights
from sklearn_set.topology import carried, draw_distinct, regrown


def evolve(network, optimizer, zeta, *, weight_init, rng, n_threads=1):
    """Renew a share of the connections of every layer that has free positions.

    The number of connections of a layer is conserved.  Survivors keep weight and moments;
    newcomers get a weight of the first draw's law and moments of zero.

    Parameters
    ----------
    network : SparseNetwork
        Its layers' topologies and weights are replaced.
    optimizer : SGD or Adam
        Its moments are replaced.
    zeta : float in [0, 1]
        Share of the positive and of the negative connections that is renewed.
    weight_init : str
    rng : numpy.random.Generator
    n_threads : int, default=1
        Changes nothing but time.
    """
    for depth, layer in enumerate(network.layers):
        keep = prune_nearest_zero(layer.weights, zeta, n_renewable(layer.topology), n_threads)
        n_new = keep.shape[0] - np.count_nonzero(keep)
        if n_new == 0:
            continue
        ranks = grow_at_random(layer.topology, keep, n_new, rng)
        topology, source = regrown(layer.topology, keep, ranks, n_threads)
        newborn = draw_weights(weight_init, layer.activation, topology, n_new, network.dtype, rng)
        weights = carried(source, layer.weights, newborn, n_threads)
        moments = optimizer.carried(depth, source, n_threads)
        # Three plain assignments: Python handles no signal between them, so an interrupt finds
        # the layer either as it was or renewed as a whole.
        layer.topology = topology
        layer.weights = weights
        optimizer.moments[depth] = moments


def n_renewable(topology):
    """The most connections that one evolution may renew: half of the free positions.

    A full layer is left alone, and a nearly full one is not churned for nothing.
    """
    return (topology.n_positions - topology.n_connections) // 2


def prune_nearest_zero(weights, zeta, at_most, n_threads=1):
    """SET's choice of connections to remove: those nearest zero, per sign.

    Of the positive connections ``floor(zeta * n_positive)`` go, of the negative ones
    ``floor(zeta * n_negative)``; zero counts as positive.  Ties fall by slot, the first first.

    Parameters
    ----------
    weights : ndarray of shape (n_connections,)
    zeta : float in [0, 1]
    at_most : int
        If the counts sum to more, both are lowered in proportion.
    n_threads : int, default=1

    Returns
    -------
    keep : ndarray of shape (n_connections,), bool
    """
    n_negative = pruning.count_negative(weights, n_threads)
    n_drop = [int(zeta * (weights.shape[0] - n_negative)), int(zeta * n_negative)]
    if sum(n_drop) > at_most:
        n_drop[0] = at_most * n_drop[0] // sum(n_drop)
        n_drop[1] = at_most - n_drop[0]
    # Should the sample mislead, the second bounds let no weight escape.
    for bounds in (_bounds(weights, n_drop, n_negative), [[0, np.inf], [0, np.inf]]):
        keep, n_below, between = pruning.keep_beyond(weights, bounds, n_threads)
        missing = n_drop - n_below
        if all(0 <= missing[sign] <= between[sign].shape[0] for sign in (0, 1)):
            break
    for sign, slots in enumerate(between):
        if missing[sign]:
            keep[slots[_smallest(np.abs(weights[slots]), missing[sign])]] = 0
    return keep.view(bool)


def _bounds(weights, n_drop, n_negative):
    """Magnitudes between which the thresholds lie, very probably: by a sample of the weights."""
    n = weights.shape[0]
    sample = weights[:: max(1, round(n ** (1 / 3)))]
    bounds = np.array([[0.0, -1.0], [0.0, -1.0]])  # keep all of the sign
    for sign, n_sign in enumerate((n - n_negative, n_negative)):
        if n_drop[sign] == 0:
            continue
        magnitudes = np.sort(np.abs(sample[(sample < 0) == sign]))
        m, share = magnitudes.shape[0], n_drop[sign] / n_sign
        margin = 4 * np.sqrt(m * share * (1 - share)) + 2
        low, high = int(m * share - margin), int(np.ceil(m * share + margin))
        bounds[sign] = (
            magnitudes[low] if low > 0 else 0,
            magnitudes[high] if high < m else np.inf,
        )
    return bounds


def _smallest(values, n):
    """Mask of the n smallest values; of equal ones the first."""
    threshold = np.partition(values, n - 1)[n - 1]
    chosen = values < threshold
    ties = np.flatnonzero(values == threshold)
    chosen[ties[: n - np.count_nonzero(chosen)]] = True
    return chosen


def grow_at_random(topology, keep, n_new, rng):
    """SET's choice of new connections: any free position, all equally likely.

    Free are all positions that no kept connection holds, those just pruned included.

    Parameters
    ----------
    topology : Topology
    keep : ndarray of shape (n_connections,), bool
    n_new : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n_new,), int64
        Ascending ranks among the free positions.
    """
    n_free = topology.n_positions - (topology.n_connections - n_new)
    return draw_distinct(n_free, n_new, rng)
