"""SET and its descendants: prune connections, regrow as many elsewhere.

Sparse Evolutionary Training, Mocanu et al., 2018 (Nature Communications 9:2383), algorithm 1;
Liu et al., 2021 (Neural Computing and Applications 33:2589), algorithm 2.  Decides in Python
which connections go and where new ones come; the integer work is compiled.  The tables at the
end are what users choose from.  Knows networks and optimizers, but not time.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sklearn_set._core.pruning import keep_farthest
from sklearn_set.network import SparseLayer, draw_weights
from sklearn_set.topology import (
    among_inputs,
    carried,
    draw_distinct,
    of_inputs,
    positions_of_ranks,
    regrown,
)

# How many free positions guided growth looks at for each connection that it grows.
_CANDIDATES = 4


def evolve(
    network,
    optimizer,
    zeta,
    *,
    weight_init,
    rng,
    pruning="set",
    growth="random",
    newborn_weights="initial",
    probe=None,
    n_threads=1,
):
    """Renew a share of the connections of every layer that has free positions.

    Each layer keeps its number of connections.  Survivors keep weight and moments.  Newcomers get
    a weight drawn like the initial ones, or zero, and moments of zero.

    If only some features are active, the others lose their connections.  The first layer then has
    as many as it should, or one at each of its positions if there are fewer.

    Parameters
    ----------
    network : SparseNetwork
        Its layers' topologies and weights are replaced.
    optimizer : one of `SOLVERS`
        Its moments are replaced.
    zeta : float in [0, 1]
        Share of the connections that is renewed.
    weight_init : str
    rng : numpy.random.Generator
    pruning : str, default="set"
        A key of `PRUNING_RULES`.
    growth : str, default="random"
        A key of `GROWTH_RULES`.
    newborn_weights : str, default="initial"
        One of `NEWBORN_WEIGHTS`.
    probe : callable, default=None
        Returns a list of LayerProbe, one for each layer; called once, before anything changes, if
        the growth rule needs it.
    n_threads : int, default=1
        Changes nothing but time.
    """
    prune, rule = PRUNING_RULES[pruning], GROWTH_RULES[growth]
    probes = probe() if rule.needs_probe else [None] * len(network.layers)

    def renewed(layer, layer_probe, n_wanted):
        keep = prune(layer, zeta, n_renewable(layer.topology), n_threads)
        n_new = min(n_wanted, layer.topology.n_positions) - np.count_nonzero(keep)
        if n_new == 0:
            return layer.topology, np.arange(keep.shape[0], dtype=np.int32), 0
        given = (layer_probe,) if rule.needs_probe else ()
        ranks = rule.grow(layer.topology, keep, n_new, rng, *given, n_threads=n_threads)
        return *regrown(layer.topology, keep, ranks, n_threads), n_new

    for depth, (layer, layer_probe) in enumerate(zip(network.layers, probes, strict=True)):
        if depth == 0 and network.inputs is not None:
            topology, source, n_new = _renewed_inputs(layer, layer_probe, network.inputs, renewed)
        elif n_renewable(layer.topology) == 0:
            continue
        else:
            n_wanted = layer.topology.n_connections
            topology, source, n_new = renewed(layer, layer_probe, n_wanted)
        if n_new == 0 and topology.n_connections == layer.topology.n_connections:
            continue
        newborn = layer.weights[:0]  # zeros
        if newborn_weights == "initial":
            newborn = draw_weights(
                weight_init, layer.activation, topology, n_new, network.dtype, rng
            )
        weights = carried(source, layer.weights, newborn, n_threads)
        moments = optimizer.carried(depth, source, n_threads)
        # Python handles no signal between three plain assignments.  So Ctrl-C leaves the layer
        # either as it was or renewed as a whole.
        layer.topology = topology
        layer.weights = weights
        optimizer.moments[depth] = moments


def _renewed_inputs(layer, layer_probe, inputs, renewed):
    """Renew the first layer as if it had the active features only.

    So every rule works among them as it does among all.
    """
    active = inputs.active
    topology, slots = of_inputs(layer.topology, active)
    weights = layer.weights if slots is None else layer.weights[slots]
    part = SparseLayer(topology, weights, layer.bias, layer.activation, layer.activation_parameter)
    if layer_probe is not None:
        layer_probe = layer_probe.of_inputs(active)
    topology, source, n_new = renewed(part, layer_probe, inputs.n_connections)
    if slots is not None:
        source = np.where(source < 0, source, slots[source])
    return among_inputs(topology, active), source, n_new


def n_renewable(topology):
    """The most connections that one evolution may renew: half of the free positions.

    So a full layer stays as it is, and in a nearly full one few connections move.
    """
    return (topology.n_positions - topology.n_connections) // 2


# ------------------------------------------------------------------------------------ pruning


def prune_each_sign(layer, zeta, at_most, n_threads=1):
    """SET's choice of connections to remove: of each sign the share nearest zero.

    Mocanu et al., 2018, algorithm 1.

    Parameters
    ----------
    layer : SparseLayer
    zeta : float in [0, 1]
        Share to remove.
    at_most : int
        The most connections to remove, however large the share.
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    keep : ndarray of shape (n_connections,), bool
    """
    return prune_nearest_zero(layer.weights, zeta, at_most, n_threads)


def prune_by_magnitude(layer, zeta, at_most, n_threads=1):
    """Remove the share nearest zero, whatever the sign: ``floor(zeta * n)`` of n connections.

    The choice of RigL (Evci et al., 2020, arXiv 1911.11134) and of sparse momentum (Dettmers and
    Zettlemoyer, 2019, arXiv 1907.04840).  Of equal ones the first slots go first.
    Arguments and result are those of `prune_each_sign`.
    """
    return prune_nearest_zero(np.abs(layer.weights), zeta, at_most, n_threads)


def prune_nearest_zero(weights, zeta, at_most, n_threads=1):
    """Choose numbers to remove: those nearest zero, per sign.

    Of the positive connections ``floor(zeta * n_positive)`` go, of the negative ones
    ``floor(zeta * n_negative)``; zero counts as positive.  Of equal numbers the first slots go
    first.  Not-a-number counts as plus infinity: such weights stay, so that training finds them.

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
    return keep_farthest(weights, zeta, at_most, n_threads).view(bool)


# ------------------------------------------------------------------------------------- growth


def grow_at_random(topology, keep, n_new, rng, *, n_threads=1):
    """SET's choice of new connections: any free position, all equally likely.

    A position is free if no kept connection holds it, also if its connection was just pruned.

    Parameters
    ----------
    topology : Topology
    keep : ndarray of shape (n_connections,), bool
    n_new : int
    rng : numpy.random.Generator
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    ndarray of shape (n_new,), int64
        Ascending ranks among the free positions.
    """
    n_free = topology.n_positions - np.count_nonzero(keep)
    return draw_distinct(n_free, n_new, rng, n_threads)


def grow_guided(topology, keep, n_new, rng, probe, *, n_threads=1):
    """Guided stochastic exploration: of some free positions those of the largest gradient.

    Heddes et al., 2024 (arXiv 2401.06898), with all candidates equally likely.  It is RigL's growth
    by gradient in time linear in the number of connections.  Equal gradients are chosen at random.

    Parameters
    ----------
    topology : Topology
    keep : ndarray of shape (n_connections,), bool
    n_new : int
    rng : numpy.random.Generator
        How much is drawn from it does not depend on the probe.
    probe : LayerProbe
        Gradients of the layer on some samples.
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    ndarray of shape (n_new,), int64
        Ascending ranks among the free positions.
    """
    n_free = topology.n_positions - np.count_nonzero(keep)
    candidates = draw_distinct(n_free, min(_CANDIDATES * n_new, n_free), rng, n_threads)
    among_equals = rng.integers(2**63)
    gradients = probe.gradients(positions_of_ranks(topology, keep, candidates, n_threads))
    np.abs(gradients, out=gradients)
    gradients[np.isnan(gradients)] = 0
    return np.compress(_largest(gradients, n_new, among_equals), candidates)


def _largest(values, n, seed):
    """Mask of the n largest values; of equal ones the seed chooses."""
    threshold = np.partition(values, values.shape[0] - n)[values.shape[0] - n]
    chosen = values > threshold
    ties = np.flatnonzero(values == threshold)
    n_of_ties = n - np.count_nonzero(chosen)
    if n_of_ties < ties.shape[0]:
        ties = np.random.default_rng(seed).choice(ties, n_of_ties, replace=False)
    chosen[ties] = True
    return chosen


# ------------------------------------------------------------------------------------- tables


@dataclass(frozen=True)
class GrowthRule:
    """How to choose new connections, and whether that needs gradients on some samples."""

    grow: Callable
    needs_probe: bool = False


PRUNING_RULES = {
    "set": prune_each_sign,
    "magnitude": prune_by_magnitude,
}
# What docstrings say of the rules, after their names.
PRUNING_TOLD = {
    "set": "those nearest zero, the same share of the positive and of the negative ones ([2]_)",
    "magnitude": "those nearest zero, whatever the sign",
}
GROWTH_RULES = {
    "random": GrowthRule(grow_at_random),
    "guided": GrowthRule(grow_guided, needs_probe=True),
}
GROWTH_TOLD = {
    "random": "to free positions, all equally likely ([2]_)",
    "guided": "to the free positions of the largest gradient. Four times as many as needed are "
    "drawn at random and compared. The gradient is taken on one batch of training samples, of at "
    "least 128 if there are as many ([4]_)",
}
# "initial" draws like the initial weights, as SET does.  "zero" is what RigL does: a new connection
# does not change the network's outputs until it is trained.
NEWBORN_WEIGHTS = ("initial", "zero")
