"""TopologyRecorder: degrees of all neurons, and how many connections an evolution renews.

Knows topologies and the protocol of callbacks; must not know weights or how training goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_set._typing import Int, Ints
from sklearn_set.callbacks._callback import COUNT, Callback
from sklearn_set.hooks import training_of

if TYPE_CHECKING:
    from sklearn.callback import CallbackContext  # came with scikit-learn 1.9


class TopologyRecorder(Callback):
    """Callback that records how evolution changes the topology.

    Parameters
    ----------
    every : int, default=1
        Epochs from one record to the next, at least 1.

    Attributes
    ----------
    epochs_ : ndarray of shape (n_records,)
        Number of epochs done at each record. The first is 0, for the initial network. If
        :class:`Checkpoint` has resumed the fit, it is the epoch from which training goes on.
    n_renewed_ : ndarray of shape (n_records, n_layers - 1)
        For every layer, the number of connections that the record before did not have.
    input_degrees_ : list of ndarray of shape (n_records, n_in)
        For every layer of connections, how many leave each of its input neurons; those of
        the first are the degrees of the features.
    output_degrees_ : list of ndarray of shape (n_records, n_out)
        For every layer of connections, how many arrive at each of its output neurons.

    See Also
    --------
    sklearn_set.inspection.TopologyDisplay.from_record : Draws what was recorded.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_set import SETClassifier
    >>> from sklearn_set.callbacks import TopologyRecorder
    >>> X, y = load_iris(return_X_y=True)
    >>> recorder = TopologyRecorder()
    >>> clf = SETClassifier(
    ...     50, epsilon=2, max_iter=3, n_iter_no_change=float("inf"), random_state=0
    ... ).set_callbacks(recorder)
    >>> _ = clf.fit(X, y)
    >>> recorder.epochs_
    array([0, 1, 2, 3])
    >>> [degrees.shape for degrees in recorder.input_degrees_]
    [(4, 4), (4, 50)]
    """

    epochs_: Ints
    n_renewed_: Ints
    input_degrees_: list[Ints]
    output_degrees_: list[Ints]

    _constraints: ClassVar[dict] = {"every": (COUNT,)}

    def __init__(self, *, every: Int = 1) -> None:
        self.every = every
        super().__init__()

    def on_fit_task_begin(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Record the network that training begins with.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that begins.
        """
        records = self._run_of_epoch(context)
        if records is not None:
            self._record_the_first(records, training_of(estimator))

    def on_fit_task_end(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Record an epoch.

        Parameters
        ----------
        estimator : SETClassifier or SETRegressor
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task that ends.
        """
        fit, records = self._run_of_fit(context), self._run_of_epoch(context)
        state = training_of(estimator)
        if fit is not None:
            self._record_the_first(fit, state)
        if records is not None and state.course.n_iter % self.every == 0:
            records.append(_Record(state.course.n_iter, state.network, records[-1]))

    def _record_the_first(self, records, state):
        """Record the network with which training begins, once; also if the fit has no epochs."""
        if not records:
            # Not earlier than the first epoch: Checkpoint may replace the network before it.
            records.append(_Record(state.course.n_iter, state.network, None))

    def _begin(self, estimator):
        return []

    def _end(self, records):
        if not records:
            return
        self.epochs_ = np.array([record.epoch for record in records])
        self.n_renewed_ = np.array([record.n_renewed for record in records])
        self.input_degrees_ = _by_layer([record.input_degrees for record in records])
        self.output_degrees_ = _by_layer([record.output_degrees for record in records])


class _Record:
    """Degrees and changes of all layers after an epoch."""

    def __init__(self, epoch, network, previous):
        # Topologies never change: an evolution replaces them.
        self.topologies = [layer.topology for layer in network.layers]
        self.epoch = epoch
        self.input_degrees = [np.diff(topology.indptr) for topology in self.topologies]
        self.output_degrees = [
            np.bincount(topology.indices, minlength=topology.n_out) for topology in self.topologies
        ]
        self.n_renewed = [0] * len(self.topologies)
        if previous is not None:
            self.n_renewed = [
                _n_new(before, now)
                for before, now in zip(previous.topologies, self.topologies, strict=True)
            ]
            del previous.topologies  # it is not needed any more


def _by_layer(degrees):
    """Join degrees by record and layer into one array for each layer."""
    return [np.stack(each) for each in zip(*degrees, strict=True)]


def _n_new(before, now):
    """How many connections of the topology `now` the topology `before` did not have."""
    if before is now:
        return 0
    common = np.intersect1d(_positions(before), _positions(now), assume_unique=True)
    return now.n_connections - common.shape[0]


def _positions(topology):
    """The position of every connection: input neuron * n_out + output neuron."""
    rows = np.repeat(np.arange(topology.n_in, dtype=np.int64), np.diff(topology.indptr))
    return rows * topology.n_out + topology.indices
