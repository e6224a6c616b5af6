"""Training: epochs and mini-batches, evolution between epochs, and what is kept in the end.

`train` can be read aloud as the algorithm.  Knows networks, optimizers and evolution; must not know
scikit-learn, or what y meant before it became class numbers or targets.
"""

from dataclasses import dataclass, replace

import numpy as np

from sklearn_set import machine
from sklearn_set.augmentation import mixed, soften
from sklearn_set.evolution import evolve
from sklearn_set.losses import LOSSES, OUT_ACTIVATIONS, sample_losses
from sklearn_set.probe import n_probe_samples, probe
from sklearn_set.samples import Samples
from sklearn_set.schedule import (
    adjust_rate,
    is_time_to_evolve,
    record,
    should_stop,
    takes_snapshot,
)
from sklearn_set.settings import even_batch
from sklearn_set.workspace import Workspace

# The penalty is at least this share of itself, however few features are found.
_LEAST_PENALTY = 0.01

DIVERGED = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed. Otherwise lower learning_rate_init, alpha or weight_decay."
)
OVERFLOWS = (
    "Solver produced a network whose predictions for the training data are not finite. The input "
    "data may contain large values and need to be preprocessed. Otherwise lower "
    "learning_rate_init, alpha or weight_decay."
)


class DivergenceError(ValueError):
    """Training leads to numbers that are not finite."""


@dataclass(frozen=True)
class TrainingData:
    """Data that the kernels read; they have been checked and converted before.

    Attributes
    ----------
    X : Samples
    y : ndarray
        int32 class numbers of shape (n_samples,) for ``loss="softmax_log_loss"``, targets of shape
        (n_samples, n_outputs) otherwise.
    sample_weight : ndarray of shape (n_samples,) or None
    loss : str
        A key of `LOSSES`.
    rows : ndarray of int32
        The samples to train on.  So a held-out part needs no copy of the others.
    loss_parameter : float
        The loss's own number, such as the quantile.
    mean_weight : float
        Mean weight of the samples whose weight is above zero.
    """

    X: Samples
    y: np.ndarray
    sample_weight: np.ndarray | None
    loss: str
    rows: np.ndarray
    loss_parameter: float = 0.0
    mean_weight: float = 1.0

    def counting_rows(self):
        """The samples to train on whose weight is above zero."""
        if self.sample_weight is None:
            return self.rows
        return self.rows[self.sample_weight[self.rows] > 0]


class Observer:
    """What `train` tells of every epoch; this one ignores it."""

    def epoch_begins(self):
        """An epoch is about to begin."""

    def epoch_ends(self):
        """Return whether training shall end after the epoch just done and recorded."""
        return False


def train(state, data, settings, *, validate=None, observer=None):
    """Train a network in place.

    Parameters
    ----------
    state : TrainingState
        Training goes on from it, and changes it.  A state saved after an epoch leads to the same
        result as an uncut training, if data and settings are the same.
    data : TrainingData
    settings : Settings
    validate : callable, default=None
        Takes the network, returns its score (higher is better) and its loss on held-out data.
    observer : Observer, default=None
        Told of every epoch; may end training.

    Raises
    ------
    ValueError
        If a weight or the loss becomes infinite or not a number, at the end of that epoch.  Also if
        an output of a network that is kept does, for a training sample.
    """
    course, given, finite = state.course, data, True
    begin_course(state, settings)
    if LOSSES[data.loss].of_classes and (settings.mixup > 0 or settings.label_smoothing > 0):
        data = soften(data, state.network.sizes[-1], settings.label_smoothing)
    workspace = workspace_for(state, of_now(state, data, settings)[1])
    observer = observer or Observer()
    try:
        while course.n_iter < settings.n_epochs and not course.has_ended:
            observer.epoch_begins()
            course.is_between_epochs = False
            now = of_now(state, data, settings)
            workspace = workspace_for(state, now[1], workspace)
            if is_time_to_evolve(state.progress, settings):
                evolve_network(state, *now, workspace)
            loss = run_epoch(state, *now, workspace)
            held_out = None if validate is None else validate(state.network)
            took_snapshot = complete_epoch(state, settings, loss, held_out)
            if is_searching(course):
                judge_features(state, given, settings, workspace)
            tell_epoch(course, observer, took_snapshot)
        end_search(state, given, workspace)
        # No loss has been computed after the last step.
        kept = [state.best_network(), *course.snapshots]
        finite = outputs_are_finite(kept, data, settings.n_threads)
    except KeyboardInterrupt:
        # The steps that were made stay, but the epoch is not recorded.  A search stays as it is, so
        # that a checkpoint can go on with it.
        course.interrupted = True
    end_course(course, settings, finite)


def begin_course(state, settings):
    """Before the first epoch of a call."""
    progress = state.progress
    if settings.learning_rate == "constant":
        progress.learning_rate = settings.learning_rate_init
    progress.has_mixed_losses |= settings.mixup > 0
    # Without a limit no epoch is chosen or waited for: training lasts as long as it was told.
    progress.has_best_epoch = settings.score_decides or settings.n_iter_no_change < np.inf
    state.course.interrupted = False


def tell_epoch(course, observer, took_snapshot):
    """Tell the observer of a complete epoch, and end the course if it asks for that."""
    course.is_between_epochs = True
    if observer.epoch_ends() and not course.has_ended:
        course.has_ended = True
        if took_snapshot:
            del course.snapshots[-1]  # the last network counts anyway


def end_course(course, settings, finite):
    """After the last epoch of a call.

    Raises
    ------
    DivergenceError
        If outputs of a network that is kept are not `finite`.
    """
    if not finite:
        raise DivergenceError(OVERFLOWS)
    # With n_iter_no_change=inf, training was meant to last `n_epochs`.
    ended_as_told = course.has_ended or settings.n_iter_no_change == np.inf
    course.converged = ended_as_told and not course.interrupted


def workspace_for(state, settings, before=None):
    """The workspace of the next epoch: the one before, unless batches are of another size now.

    It is as wide as a batch, since whether threads pay is learned from batches of its width.
    """
    if before is not None and before.batch_size == settings.batch_size:
        return before
    return Workspace(state.network, settings.batch_size, settings.n_threads)


def is_searching(course):
    """Whether the features that matter are being searched for."""
    return course.search is not None and not course.search.has_ended


def of_now(state, data, settings):
    """Data and settings of the next epoch.

    A search for features holds out a part of the samples.  With the few features that it has found
    there is less to learn by heart: the penalty falls with their share.
    """
    search, inputs = state.course.search, state.network.inputs
    if is_searching(state.course):
        batch_size = even_batch(search.rows.shape[0], settings.batch_size)
        return replace(data, rows=search.rows), replace(settings, batch_size=batch_size)
    if inputs is None:
        return data, settings
    return data, replace(settings, alpha=settings.alpha * max(inputs.share, _LEAST_PENALTY))


def judge_features(state, data, settings, workspace):
    """After an epoch of a search: how good the network is on the held-out samples."""
    search, weight = state.course.search, data.sample_weight
    rows, n_threads = search.held_out, workspace.n_threads_that_pay()
    raw = state.network.forward(data.X, n_threads, rows)
    losses = sample_losses(data.loss, raw, data.y[rows], data.loss_parameter)
    if not np.isfinite(losses).all():
        raise DivergenceError(DIVERGED)  # they are training samples, too
    search.judge(state.network, losses, None if weight is None else weight[rows])
    if state.course.n_iter >= search.n_epochs:
        end_search(state, data, workspace)


def end_search(state, data, workspace):
    """Go on with the network that a search has found; its moments are zero."""
    if not is_searching(state.course):
        return
    search = state.course.search
    network = search.choice()
    n_threads = workspace.n_threads_that_pay()
    outputs = [network.forward(data.X, n_threads, rows) for rows in (search.rows, search.held_out)]
    optimizer = state.optimizer.anew(network)
    # Python handles no signal between plain assignments.
    state.network.layers = network.layers
    state.network.inputs = network.inputs
    state.optimizer.moments = optimizer.moments
    state.optimizer.bias_moments = optimizer.bias_moments
    state.optimizer.n_steps = optimizer.n_steps
    search.outputs = outputs
    search.has_ended = True
    search.forget_networks()
    workspace.adapt(state.network)


def evolve_network(state, data, settings, workspace):
    """Renew a part of the connections, and adapt the workspace to the new topology."""
    n_threads = workspace.n_threads_that_pay()
    if is_searching(state.course):
        state.course.search.advance(state.network)
    evolve(
        state.network,
        state.optimizer,
        settings.zeta,
        weight_init=settings.weight_init,
        rng=state.randomness.network,
        pruning=settings.pruning,
        growth=settings.growth,
        newborn_weights=settings.newborn_weights,
        probe=lambda: probe_some(state, data, settings, workspace.n_threads_that_pay()),
        n_threads=n_threads,
    )
    workspace.adapt(state.network)


def probe_some(state, data, settings, n_threads):
    """A probe of some samples, drawn at random, for growth rules that need one.

    The samples are drawn from the stream `order`, not from that of the network.
    """
    network, rows = state.network, data.counting_rows()
    n = n_probe_samples(network.sizes, rows.shape[0], settings.batch_size, network.dtype)
    rows = state.randomness.order.choice(rows, n, replace=False)
    weight, parameter = data.sample_weight, data.loss_parameter
    return probe(network, data.X, data.y, weight, data.loss, rows, parameter, n_threads)


def run_epoch(state, data, settings, workspace):
    """All mini-batches once; return the mean loss over the samples.

    Raises
    ------
    ValueError
        If training diverges.
    """
    order = data.rows
    if settings.shuffle:
        order = state.randomness.order.permutation(order)
    shown = replace(data, rows=order)
    if settings.mixup > 0:
        shown = mixed(data, order, settings.mixup, settings.batch_size, state.randomness.order)
    stepper = stepper_of(state, shown, settings, workspace)
    total, n_used = 0.0, 0
    for loss, n_samples in batch_losses(stepper, state, shown, settings.batch_size):
        total += loss * n_samples
        n_used += n_samples
    loss = total / n_used if n_used else 0.0
    if not (np.isfinite(loss) and stepper.weights_are_finite and stepper.biases_are_finite):
        raise DivergenceError(DIVERGED)
    state.progress.n_epochs += 1
    state.progress.n_samples_seen += data.rows.shape[0]
    return loss


def stepper_of(state, data, settings, workspace):
    """The compiled training step for some data."""
    return machine.kernels(state.network.dtype.name).Stepper(
        state.network,
        state.optimizer,
        workspace,
        data.X,
        data.y,
        data.sample_weight,
        mean_weight=data.mean_weight,
        smallest_batch=settings.smallest_batch,
        loss=data.loss,
        loss_parameter=data.loss_parameter,
        alpha=settings.alpha,
        weight_decay=settings.weight_decay,
        dropout=settings.dropout,
        input_dropout=settings.input_dropout,
        dropout_seed=state.randomness.dropout_seed,
        n_threads=settings.n_threads,
    )


def batch_losses(stepper, state, data, batch_size):
    """Make one step for each mini-batch; yield its mean loss and its number of samples."""
    progress = state.progress
    for start in range(0, data.rows.shape[0], batch_size):
        rows = data.rows[start : start + batch_size]
        if data.sample_weight is not None and not data.sample_weight[rows].any():
            continue  # nothing to learn, and no mean over weights that sum to zero
        rate = progress.learning_rate
        step_size = state.optimizer.next_step_size(rate)
        loss = stepper.step(rows, rate, step_size, progress.n_steps)
        progress.n_steps += 1
        yield loss, rows.shape[0]


def complete_epoch(state, settings, loss, held_out):
    """Record an epoch, decide how to go on, and return whether a snapshot was taken."""
    course, progress = state.course, state.progress.copy()
    decides = settings.score_decides and held_out is not None
    search = course.search
    if search is not None and search.has_ended and course.n_iter == len(search.curve):
        progress.forget_the_best()  # of other samples and another penalty
    best, best_optimizer, snapshots = course.best, course.best_optimizer, course.snapshots
    if record(progress, loss, held_out, settings, decides) and decides:
        best = state.network.copy()
        best_optimizer = state.optimizer.copy() if settings.keeps_moments else None
    adjust_rate(progress, settings)
    has_ended = not is_searching(course) and should_stop(progress, settings, validated=decides)
    n_iter = course.n_iter + 1
    took_snapshot = not has_ended and takes_snapshot(n_iter, settings)
    if took_snapshot:
        snapshots = [*snapshots, state.network.copy()]
    # Python handles no signal between plain assignments: Ctrl-C finds all of an epoch or none.
    state.progress = progress
    course.n_iter = n_iter
    course.has_ended = has_ended
    course.best = best
    course.best_optimizer = best_optimizer
    course.snapshots = snapshots
    return took_snapshot


def outputs_are_finite(networks, data, n_threads):
    """Whether all outputs of the networks are finite for the samples that count.

    Outputs are computed only if a bound from the magnitudes of weights and data does not decide.
    """
    activate = OUT_ACTIVATIONS[LOSSES[data.loss].out_activation]
    largest = float(np.finfo(networks[0].dtype).max)
    if activate is np.exp:
        largest = np.log(largest)
    size = data.X.size
    doubtful = [network for network in networks if not network.bound(size) < largest]
    if not doubtful:
        return True
    rows = data.counting_rows()
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        return all(
            np.isfinite(activate(network.forward(data.X, n_threads, rows))).all()
            for network in doubtful
        )
