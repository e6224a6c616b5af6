"""The table of losses: a row says all that Python knows of one.

The kernels compute value and delta of a batch (_core/losses.pxd).  Here are the same formulas in
NumPy for whole arrays, and what else must be known of a loss.  Knows arrays; must not know networks
or estimators.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax, xlogy

# Name of an activation of output units -> a function from pre-activations (n_samples, n_outputs) to
# predictions.
OUT_ACTIVATIONS = {
    "identity": lambda raw: raw,
    "logistic": expit,
    "softmax": lambda raw: softmax(raw, axis=1),
    "exp": np.exp,
}


@dataclass(frozen=True)
class Loss:
    """A loss: its formulas, and what else must be known of it.

    Both functions take three arguments: the pre-activations `raw` of the output units, of shape
    (n_samples, n_outputs), the targets as training has them, and the loss's own number, such as
    the quantile.

    Attributes
    ----------
    out_activation : str
        Activation of the output units, a key of `OUT_ACTIVATIONS`.
    value : callable
        The loss of every sample, an array of shape (n_samples,).
    residual : callable
        The derivative of a sample's loss by its pre-activations, of shape (n_samples, n_outputs).
        With several targets it is that of the sum over them, not of the mean.  For most losses it
        is prediction minus target.
    parameter : str or None, default=None
        Name of the estimator's parameter that sets the loss's own number.
    of_classes : bool, default=False
        Whether targets are classes or their probabilities.  Only these are softened.
    non_negative : bool, default=False
        Whether targets must not be negative, and not all zero.
    robust : bool, default=False
        Whether the pull of outliers is bounded.  Targets are then standardised by their median.
    told : str, default=""
        What docstrings say of it, after its name; empty if users cannot choose it.
    """

    out_activation: str
    value: Callable
    residual: Callable
    parameter: str | None = None
    of_classes: bool = False
    non_negative: bool = False
    robust: bool = False
    told: str = ""


def _softmax_log_loss(raw, y, _):
    return -np.take_along_axis(log_softmax(raw, axis=1), y[:, np.newaxis], axis=1).ravel()


def _softmax_residual(raw, y, _):
    residual = softmax(raw, axis=1)
    residual[np.arange(raw.shape[0]), y] -= 1
    return residual


def _logistic_log_loss(raw, y, _):
    return -(y * log_expit(raw) + (1 - y) * log_expit(-raw)).sum(axis=1)


def _huber(raw, y, limit):
    size = np.abs(raw - y)
    small = np.minimum(size, limit)
    return (small * (size - 0.5 * small)).mean(axis=1)


def _quantile_slope(raw, y, quantile):
    # an error of zero has slope zero
    slope = np.sign(raw - y)
    slope[slope > 0] *= 1 - quantile
    slope[slope < 0] *= quantile
    return slope


def _poisson(raw, y, _):
    # The sum over the outputs, as in MLPRegressor; a prediction may be too large for a number.
    with np.errstate(over="ignore"):
        return (xlogy(y, y) - y * raw - y + np.exp(raw)).sum(axis=1)


# By the names that the kernels use.  With several targets the value is the mean over them; for the
# Poisson deviance it is the sum.  Both are as in MLPRegressor.
LOSSES = {
    "softmax_log_loss": Loss("softmax", _softmax_log_loss, _softmax_residual, of_classes=True),
    "soft_log_loss": Loss(
        "softmax",
        lambda raw, y, _: -(y * log_softmax(raw, axis=1)).sum(axis=1),
        lambda raw, y, _: softmax(raw, axis=1) - y,
        of_classes=True,
    ),
    "logistic_log_loss": Loss(
        "logistic",
        _logistic_log_loss,
        lambda raw, y, _: expit(raw) - y,
        of_classes=True,
    ),
    "squared_error": Loss(
        "identity",
        lambda raw, y, _: 0.5 * ((raw - y) ** 2).mean(axis=1),
        lambda raw, y, _: raw - y,
        told="half the squared error: estimates the mean",
    ),
    "absolute_error": Loss(
        "identity",
        lambda raw, y, _: np.abs(raw - y).mean(axis=1),
        lambda raw, y, _: np.sign(raw - y),
        robust=True,
        told="the absolute error: estimates the median",
    ),
    "huber": Loss(
        "identity",
        _huber,
        lambda raw, y, limit: np.clip(raw - y, -limit, limit),
        parameter="huber_delta",
        robust=True,
        told="half the squared error up to `huber_delta`, and linear beyond ([7]_): between the "
        "two, since the pull of an outlier is bounded",
    ),
    "quantile": Loss(
        "identity",
        lambda raw, y, quantile: (_quantile_slope(raw, y, quantile) * (raw - y)).mean(axis=1),
        _quantile_slope,
        parameter="quantile",
        robust=True,
        told="the absolute error times `quantile` where the prediction is too low, times "
        "``1 - quantile`` where it is too high (pinball loss, [8]_): estimates that quantile",
    ),
    "poisson": Loss(
        "exp",
        _poisson,
        lambda raw, y, _: np.exp(raw) - y,
        non_negative=True,
        told="half the Poisson deviance, for counts: estimates the mean. The prediction is the "
        "exponential of the network's output, and targets must not be negative",
    ),
}

# The losses that users may choose.
REGRESSION_LOSSES = tuple(name for name, loss in LOSSES.items() if not loss.of_classes)


def mean_loss(loss, raw, y, sample_weight, parameter):
    """The loss that training minimises, without penalty, from outputs of the whole network.

    Parameters
    ----------
    loss : str
        A key of `LOSSES`.
    raw : ndarray of shape (n_samples, n_outputs)
        Pre-activations of the output units.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Targets as training has them.
    sample_weight : ndarray of shape (n_samples,) or None
    parameter : float
        The loss's own number; ignored if it has none.

    Returns
    -------
    float
    """
    return float(np.average(sample_losses(loss, raw, y, parameter), weights=sample_weight))


def sample_losses(loss, raw, y, parameter):
    """The loss of each sample; the arguments are those of `mean_loss`.

    Returns
    -------
    ndarray of shape (n_samples,), float64
    """
    if y.dtype.kind == "f":
        y = y.astype(np.float64)
    return LOSSES[loss].value(raw.astype(np.float64), y, parameter)
