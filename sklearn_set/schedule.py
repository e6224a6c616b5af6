"""When to evolve, to lower the learning rate, to keep a snapshot and to stop; records of epochs.

Decides from progress and settings alone; must not know networks, data or optimizers.
"""

import numpy as np

# The rate below which "adaptive" gives up, and what it divides by: as in MLPClassifier.
_SMALLEST_ADAPTIVE_RATE = 1e-6
_ADAPTIVE_DIVISOR = 5.0


def is_time_for_a_snapshot(n_iter, n_epochs, n_snapshots):
    """Whether to keep a snapshot after epoch `n_iter`.

    Snapshots are spread evenly over the second half of training.  The last network is one of them.
    If the second half has fewer epochs, there are fewer snapshots.  Their topologies differ, and so
    do their errors (Liu et al., 2022, arXiv 2106.14568).
    """
    interval = _snapshot_interval(n_epochs, n_snapshots)
    left = n_epochs - n_iter
    in_second_half = 0 < 2 * left < n_epochs
    return in_second_half and left % interval == 0 and left // interval < n_snapshots


def _snapshot_interval(n_epochs, n_snapshots):
    return max(1, n_epochs // (2 * n_snapshots))


def takes_snapshot(n_iter, settings):
    """Whether to keep a snapshot after epoch `n_iter`; epochs that search for features are none."""
    n_search = settings.n_search_epochs
    return is_time_for_a_snapshot(
        n_iter - n_search, settings.n_epochs - n_search, settings.n_snapshots
    )


def n_certain_snapshots(settings):
    """How many snapshots will be kept for certain: none if training may end early."""
    if settings.n_iter_no_change < settings.n_epochs:
        return 0
    n_epochs = settings.n_epochs - settings.n_search_epochs
    n_at_most = (n_epochs - 1) // 2 // _snapshot_interval(n_epochs, settings.n_snapshots)
    return max(0, min(settings.n_snapshots - 1, n_at_most))


def is_time_to_evolve(progress, settings):
    """Evolution opens every rewire_interval-th epoch but the first.

    The paper's "after every epoch but the last", and right when training ends early too: no
    newborn, untrained connection is left in the model.
    """
    return (
        settings.zeta > 0
        and progress.n_epochs > 0
        and progress.n_epochs % settings.rewire_interval == 0
    )


def will_evolve(progress, settings):
    """Whether an evolution opens one of the next ``settings.n_epochs`` epochs."""
    interval = settings.rewire_interval
    first = -(-max(progress.n_epochs, 1) // interval) * interval
    return settings.zeta > 0 and first < progress.n_epochs + settings.n_epochs


def record(progress, loss, held_out, settings, score_decides=True):
    """Note an epoch; return whether it is the best so far, by loss or by score.

    Each curve of a model has one entry per epoch; it is nan if the epoch was not validated.
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
            best = score > progress.best_validation_score or _wins_a_tie(progress, held_out)
        if score > progress.best_validation_score:
            progress.best_validation_score = score
    elif progress.validation_scores:
        score, validation_loss = np.nan, np.nan  # an earlier call had a validation set
    if held_out is not None or progress.validation_scores:
        n_missing = len(progress.loss_curve) - 1 - len(progress.validation_scores)
        progress.validation_scores += [np.nan] * n_missing + [score]
        progress.validation_loss_curve += [np.nan] * n_missing + [validation_loss]
    settings.tell(line)
    if best:
        progress.best_epoch = len(progress.loss_curve)
    progress.n_without_improvement = 0 if improved else progress.n_without_improvement + 1
    return best


def _wins_a_tie(progress, held_out):
    """Whether an epoch scores like the best one, and its validation loss is lower.

    A few held-out samples give few different scores.  Of equal ones the first often comes from a
    network that has hardly learned.
    """
    score, loss = held_out
    if not -np.inf < score == progress.best_validation_score:
        return False
    return loss < progress.validation_loss_curve[progress.best_epoch - 1]


def adjust_rate(progress, settings):
    """Set the next epoch's learning rate; `should_stop` lowers that of "adaptive"."""
    if settings.learning_rate == "invscaling":
        try:
            divisor = float(progress.n_samples_seen + 1) ** settings.power_t
        except OverflowError:
            divisor = np.inf
        progress.learning_rate = settings.learning_rate_init / divisor
    elif settings.learning_rate == "cosine":
        # from the initial rate to zero over max_iter epochs, without restarts
        # (Loshchilov and Hutter, 2017, arXiv 1608.03983, eq. 5); not while features are searched
        n_search = settings.n_search_epochs
        n_done = progress.n_epochs - progress.n_epochs_before - n_search
        phase = min(max(n_done, 0) / max(settings.max_iter - n_search, 1), 1.0)
        progress.learning_rate = settings.learning_rate_init * 0.5 * (1 + np.cos(np.pi * phase))


def should_stop(progress, settings, validated):
    """Whether nothing has improved for `n_iter_no_change` epochs.

    "adaptive" first lowers the learning rate and goes on.
    """
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
    settings.tell(message + (" Stopping." if stop else ""))
    return stop
