"""The temperature of a classifier: what its outputs are divided by before they are probabilities.

Mixed samples, dropped features and the penalty keep outputs small; samples that are learned by
heart make them large.  How large they should be only samples can tell that a network was not
trained on.  Knows problems, how to train, and outputs; must not know labels or what users do with
probabilities.
"""

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from scipy.optimize import minimize_scalar

from sklearn_set.holdout import folds_of
from sklearn_set.losses import sample_losses
from sklearn_set.network import sum_of_outputs
from sklearn_set.optimizers import SOLVERS
from sklearn_set.sample_weights import near_one
from sklearn_set.samples import Samples, some_of
from sklearn_set.settings import MANY_CONNECTIONS, even_batch
from sklearn_set.state import Progress, Randomness, TrainingState
from sklearn_set.training import DivergenceError, train
from sklearn_set.warning import warn

# The prior: outputs are usually best divided by about this, and the logarithm of what is best has
# this spread from data to data.
_USUAL = 0.8
_SPREAD = 0.4
_LIMITS = 0.02, 50.0

# Short networks: each is trained without a third of the samples, for a share of the epochs, without
# evolution and at a higher rate, or at the same if training diverges.  Two thirds held out tell as
# much as three.  Of a training of fewer epochs than the least they tell nothing.
_SHORT_FOLDS = 3
_SHORT_NETWORKS = 2
_SHARE_OF_EPOCHS = 0.1
_FEWEST_SHORT_EPOCHS = 4
_FEWEST_EPOCHS = 22
_FASTER = 12, 1
# So many held-out samples tell enough.  So few others tell how large outputs are: the kernels
# predict as many at a time.
_ENOUGH = 1000
_ENOUGH_FOR_SIZE = 64

_WHOLE_FOLDS = 5


@dataclass(frozen=True)
class Evidence:
    """Outputs for samples that a network was not trained on.

    Attributes
    ----------
    raw : ndarray of shape (n_samples, n_outputs)
        Before softmax or logistic.
    targets : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        As training has them.
    weight : ndarray of shape (n_samples,) or None
        Only proportions count.
    size : float
        Of the same network's outputs for samples that it was trained on; see `size_of`.
    """

    raw: np.ndarray
    targets: np.ndarray
    weight: np.ndarray | None
    size: float


def uncalibrated_temperatures(estimator, is_part, goes_on):
    """The temperatures of a classifier while a call trains it, and then, if no samples tell more.

    A number that the user has set is both.  Otherwise it is 1 while `fit` trains, so that scorers
    and callbacks judge epochs alike, whether the network is new or goes on.  Then held-out samples
    tell it.  Where they tell nothing, as after Ctrl-C, it is that of the call before, or 1 if there
    was none.  `partial_fit`, which holds nothing out, has and leaves that of the call before.

    Parameters
    ----------
    estimator : SETClassifier
        The draft that is fitted.
    is_part : bool
        Whether the call is one of `partial_fit`.
    goes_on : bool
        Whether it goes on from a call before.

    Returns
    -------
    in_training, afterwards : float
    """
    if not isinstance(estimator.temperature, str):
        return (float(estimator.temperature),) * 2
    before = estimator.temperature_ if goes_on else 1.0
    return before if is_part else 1.0, before


def temperature_of(estimator, problem, state):
    """The temperature of a classifier whose training has ended.

    Parameters
    ----------
    estimator : SETClassifier
        The draft that is fitted.
    problem : Problem
    state : TrainingState

    Returns
    -------
    float or None
        None if there is no evidence.

    Raises
    ------
    KeyboardInterrupt
    """
    if estimator.temperature == "cv":
        evidence = _from_whole_fits(estimator, problem, state)
    elif problem.settings.score_decides:
        evidence = [_from_validation(problem, state)]
    elif state.course.search is not None:
        evidence = [_from_search(state.course.search, problem)]
    else:
        evidence = _from_short_networks(estimator, problem, state)
    if not evidence:
        return None
    networks = [state.best_network(), *state.course.snapshots]
    size = _size_of_outputs(networks, problem, _trained_on(problem, state))
    return likeliest_temperature(evidence, size, problem.loss)


def likeliest_temperature(evidence, size, loss):
    """The temperature under which held-out samples are likeliest, with a prior.

    Temperature scaling (Guo et al., 2017, ICML, section 4.2).  A few samples hold little evidence,
    so the logarithm of the temperature has a normal prior.  Outputs of a network that was trained
    on fewer samples or epochs are first made as large as those of the final one, as the sizes of
    both tell, each on samples of its own training.

    Parameters
    ----------
    evidence : list of Evidence
        Not empty.
    size : float
        Of the final networks' outputs for samples that they were trained on.
    loss : str
        A key of `LOSSES`.

    Returns
    -------
    float or None
        None if the outputs tell nothing: all are equal, or some are not finite.
    """
    usual_size = np.sqrt(np.mean([part.size**2 for part in evidence]))
    if not (0 < usual_size < np.inf and 0 < size < np.inf):
        return None
    raw = np.concatenate([part.raw.astype(np.float64) for part in evidence]) * (size / usual_size)
    targets = np.concatenate([part.targets for part in evidence])
    weight = _weights_of(evidence)

    def cost(logarithm):
        losses = sample_losses(loss, raw * np.exp(-logarithm), targets, 0.0)
        return weight @ losses + 0.5 * ((logarithm - np.log(_USUAL)) / _SPREAD) ** 2

    # There may be several minima: look everywhere, then nearby.
    grid = np.linspace(*np.log(_LIMITS), 40)
    nearest, step = grid[np.argmin([cost(each) for each in grid])], grid[1] - grid[0]
    bounds = max(nearest - step, grid[0]), min(nearest + step, grid[-1])
    found = minimize_scalar(cost, bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def _weights_of(evidence):
    """What each sample counts: together as many as equal samples that would tell as much."""
    weight = np.concatenate(
        [
            np.ones(part.raw.shape[0]) if part.weight is None else part.weight.astype(np.float64)
            for part in evidence
        ]
    )
    weight = near_one(weight)  # so that no square is too large or too small
    return weight * (weight.sum() / np.square(weight).sum())


def size_of(raw):
    """How large outputs are: the root of their mean square, of classes about their mean."""
    raw = raw.astype(np.float64)
    if raw.shape[1] > 1:
        raw -= raw.mean(axis=1, keepdims=True)
    return float(np.sqrt(np.mean(np.square(raw)))) if raw.size else 0.0


def _trained_on(problem, state):
    """The samples that count in training."""
    return problem.training_data(state.rows).counting_rows()


def _size_of_outputs(networks, problem, rows):
    """The size of the mean outputs of networks for some of these samples."""
    rows = np.sort(some_of(rows, _ENOUGH_FOR_SIZE))
    raw = sum_of_outputs(networks, Samples(problem.X), problem.settings.n_threads, rows)
    return size_of(raw) / len(networks)


def _evidence(raw, problem, rows, size):
    """What outputs for some samples of the training data tell."""
    weight = problem.train_weight
    return Evidence(raw, problem.targets[rows], None if weight is None else weight[rows], size)


# ------------------------------------------------------------------------ where evidence is there


def _from_validation(problem, state):
    """Of the samples that early stopping has held out; the network is the one that it chose."""
    network, held_out = state.best_network(), problem.validated_on(state.held_out)
    size = _size_of_outputs([network], problem, _trained_on(problem, state))
    raw = network.forward(Samples(held_out.X), problem.settings.n_threads)
    return Evidence(raw, held_out.targets, held_out.weight, size)


def _from_search(search, problem):
    """Of the samples that a search for features has held out; the network is the one it chose."""
    own, held_out = search.outputs
    return _evidence(held_out, problem, search.held_out, size_of(own))


# --------------------------------------------------------------------------- where it must be made


def _from_short_networks(estimator, problem, state):
    """Of networks trained on parts of the samples, for a tenth of the epochs.

    There is none if training was short, the network is large or has very few connections, or if
    the short networks diverge.
    """
    n_epochs = max(round(_SHARE_OF_EPOCHS * state.course.n_iter), _FEWEST_SHORT_EPOCHS)
    if state.course.n_iter < _FEWEST_EPOCHS or state.network.n_connections > MANY_CONNECTIONS:
        return []
    for faster in _FASTER:
        try:
            return _short_evidence(estimator, problem, state, n_epochs, faster)
        except DivergenceError:
            continue
    return []


def _short_evidence(estimator, problem, state, n_epochs, faster):
    evidence, n_held_out = [], 0
    folds = _folds(estimator, problem, state, _SHORT_FOLDS)
    for rows, held_out, rng in islice(folds, _SHORT_NETWORKS):
        settings = _short_settings(problem, rows, n_epochs, faster)
        short = _untrained(estimator, problem, state.network, rows, rng, settings)
        if short is None:
            return []
        train(short, problem.training_data(rows), settings)
        if short.course.interrupted:
            raise KeyboardInterrupt
        held_out = held_out[:_ENOUGH]
        n_threads = problem.settings.n_threads
        raw = short.network.forward(Samples(problem.X), n_threads, held_out)
        size = _size_of_outputs([short.network], problem, rows)
        evidence.append(_evidence(raw, problem, held_out, size))
        n_held_out += held_out.shape[0]
        if n_held_out >= _ENOUGH:
            break
    return evidence


def _folds(estimator, problem, state, n_folds):
    """Rows to train on, rows held out, and random numbers, which are not those of the training."""
    # Drawn, not spawned: what a copy or a pickle would spawn is another thing before NumPy 2.
    seed = state.randomness.copy().order.integers(2**32, size=4, dtype=np.uint32)
    rng = np.random.default_rng(seed)
    strata, counting = estimator._strata(problem.y), _trained_on(problem, state)
    for rows, held_out in folds_of(counting, n_folds, strata, rng, problem.groups):
        yield rows, held_out, rng


def _untrained(estimator, problem, like, rows, rng, settings):
    """A training that has not begun, of a network that reads features like another one.

    None if the draw leaves out an output, as it may where there are few connections.
    """
    randomness = Randomness(int(rng.integers(2**31)))
    try:
        network = problem.draw_network(estimator.epsilon, randomness.network)
    except ValueError:
        return None
    network.offset, network.factor = like.offset, like.factor
    if like.relevance is not None:  # that of these rows: held-out ones must have no say
        network.relevance = problem.relevance(rows, network)
    optimizer = SOLVERS[estimator.solver].of(estimator).attach(network)
    progress = Progress(settings.learning_rate_init)
    return TrainingState(network, optimizer, progress, randomness, rows, None)


def _short_settings(problem, rows, n_epochs, faster):
    return replace(
        problem.settings,
        n_epochs=n_epochs,
        max_iter=n_epochs,
        batch_size=even_batch(rows.shape[0], problem.settings.batch_size),
        zeta=0.0,
        learning_rate="cosine",
        learning_rate_init=faster * problem.settings.learning_rate_init,
        n_iter_no_change=np.inf,
        n_snapshots=1,
        keeps_moments=False,
        verbose=0,
    )


def _from_whole_fits(estimator, problem, state):
    """Of fits to four fifths of the samples each, which take as long as the training itself.

    A part to which the model cannot be fitted, such as one without a class, tells nothing.
    """
    evidence, call, fault = [], problem.call, None
    names = ("X_val", "y_val", "sample_weight_val") if call.has_validation_set else ()
    validation = {name: getattr(call, name) for name in names}
    for rows, held_out, rng in _folds(estimator, problem, state, _WHOLE_FOLDS):
        model = estimator._for_a_part(problem.settings, rows.shape[0], int(rng.integers(2**31)))
        weight, groups = (
            None if each is None else each[rows] for each in (problem.weight, problem.groups)
        )
        try:
            model.fit(problem.X[rows], problem.y[rows], weight, groups=groups, **validation)
        except ValueError as error:
            fault = str(error)
            continue
        if model.n_outputs_ == estimator.n_outputs_:
            size = size_of(model._raw(problem.X[np.sort(some_of(rows, _ENOUGH_FOR_SIZE))]))
            evidence.append(_evidence(model._raw(problem.X[held_out]), problem, held_out, size))
    if not evidence:
        warn(
            'temperature="cv" finds no temperature: the model cannot be fitted to four fifths of '
            f"the samples. Set it to 1 or add samples. {fault or ''}".rstrip()
        )
    return evidence
