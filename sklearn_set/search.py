"""The search for the features that matter: the weakest lose their connections for good.

A part of the samples is held out while it lasts.  First all features take part, until the network
has learned what it can with them.  Then fewer and fewer remain, and the loss on the held-out part
tells how many are needed.  Decides which features are active; must not know how connections move.
"""

from copy import copy
from dataclasses import dataclass, field

import numpy as np

from sklearn_set.network import ActiveInputs
from sklearn_set.topology import sums_by_input

# Features begin to go between these shares of all epochs, when the held-out loss has not fallen by
# the share _STALLED for some epochs.
_EARLIEST, _LATEST = 0.15, 0.35
_STALLED, _PATIENCE = 0.02, 3

# How few features remain in the end.
_FEWEST = 2

# The strength of a feature is a mean over evolutions, in which the last one has this weight, of a
# norm of its weights.  The fourth power: a few large weights tell more than many small ones.
_NEWEST = 0.3

# At most about so many networks are kept.
_MOST_NETWORKS = 100

# Losses of so many neighbouring epochs are averaged on each side.
_SMOOTHED = 1


@dataclass
class FeatureSearch:
    """A search under way, or what it has found.

    Attributes
    ----------
    rows : ndarray of int32
        The samples to train on while it lasts.
    held_out : ndarray of int32
        The samples that judge.
    n_epochs : int
        How many epochs it takes.
    max_iter : int
        How many epochs training takes.
    has_ended : bool
    begun : int or None
        The epochs done when the first features lost their connections.
    curve : list of (int, float)
        Number of active features and loss on the held-out part after every epoch.
    outputs : pair of ndarray, or None
        Outputs of the network that the search has found, for `rows` and for `held_out`.
    """

    rows: np.ndarray
    held_out: np.ndarray
    n_epochs: int
    max_iter: int
    has_ended: bool = False
    begun: int | None = None
    curve: list = field(default_factory=list)
    outputs: list | None = None
    _strength: np.ndarray | None = None
    _losses: dict = field(default_factory=dict)
    _candidates: dict = field(default_factory=dict)

    def advance(self, network):
        """Before an evolution: note how strong the features are, and let the weakest go.

        Sets ``network.inputs``.
        """
        layer, inputs = network.layers[0], network.inputs
        self._note_strength(network)
        n_done = len(self.curve)
        if self.begun is None and self._is_time_to_begin(n_done):
            self.begun = n_done
        if self.begun is None:
            return
        # The number falls by the same share each time.
        part = (n_done - self.begun + 1) / max(self.n_epochs - self.begun, 1)
        n_features = layer.topology.n_in
        fewest = min(_FEWEST, n_features)
        n_left = max(round(n_features * (fewest / n_features) ** part), fewest)
        if n_left < _n_active(network):
            strength, n_connections = self._strength, layer.topology.n_connections
            if inputs is not None:
                strength = np.where(inputs.active, strength, -1)
                n_connections = inputs.n_connections
            active = np.zeros(n_features, bool)
            active[np.argsort(-strength, kind="stable")[:n_left]] = True
            network.inputs = ActiveInputs(active, n_connections)

    def judge(self, network, losses, weight):
        """After an epoch: note the held-out losses, and keep the network if it may win.

        Parameters
        ----------
        network : SparseNetwork
            It is copied.
        losses : ndarray of shape (n_held_out,)
            Finite.
        weight : ndarray of shape (n_held_out,) or None
            Sample weights.
        """
        epoch = _n_active(network), float(np.average(losses, weights=weight))
        if weight is not None:
            losses = losses * (weight / weight.mean())
        # As long as all networks have all features, only the last of them can win.
        has_begun = self.begun is not None
        newest = max(self._losses) + 1 if has_begun and self._losses else 0
        losses = (self._losses if has_begun else {}) | {newest: losses}
        candidates = (self._candidates if has_begun else {}) | {newest: _small_copy(network)}
        fit = _is_as_good_as_the_best(losses, candidates)
        step = -(-self.n_epochs // _MOST_NETWORKS)
        candidates = {
            number: candidate
            for number, candidate in candidates.items()
            # the neighbours of the newest are not complete
            if (fit[number] and number % step == 0) or number >= newest - _SMOOTHED
        }
        needed = {neighbour for number in candidates for neighbour in _around(number)}
        losses = {number: each for number, each in losses.items() if number in needed}
        # Python handles no signal before the last of these lines is done: Ctrl-C finds all of an
        # epoch or none.
        self._losses, self._candidates = losses, candidates
        self.curve.append(epoch)

    def choice(self):
        """The network of the most features that is as good as the best; nothing changes.

        Returns
        -------
        SparseNetwork or None
            It shares its layers with what the search keeps.  None if no epoch is complete.
        """
        if not self._candidates:
            return None
        fit = _is_as_good_as_the_best(self._losses, self._candidates)
        return self._candidates[min(epoch for epoch in self._candidates if fit[epoch])]

    def forget_networks(self):
        """Free what only a search under way needs."""
        self._losses, self._candidates, self._strength = {}, {}, None

    def _note_strength(self, network):
        layer = network.layers[0]
        size = np.abs(layer.weights, dtype=np.float64)
        largest = size.max(initial=0)
        if largest > 0:
            size /= largest  # so that no power is too small or too large for a number
        np.square(np.square(size, out=size), out=size)
        strength = largest * np.sqrt(np.sqrt(sums_by_input(layer.topology, size)))
        strength = network.per_feature(strength)
        if self._strength is None:
            self._strength = strength
        else:
            self._strength += _NEWEST * (strength - self._strength)

    def _is_time_to_begin(self, n_done):
        if n_done >= _LATEST * self.max_iter:
            return True
        if n_done < _EARLIEST * self.max_iter:
            return False
        losses = [loss for _, loss in self.curve]
        before, since = losses[:-_PATIENCE], losses[-_PATIENCE:]
        return not before or not min(since) < min(before) - _STALLED * abs(min(before))


def _n_active(network):
    """Number of features that may have connections."""
    inputs = network.inputs
    return network.layers[0].topology.n_in if inputs is None else inputs.n_active


def _small_copy(network):
    """A copy of a network, without what follows from its topologies."""
    network = network.copy()
    for layer in network.layers:
        layer.topology = copy(layer.topology)
    return network


def _around(epoch):
    """The epoch and its neighbours, whose losses are averaged."""
    return range(epoch - _SMOOTHED, epoch + _SMOOTHED + 1)


def _is_as_good_as_the_best(losses, candidates):
    """For each candidate epoch, whether its loss is within one standard error of the lowest.

    Parameters
    ----------
    losses : dict of int to ndarray of shape (n_held_out,)
        By epoch.
    candidates : collection of int

    Returns
    -------
    dict of int to bool
    """
    epochs = sorted(candidates)
    smooth = np.array(
        [np.mean([losses[i] for i in _around(epoch) if i in losses], axis=0) for epoch in epochs]
    )
    excess = smooth - smooth[np.argmin(smooth.mean(axis=1))]
    error = excess.std(axis=1) / np.sqrt(excess.shape[1])
    return dict(zip(epochs, (excess.mean(axis=1) <= error).tolist(), strict=True))
