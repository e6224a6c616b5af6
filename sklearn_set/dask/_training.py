"""Epochs of a fit on a cluster: replicas trained side by side, averaged, evolved.

Reads like the local loop (`training.train`), with tasks in the place of calls.  Knows workers and
the tasks of `_replicas`; must not know what y meant, or scikit-learn.
"""

from dataclasses import dataclass, replace

import numpy as np
from distributed import Future

from sklearn_set.dask import _replicas
from sklearn_set.dask._cluster import Cluster
from sklearn_set.dask._reading import Data
from sklearn_set.schedule import is_time_to_evolve
from sklearn_set.settings import Settings
from sklearn_set.state import TrainingState
from sklearn_set.training import begin_course, complete_epoch, end_course, tell_epoch

# "auto" trains so many replicas, or one for each partition if these are fewer.
AUTOMATIC_REPLICAS = 4

# In the very first epoch replicas are averaged so often, while their rate rises to its full size:
# networks that have learned nothing yet go apart the fastest.
WARM_UP = 4


class RemoteState(TrainingState):
    """The state of a training whose model is on a worker; it is fetched when someone looks.

    `network` and `optimizer` are those of the last complete epoch.
    """

    cluster: Cluster
    _model = None

    @property
    def model(self):
        """The model on this machine."""
        if isinstance(self._model, Future):
            self._model = self.cluster.gather(self._model)
        return self._model

    def moves_to(self, model):
        """A future has the model now."""
        self._model = model

    @property
    def network(self):
        """See `TrainingState`."""
        return self.model.network

    @network.setter
    def network(self, network):
        """Only a model, by `moves_to`, changes the network."""

    @property
    def optimizer(self):
        """See `TrainingState`."""
        return self.model.optimizer

    @optimizer.setter
    def optimizer(self, optimizer):
        """Only a model, by `moves_to`, changes the optimizer."""


@dataclass(frozen=True)
class Plan:
    """What does not change in a fit.

    Attributes
    ----------
    cluster : Cluster
    data : Data
    settings : Settings
    intervals : callable
        Takes the number of the epoch and the learning rate, returns an `Interval`.
    replicas : list of list of int
        The partitions of each replica.
    """

    cluster: Cluster
    data: Data
    settings: Settings
    intervals: object
    replicas: list


def divided(n_samples, n_replicas):
    """Give neighbouring partitions to replicas, about equally many samples to each.

    Parameters
    ----------
    n_samples : list of int
        Of each partition.
    n_replicas : int
        At most the number of partitions.

    Returns
    -------
    list of list of int
        No replica is without a partition.
    """
    middles = np.cumsum(n_samples) - np.asarray(n_samples) / 2
    wanted = np.minimum(middles * n_replicas // sum(n_samples), n_replicas - 1).astype(int)
    # One large partition may leave replicas empty: the later ones then take neighbours.
    n = len(n_samples)
    owner, last = [], -1
    for place, replica in enumerate(wanted):
        replica = min(max(replica, last), last + 1)
        replica = max(replica, n_replicas - (n - place))
        owner.append(int(replica))
        last = replica
    return [[place for place in range(n) if owner[place] == each] for each in range(n_replicas)]


def train(plan, state, model, observer):
    """Train a model; `state` knows it after every epoch.

    Parameters
    ----------
    plan : Plan
    state : RemoteState
    model : Future of Model
    observer : Observer

    Raises
    ------
    DivergenceError
        If training leads to numbers that are not finite.
    """
    course, settings, cluster = state.course, plan.settings, plan.cluster
    begin_course(state, settings)
    finite = True
    try:
        while course.n_iter < settings.n_epochs and not course.has_ended:
            observer.epoch_begins()
            course.is_between_epochs = False
            model, loss = run_epoch(plan, state.progress, model)
            state.progress.n_epochs += 1
            state.progress.n_samples_seen += plan.data.n
            state.moves_to(model)
            took_snapshot = complete_epoch(state, settings, loss, None)
            tell_epoch(course, observer, took_snapshot)
        interval = plan.intervals(state.progress.n_epochs, state.progress.learning_rate)
        looks = cluster.each(_replicas.has_finite_outputs, plan.data.parts, model, interval)
        finite = all(cluster.gather(looks))
    except KeyboardInterrupt:
        course.interrupted = True  # the last complete epoch is kept
    end_course(course, settings, finite)


def run_epoch(plan, progress, model):
    """All partitions once; return a future of the model, and the mean loss.

    The tasks are given in the order of a walk through the tree, so that a worker averages two
    replicas before it trains a third.
    """
    cluster, data = plan.cluster, plan.data
    interval = plan.intervals(progress.n_epochs, progress.learning_rate)
    cluster.locate(data.parts)
    if is_time_to_evolve(progress, plan.settings):
        looked_at = None
        if _replicas.needs_samples(plan.settings):
            looked_at = data.parts[progress.n_epochs % len(data.parts)]
        model = cluster.submit(_replicas.evolved, model, looked_at, interval, near=looked_at)
    is_warming_up = progress.n_epochs == 0 and len(plan.replicas) > 1
    if is_warming_up:
        fewest = min(map(len, plan.replicas))
        interval = replace(interval, n_pieces=-(-WARM_UP // fewest))
    rounds = _rounds(plan, interval, WARM_UP if is_warming_up else 1)
    reports = []
    for number, walks in enumerate(rounds):
        if is_warming_up:
            interval = replace(interval, warmth=(number + 0.5) / len(rounds))
        values = _mean(cluster, data, model, walks, interval)
        reports.append(cluster.submit(_replicas.told, values))
        model = cluster.submit(_replicas.averaged, model, values)
    counts, losses = zip(*cluster.gather(reports), strict=True)
    return model, sum(losses) / sum(counts)


def _rounds(plan, interval, n_rounds):
    """For each average of an epoch, what every replica that takes part trains on before.

    That is a list of (partition, segment), in order.  With a number of steps as the interval, each
    of them is a round; else there are `n_rounds`, or fewer if there is too little to divide.
    """
    shares = [_visits(replica, plan.data.n_samples, interval) for replica in plan.replicas]
    longest = max(map(len, shares))
    if interval.length is None:
        n_rounds = min(n_rounds, longest)
        cuts = [[end * len(share) // n_rounds for end in range(n_rounds + 1)] for share in shares]
    else:
        cuts = [range(longest + 1)] * len(shares)
        n_rounds = longest
    rounds = []
    for number in range(n_rounds):
        walks = [
            share[cut[number] : cut[number + 1]] for share, cut in zip(shares, cuts, strict=True)
        ]
        rounds.append([walk for walk in walks if walk])
    return rounds


def _visits(replica, n_samples, interval):
    """The (partition, segment) that a replica trains on in an epoch, in order."""
    order = np.asarray(replica)
    if interval.settings.shuffle:
        order = np.random.default_rng([interval.seed, interval.epoch, replica[0]]).permutation(
            order
        )
    return [
        (int(place), segment)
        for place in order
        for segment in range(interval.n_segments(n_samples[place]))
    ]


def _mean(cluster, data, model, walks, interval):
    """A future of the values of some replicas, averaged pair by pair in the order of a tree."""
    if len(walks) > 1:
        middle = (len(walks) + 1) // 2
        one = _mean(cluster, data, model, walks[:middle], interval)
        other = _mean(cluster, data, model, walks[middle:], interval)
        return cluster.submit(_replicas.merged, one, other)
    values = None
    for place, segment in walks[0]:
        part = data.parts[place]
        values = cluster.submit(
            _replicas.trained, model, values, part, segment, interval, near=part
        )
    return values
