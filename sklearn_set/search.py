"""The search for the features that matter: the weakest lose their connections for good.

A part of the samples is held out while it lasts.  First all features take part, until the network
has learned what it can with them.  Then fewer and fewer remain, and the loss on the held-out part
tells how many are needed.  Decides which features are active; must not know how connections move.
"""

from dataclasses import dataclass, field

import numpy as np

from sklearn_set.network import ActiveInputs
from sklearn_set.topology import inputs_of_slots

# Features begin to go between these shares of all epochs, when the held-out loss has not fallen by
# the share _STALLED for some epochs.
_EARLIEST, _LATEST = 0.15, 0.35
_STALLED, _PATIENCE = 0.02, 3

# One of so many samples is held out, and how many there must be.
_ONE_OF = 5
_FEWEST_SAMPLES = 10

# How few features remain in the end.
_FEWEST = 2

# The strength of a feature is a mean over evolutions, in which the last one has this weight, of a
# norm of its weights.  The fourth power: a few large weights tell more than many small ones.
_NEWEST = 0.3
_POWER = 4

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
    """

    rows: np.ndarray
    held_out: np.ndarray
    n_epochs: int
    max_iter: int
    has_ended: bool = False
    begun: int | None = None
    curve: list = field(default_factory=list)
    _strength: np.ndarray | None = None
    _losses: list = field(default_factory=list)
    _candidates: dict = field(default_factory=dict)

    def advance(self, network):
        """Before an evolution: note how strong the features are, and let the weakest go.

        Sets ``network.inputs``.
        """
        self._note_strength(network.layers[0])
        n_done = len(self.curve)
        if self.begun is None and self._is_time_to_begin(n_done):
            self.begun = n_done
        if self.begun is None:
            return
        # The number falls by the same share each time.
        part = (n_done - self.begun + 1) / max(self.n_epochs - self.begun, 1)
        inputs = network.inputs
        n_features = inputs.active.shape[0]
        fewest = min(_FEWEST, n_features)
        n_left = max(round(n_features * (fewest / n_features) ** part), fewest)
        if n_left < inputs.n_active:
            strength = np.where(inputs.active, self._strength, -1)
            active = np.zeros(n_features, bool)
            active[np.argsort(-strength, kind="stable")[:n_left]] = True
            network.inputs = ActiveInputs(active, inputs.n_connections)

    def judge(self, network, losses, weight):
        """After an epoch: note the held-out losses, and keep the network if it may win.

        Parameters
        ----------
        network : SparseNetwork
            It is copied.
        losses : ndarray of shape (n_held_out,)
        weight : ndarray of shape (n_held_out,) or None
            Sample weights.
        """
        self.curve.append((network.inputs.n_active, float(np.average(losses, weights=weight))))
        if self.begun is None:
            # All networks so far have all features: only the last of them can win.
            self._losses.clear()
            self._candidates.clear()
        self._losses.append(losses if weight is None else losses * (weight / weight.mean()))
        newest = len(self._losses) - 1
        self._candidates[newest] = network.copy()
        fit = self._is_as_good_as_the_best()
        self._candidates = {
            epoch: network
            for epoch, network in self._candidates.items()
            # the neighbours of the newest are not complete
            if fit[epoch] or epoch >= newest - _SMOOTHED
        }

    def conclude(self):
        """End the search; return the network of the most features that is as good as the best.

        Returns
        -------
        SparseNetwork or None
            None if no epoch is complete.
        """
        self.has_ended = True
        if not self._candidates:
            return None
        fit = self._is_as_good_as_the_best()
        network = self._candidates[min(epoch for epoch in self._candidates if fit[epoch])]
        self._losses, self._candidates, self._strength = [], {}, None
        return network

    def _note_strength(self, layer):
        size = np.abs(layer.weights, dtype=np.float64)
        largest = size.max(initial=0)
        if largest > 0:
            size /= largest  # so that no power is too small or too large for a number
        powers = np.bincount(inputs_of_slots(layer.topology), size**_POWER, layer.topology.n_in)
        strength = largest * powers ** (1 / _POWER)
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

    def _is_as_good_as_the_best(self):
        """For each candidate epoch, whether its loss is within one standard error of the lowest."""
        losses = np.array(self._losses, dtype=np.float64)
        n = losses.shape[0]
        smooth = np.array(
            [losses[max(0, i - _SMOOTHED) : i + _SMOOTHED + 1].mean(axis=0) for i in range(n)]
        )
        means = smooth.mean(axis=1)
        means[[epoch for epoch in range(n) if epoch not in self._candidates]] = np.inf
        excess = smooth - smooth[np.argmin(means)]
        error = excess.std(axis=1) / np.sqrt(excess.shape[1])
        return excess.mean(axis=1) <= error


def begin_search(network, rows, weight, strata, rng, settings):
    """A search that has not begun, with samples of its own to judge.

    Parameters
    ----------
    network : SparseNetwork
        All of its features become active.
    rows : ndarray of int32
        The samples to train on.
    weight : ndarray of shape (n_samples,) or None
        Sample weights; samples of weight zero are never held out.
    strata : ndarray of shape (n_samples,) or None
        Classes: each is held out in proportion, up to one sample.
    rng : numpy.random.Generator
    settings : Settings

    Returns
    -------
    FeatureSearch

    Raises
    ------
    ValueError
        If there are too few samples.
    """
    counting = rows if weight is None else rows[weight[rows] > 0]
    if counting.shape[0] < _FEWEST_SAMPLES:
        raise ValueError(
            f"feature_search=True holds out samples, and needs at least {_FEWEST_SAMPLES} with a "
            f"weight above zero, but got {counting.shape[0]}. Set feature_search=False or add "
            "samples."
        )
    counting = rng.permutation(counting)
    if strata is not None:
        counting = counting[np.argsort(strata[counting], kind="stable")]
    held_out = np.sort(counting[rng.integers(_ONE_OF) :: _ONE_OF])
    first = network.layers[0].topology
    network.inputs = ActiveInputs(np.ones(first.n_in, bool), first.n_connections)
    return FeatureSearch(
        rows=np.setdiff1d(rows, held_out, assume_unique=True),
        held_out=held_out,
        n_epochs=settings.n_search_epochs,
        max_iter=settings.max_iter,
    )
