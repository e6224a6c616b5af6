"""Time: epochs, mini-batches, when to evolve, when to stop, what to record.

Reads aloud as the algorithm does.  Knows networks, optimizers and evolution; must not know
scikit-learn, nor what y meant before it became class numbers or targets.
"""

import copy
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from scipy import sparse

from sklearn_set import machine
from sklearn_set.augmentation import mixed_parts, soften
from sklearn_set.evolution import ZETA_SCHEDULES, evolve
from sklearn_set.losses import LOSSES, OUT_ACTIVATIONS
from sklearn_set.network import Workspace, kernel_input
from sklearn_set.probe import n_probe_samples, probe

DIVERGED = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed. Otherwise lower learning_rate_init, alpha or weight_decay."
)
OVERFLOWS = (
    "Solver produced a network whose predictions for the training data are not finite. The input "
    "data may contain large values and need to be preprocessed. Otherwise lower "
    "learning_rate_init, alpha or weight_decay."
)

# The rate below which "adaptive" gives up, and what it divides by: as in MLPClassifier.
_SMALLEST_ADAPTIVE_RATE = 1e-6
_ADAPTIVE_DIVISOR = 5.0


@dataclass(frozen=True)
class Settings:
    """What the user decided about training; names and meanings of the estimators' parameters."""

    batch_size: int
    max_iter: int
    n_threads: int
    smallest_batch: int = 1
    zeta: float = 0.3
    rewire_interval: int = 1
    zeta_schedule: str = "constant"
    pruning: str = "set"
    growth: str = "random"
    newborn_weights: str = "initial"
    weight_init: str = "auto"
    dropout: float = 0.0
    input_dropout: float = 0.0
    mixup: float = 0.0
    label_smoothing: float = 0.0
    alpha: float = 0.0
    weight_decay: float = 0.0
    learning_rate: str = "constant"
    learning_rate_init: float = 1e-3
    power_t: float = 0.5
    shuffle: bool = True
    n_snapshots: int = 1
    tol: float = 1e-4
    n_iter_no_change: float = 10
    verbose: int = 0


@dataclass(frozen=True)
class TrainingData:
    """What the kernels read, checked and converted before.

    X is C-ordered or (data, indices, indptr); y holds int32 class numbers for
    ``loss="softmax_log_loss"``, targets of shape (n_samples, n_outputs) otherwise; `rows` are the
    samples to train on, so that a held-out part needs no copy of the rest; `loss_parameter` is the
    loss's own number, such as the quantile; `mean_weight` is that of the samples that count.
    """

    X: object
    y: np.ndarray
    sample_weight: np.ndarray | None
    loss: str
    rows: np.ndarray
    loss_parameter: float = 0.0
    mean_weight: float = 1.0


class Randomness:
    """The two streams of random numbers of one model.

    The network's own stream (topology, weights, evolution, dropout) never depends on how many
    samples there are or in which order: a sample of weight two is worth the sample given twice.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed):
        root = np.random.default_rng(seed)
        self.network, self.order = root.spawn(2)
        self.dropout_seed = int(self.network.integers(2**32, dtype=np.uint32))

    def copy(self):
        """The same streams at the same place, to be drawn from independently."""
        return copy.deepcopy(self)


@dataclass
class Progress:
    """How far a model has come: all that a later call needs to go on as if it were the same."""

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

    def copy(self):
        """Progress with lists of its own."""
        lists = ("loss_curve", "validation_scores", "validation_loss_curve")
        return Progress(**self.__dict__ | {name: list(getattr(self, name)) for name in lists})

    def begin(self, learning_rate):
        """Start another fit of the model: curves go on, the search for the best starts anew."""
        self.learning_rate = learning_rate
        self.n_epochs_before = self.n_epochs
        self.n_without_improvement = 0
        self.best_loss = np.inf
        self.best_validation_score = -np.inf


@dataclass
class Course:
    """What one call of `train` has gathered so far; with it another call goes on from there.

    `best` and `best_optimizer` are copies of the best epoch, where a score decides; `snapshots`
    the networks of earlier epochs, without the last; `notes` what observers want to find again.
    """

    n_iter: int = 0
    best: object = None
    best_optimizer: object = None
    snapshots: list = field(default_factory=list)
    has_ended: bool = False
    is_between_epochs: bool = True
    notes: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What one call of `train` did: what to keep, completed epochs, why it ended.

    `snapshots` are the networks of earlier epochs, without the last.
    """

    network: object
    optimizer: object
    n_iter: int
    snapshots: tuple = ()
    converged: bool = False
    interrupted: bool = False


@dataclass
class TrainingState:
    """All that changes while a model is trained; put in its place, an earlier one is gone on from.

    `rows` are the samples to train on, `held_out` those the estimator set aside, or None;
    `identity` returns a text that tells the data and parameters from any others; it is None where
    the call is a part of a stream, which nothing repeats. `fitted_attributes` returns what would
    make the estimator a fitted one now, in copies or not. `claimed` are the names of observers that
    have asked for their notes.
    """

    network: object
    optimizer: object
    progress: Progress
    randomness: Randomness
    rows: np.ndarray
    held_out: np.ndarray | None
    identity: object
    fitted_attributes: object = None
    course: Course = field(default_factory=Course)
    claimed: list = field(default_factory=list)

    NAMES: ClassVar = (
        "network",
        "optimizer",
        "progress",
        "randomness",
        "rows",
        "held_out",
        "course",
    )

    def as_dict(self):
        """The parts, by name, without the identity."""
        return {name: getattr(self, name) for name in self.NAMES}

    def notes_of(self, name, first):
        """What an observer has noted in this training, `first` where it begins.

        Several of one name are told apart by the order in which they ask.
        """
        key = name, self.claimed.count(name)
        self.claimed.append(name)
        return self.course.notes.setdefault(key, first)

    def release(self):
        """Forget the functions, which hold the data: an object in a cycle is freed late."""
        self.identity = self.fitted_attributes = None

    def replace(self, parts):
        """Go on from another state of the same training, as `as_dict` gave it."""
        for name in self.NAMES:
            setattr(self, name, parts[name])


class Observer:
    """Looks on while a network is trained; this one sees nothing and wants nothing."""

    def epoch_begins(self):
        """An epoch is about to begin."""

    def epoch_ends(self):
        """Return whether training shall end after the epoch just done and recorded."""
        return False


def train(
    network,
    optimizer,
    data,
    settings,
    progress,
    randomness,
    *,
    n_epochs=None,
    validate=None,
    score_decides=True,
    keep_moments=True,
    observer=None,
    course=None,
):
    """Train a network in place.

    Parameters
    ----------
    network : SparseNetwork
    optimizer : one of `SOLVERS`
        Attached to the network.
    data : TrainingData
    settings : Settings
    progress : Progress
        Continued.
    randomness : Randomness
        Continued.
    n_epochs : int, default=None
        At most so many epochs; ``settings.max_iter`` where None.
    validate : callable, default=None
        Takes the network, returns its score (higher is better) and its loss on held-out data.
    score_decides : bool, default=True
        Whether that score decides when to stop, in place of the training loss, and the best
        network is returned; else the scores are recorded only.
    keep_moments : bool, default=True
        Whether the optimizer is returned too; where a score decides it costs a copy of the
        moments.
    observer : Observer, default=None
        Told of every epoch; may end training.
    course : Course, default=None
        Continued: with the other arguments as they were after an epoch, training goes on as if
        it had not been cut.

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If a weight or the loss becomes infinite or not a number, in the epoch in which it does.  If
        a network to be kept has such an output for a sample to train on.
    """
    if settings.learning_rate == "constant":
        progress.learning_rate = settings.learning_rate_init
    if LOSSES[data.loss].of_classes and (settings.mixup > 0 or settings.label_smoothing > 0):
        data = soften(data, network.sizes[-1], settings.label_smoothing)
    workspace = Workspace(network, settings.batch_size, settings.n_threads)
    n_epochs = n_epochs or settings.max_iter
    observer = observer or Observer()
    course = course or Course()
    score_decides = score_decides and validate is not None
    interrupted, finite = False, True
    try:
        while course.n_iter < n_epochs and not course.has_ended:
            observer.epoch_begins()
            course.is_between_epochs = False
            if is_time_to_evolve(progress, settings):
                evolve(
                    network,
                    optimizer,
                    current_zeta(progress, settings),
                    weight_init=settings.weight_init,
                    rng=randomness.network,
                    pruning=settings.pruning,
                    growth=settings.growth,
                    newborn_weights=settings.newborn_weights,
                    probe=lambda: probe_some(
                        network, data, settings, randomness, workspace.n_threads_that_pay()
                    ),
                    n_threads=workspace.n_threads_that_pay(),
                )
                workspace.adapt(network)
            loss = run_epoch(network, optimizer, workspace, data, settings, progress, randomness)
            held_out = None if validate is None else validate(network)
            course.n_iter += 1
            if record(progress, loss, held_out, settings, score_decides) and score_decides:
                course.best = network.copy()
                course.best_optimizer = optimizer.copy() if keep_moments else None
            adjust_rate(progress, settings)
            course.has_ended = should_stop(progress, settings, validated=score_decides)
            takes_snapshot = not course.has_ended and is_time_for_a_snapshot(
                course.n_iter, n_epochs, settings.n_snapshots
            )
            if takes_snapshot:
                course.snapshots.append(network.copy())
            course.is_between_epochs = True
            if observer.epoch_ends() and not course.has_ended:
                course.has_ended = True
                if takes_snapshot:
                    del course.snapshots[-1]  # it would count twice, being the last
        # The last step has been seen by no loss.
        kept = [network if course.best is None else course.best, *course.snapshots]
        finite = outputs_are_finite(kept, data, settings.n_threads)
    except KeyboardInterrupt:
        # Steps of the epoch cut short have been made, its record has not.
        interrupted = True
    if not finite:
        raise ValueError(OVERFLOWS)
    best, best_optimizer = network, optimizer
    if course.best is not None:
        best, best_optimizer = course.best, course.best_optimizer
    return Outcome(
        best,
        best_optimizer if keep_moments else None,
        course.n_iter,
        tuple(course.snapshots),
        # Without a limit to its patience, training was to last so long and no longer.
        converged=not interrupted and (course.has_ended or settings.n_iter_no_change == np.inf),
        interrupted=interrupted,
    )


def outputs_are_finite(networks, data, n_threads):
    """Whether all outputs of the networks are finite for the samples that count.

    Outputs are computed only where a bound from the sizes of weights and data does not decide.
    """
    activate = OUT_ACTIVATIONS[LOSSES[data.loss].out_activation]
    largest = float(np.finfo(networks[0].dtype).max)
    if activate is np.exp:
        largest = np.log(largest)
    numbers = data.X[0] if isinstance(data.X, tuple) else data.X
    size = max(float(numbers.max()), -float(numbers.min())) if numbers.size else 0.0
    doubtful = [network for network in networks if not network.bound(size) < largest]
    if not doubtful:
        return True
    rows = data.rows
    if data.sample_weight is not None:
        rows = rows[data.sample_weight[rows] > 0]
    X = data.X
    if isinstance(X, tuple):
        X = sparse.csr_array(X, (data.y.shape[0], networks[0].sizes[0]))
    X = kernel_input(X[rows], networks[0].dtype)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        return all(
            np.isfinite(activate(network.forward(X, n_threads))).all() for network in doubtful
        )


def is_time_for_a_snapshot(n_iter, n_epochs, n_snapshots):
    """Snapshots are spread evenly over the second half of training; the last network is one.

    Where the second half has fewer epochs, there are fewer.  Their topologies differ, and with
    them their errors (Liu et al., 2022, arXiv 2106.14568).
    """
    interval = max(1, n_epochs // (2 * n_snapshots))
    left = n_epochs - n_iter
    in_second_half = 0 < 2 * left < n_epochs
    return in_second_half and left % interval == 0 and left // interval < n_snapshots


def n_certain_snapshots(settings, n_epochs):
    """How many will be kept for certain, none where training may end before they are taken."""
    if settings.n_iter_no_change < n_epochs:
        return 0
    return sum(
        is_time_for_a_snapshot(n_iter, n_epochs, settings.n_snapshots)
        for n_iter in range(1, n_epochs)
    )


def is_time_to_evolve(progress, settings):
    """Evolution opens every rewire_interval-th epoch but the first.

    The paper's "after every epoch but the last", and right when training ends early too: no
    newborn, untrained connection is left in the model.
    """
    return (
        progress.n_epochs > 0
        and progress.n_epochs % settings.rewire_interval == 0
        and current_zeta(progress, settings) > 0
    )


def will_evolve(progress, settings, n_epochs):
    """Whether an evolution opens one of the next `n_epochs` epochs."""
    interval = settings.rewire_interval
    first = -(-max(progress.n_epochs, 1) // interval) * interval
    at_first = replace(progress, n_epochs=first)
    return first < progress.n_epochs + n_epochs and current_zeta(at_first, settings) > 0


def current_zeta(progress, settings):
    """Share of the connections to renew now: the schedule takes it to zero over max_iter epochs."""
    part = min((progress.n_epochs - progress.n_epochs_before) / settings.max_iter, 1.0)
    return settings.zeta * ZETA_SCHEDULES[settings.zeta_schedule](part)


def probe_some(network, data, settings, randomness, n_threads):
    """What a growth rule may look at: some samples, drawn anew.

    They come from the stream of the samples, from which rules without a probe draw nothing.
    """
    rows = data.rows
    if data.sample_weight is not None:
        rows = rows[data.sample_weight[rows] > 0]
    n = n_probe_samples(network.sizes, rows.shape[0], settings.batch_size, network.dtype)
    rows = randomness.order.choice(rows, n, replace=False)
    return probe(
        network,
        data.X,
        data.y,
        data.sample_weight,
        data.loss,
        rows,
        data.loss_parameter,
        n_threads,
    )


def run_epoch(network, optimizer, workspace, data, settings, progress, randomness):
    """All mini-batches once; return the mean loss over the samples."""
    order = randomness.order.permutation(data.rows) if settings.shuffle else data.rows
    parts = [replace(data, rows=order)]
    if settings.mixup > 0:
        parts = mixed_parts(
            data,
            order,
            settings.mixup,
            n_features=network.sizes[0],
            batch_size=settings.batch_size,
            rng=randomness.order,
            n_threads=workspace.n_threads_that_pay(),
        )
    total, n_used, finite = 0.0, 0, True
    for part in parts:
        stepper = machine.kernels(network.dtype.name).Stepper(
            network,
            optimizer,
            workspace,
            part.X,
            part.y,
            part.sample_weight,
            mean_weight=part.mean_weight,
            smallest_batch=settings.smallest_batch,
            loss=part.loss,
            loss_parameter=part.loss_parameter,
            alpha=settings.alpha,
            weight_decay=settings.weight_decay,
            dropout=settings.dropout,
            input_dropout=settings.input_dropout,
            dropout_seed=randomness.dropout_seed,
            n_threads=settings.n_threads,
        )
        for start in range(0, part.rows.shape[0], settings.batch_size):
            rows = part.rows[start : start + settings.batch_size]
            if part.sample_weight is not None and not part.sample_weight[rows].any():
                continue  # nothing to learn, and no mean over weights that sum to zero
            rate = progress.learning_rate
            step_size = optimizer.next_step_size(rate)
            loss = stepper.step(rows, rate, step_size, progress.n_steps)
            progress.n_steps += 1
            total += loss * rows.shape[0]
            n_used += rows.shape[0]
        finite = finite and stepper.weights_are_finite
    loss = total / n_used if n_used else 0.0
    if not (
        np.isfinite(loss)
        and finite
        and all(np.isfinite(layer.bias).all() for layer in network.layers)
        # Adam's squares overflow before its gradients do, and then nothing moves any more.
        and all(np.isfinite(moment).all() for layer in optimizer.bias_moments for moment in layer)
    ):
        raise ValueError(DIVERGED)
    progress.n_epochs += 1
    progress.n_samples_seen += data.rows.shape[0]
    return loss


def record(progress, loss, held_out, settings, score_decides=True):
    """Note an epoch; return whether it is the best so far, by loss or by score.

    Curves of one model have one entry per epoch; nan where it was not validated.
    """
    progress.loss_curve.append(loss)
    line = f"Iteration {len(progress.loss_curve)}, loss = {loss:.8f}"
    improved = loss <= progress.best_loss - settings.tol
    best = loss < progress.best_loss
    progress.best_loss = min(loss, progress.best_loss)
    if held_out is not None:
        score, validation_loss = held_out
        line += f", validation loss = {validation_loss:.8f}\nValidation score: {score:f}"
        if score_decides:
            improved = score >= progress.best_validation_score + settings.tol
            best = score > progress.best_validation_score
        if score > progress.best_validation_score:
            progress.best_validation_score = score
    elif progress.validation_scores:
        score, validation_loss = np.nan, np.nan  # an earlier call had a validation set
    if held_out is not None or progress.validation_scores:
        n_missing = len(progress.loss_curve) - 1 - len(progress.validation_scores)
        progress.validation_scores += [np.nan] * n_missing + [score]
        progress.validation_loss_curve += [np.nan] * n_missing + [validation_loss]
    if settings.verbose:
        print(line)
    if best:
        progress.best_epoch = len(progress.loss_curve)
    progress.n_without_improvement = 0 if improved else progress.n_without_improvement + 1
    return best


def adjust_rate(progress, settings):
    """Set the next epoch's learning rate; "adaptive" is left to `should_stop`."""
    if settings.learning_rate == "invscaling":
        try:
            divisor = float(progress.n_samples_seen + 1) ** settings.power_t
        except OverflowError:
            divisor = np.inf
        progress.learning_rate = settings.learning_rate_init / divisor
    elif settings.learning_rate == "cosine":
        # from the initial rate to zero over max_iter epochs, without restarts
        # (Loshchilov and Hutter, 2017, arXiv 1608.03983, eq. 5)
        n_done = progress.n_epochs - progress.n_epochs_before
        phase = min(n_done / settings.max_iter, 1.0)
        progress.learning_rate = settings.learning_rate_init * 0.5 * (1 + np.cos(np.pi * phase))


def should_stop(progress, settings, validated):
    """Whether nothing has improved for n_iter_no_change epochs; "adaptive" slows down first."""
    if progress.n_without_improvement < settings.n_iter_no_change:
        return False
    what = "Validation score" if validated else "Training loss"
    message = (
        f"{what} did not improve more than tol={settings.tol:f} for "
        f"{settings.n_iter_no_change} consecutive epochs."
    )
    stop = True
    if settings.learning_rate == "adaptive":
        if progress.learning_rate > _SMALLEST_ADAPTIVE_RATE:
            progress.learning_rate /= _ADAPTIVE_DIVISOR
            progress.n_without_improvement = 0
            stop = False
            message += f" Setting learning rate to {progress.learning_rate:f}."
        else:
            message += " Learning rate too small."
    if settings.verbose:
        print(message + (" Stopping." if stop else ""))
    return stop
