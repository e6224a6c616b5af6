"""All that changes while a model is trained: what a checkpoint holds, and what later calls need.

Knows random numbers and counters; holds networks and optimizers, but must not know what is in them,
or what training does.
"""

import copy
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np


class Randomness:
    """The two streams of random numbers of one model.

    `network` serves topology, weights, evolution and dropout, `order` serves all that depends on
    the samples.  So what is drawn for the network does not depend on the number of samples: a
    sample of weight two gives the same network as the sample given twice.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed):
        root = np.random.default_rng(seed)
        self.network, self.order = root.spawn(2)
        self.dropout_seed = int(self.network.integers(2**32, dtype=np.uint32))

    def copy(self):
        """Streams that yield the same numbers from here on, independently of these."""
        return copy.deepcopy(self)


@dataclass
class Progress:
    """How far a model has come: counters and curves that a later call goes on with."""

    learning_rate: float
    n_epochs: int = 0
    n_epochs_before: int = 0
    n_steps: int = 0
    n_samples_seen: int = 0
    n_without_improvement: int = 0
    best_loss: float = np.inf
    best_validation_score: float = -np.inf
    best_epoch: int = 0
    loss_curve: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)
    validation_loss_curve: list = field(default_factory=list)
    # What a reader of the curves must know.
    has_mixed_losses: bool = False
    has_best_epoch: bool = True

    def copy(self):
        """Progress with lists of its own."""
        lists = ("loss_curve", "validation_scores", "validation_loss_curve")
        return Progress(**self.__dict__ | {name: list(getattr(self, name)) for name in lists})

    def forget_the_best(self):
        """Losses of earlier epochs do not compare with those to come."""
        self.n_without_improvement = 0
        self.best_loss = np.inf

    def begin(self, learning_rate):
        """Start another fit of the model: curves go on, the search for the best starts anew."""
        self.learning_rate = learning_rate
        self.n_epochs_before = self.n_epochs
        self.forget_the_best()
        self.best_validation_score = -np.inf


@dataclass
class Course:
    """What one call of `train` has gathered so far; another call can go on from there.

    Attributes
    ----------
    n_iter : int
        Completed epochs.
    best, best_optimizer : SparseNetwork and optimizer, or None
        Copies from the best epoch, if a score decides.
    snapshots : list of SparseNetwork
        The networks of earlier epochs, without the last.
    has_ended : bool
        Whether training is over: nothing improves any more, or a callback has asked for the end.
    is_between_epochs : bool
        Whether the last epoch is complete.
    converged : bool
        Whether training has ended by itself or by a callback, or lasted as long as it was told to.
    interrupted : bool
        Whether Ctrl-C ended it.
    is_calibrated : bool
        Whether what follows training, the search for a temperature, is done too.
    search : FeatureSearch or None
        The search for the features that matter; None if all are used.
    notes : dict
        What observers note, to find it again in a resumed training.
    """

    n_iter: int = 0
    best: object = None
    best_optimizer: object = None
    snapshots: list = field(default_factory=list)
    has_ended: bool = False
    is_between_epochs: bool = True
    converged: bool = False
    interrupted: bool = False
    is_calibrated: bool = False
    search: object = None
    notes: dict = field(default_factory=dict)


@dataclass
class TrainingState:
    """A training under way: everything in it changes, and training can go on from a copy of it.

    Attributes
    ----------
    network : SparseNetwork
    optimizer : SGD or Adam
        Attached to the network.
    progress : Progress
    randomness : Randomness
    rows : ndarray of int32
        The samples to train on.
    held_out : ndarray of int32 or None
        The samples that the estimator has set aside.
    course : Course
    identity : callable or None
        Returns a text that identifies data and parameters.  None for `partial_fit`, which no
        checkpoint resumes.
    fitted_attributes : callable or None
        Returns the fitted attributes that the estimator would get now, copied or not.
    claimed : list of str
        Names of the observers that have asked for their notes.
    """

    network: object
    optimizer: object
    progress: Progress
    randomness: Randomness
    rows: np.ndarray
    held_out: np.ndarray | None
    course: Course = field(default_factory=Course)
    identity: object = None
    fitted_attributes: object = None
    claimed: list = field(default_factory=list)

    SAVED: ClassVar = (
        "network",
        "optimizer",
        "progress",
        "randomness",
        "rows",
        "held_out",
        "course",
    )

    def best_network(self):
        """The network that training would return now: the best, or else the last.

        If Ctrl-C has cut a search for features, it is the one that the search would choose.
        """
        found = self._found()
        if found is not None:
            return found
        return self.network if self.course.best is None else self.course.best

    def best_optimizer(self):
        """The optimizer of that network; None if its moments were not kept."""
        found = self._found()
        if found is not None:
            return self.optimizer.anew(found)
        return self.optimizer if self.course.best is None else self.course.best_optimizer

    def _found(self):
        """What a search would choose that Ctrl-C has cut; None if it has seen no epoch."""
        search = self.course.search
        was_cut = self.course.interrupted and search is not None and not search.has_ended
        return search.choice() if was_cut else None

    def as_dict(self):
        """The parts that a checkpoint holds, by name."""
        return {name: getattr(self, name) for name in self.SAVED}

    def replace(self, parts):
        """Go on from another state of the same training, as `as_dict` gave it."""
        for name in self.SAVED:
            setattr(self, name, parts[name])

    def notes_of(self, name, first):
        """What an observer has noted in this training; `first` if it has noted nothing yet.

        Several observers of one name are told apart by the order in which they ask.
        """
        key = name, self.claimed.count(name)
        self.claimed.append(name)
        return self.course.notes.setdefault(key, first)

    def release(self):
        """Forget the functions: they hold the data in a reference cycle, which is freed late."""
        self.identity = self.fitted_attributes = None
