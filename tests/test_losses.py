"""Every loss by hand: the table, and what the kernels make of it."""

import inspect

import numpy as np
import pytest
import reference
from conftest import every_kernel, make_data, make_network, make_stepper
from loss_cases import N, X, Y, assert_same_model, every_regression_loss, regressor
from scipy.stats import norm

from sklearn_set import SETRegressor, machine
from sklearn_set.losses import LOSSES, OUT_ACTIVATIONS, REGRESSION_LOSSES, mean_loss
from sklearn_set.optimizers import SGD

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

every_loss = pytest.mark.parametrize("loss", list(LOSSES))

# ------------------------------------------------------------------------------------- the table


def test_tables_name_the_same_things():
    for dtype in ("float32", "float64"):
        assert set(LOSSES) == set(machine.kernels(dtype).LOSS_CODES) == set(reference.LOSSES)
    assert {loss.out_activation for loss in LOSSES.values()} == set(OUT_ACTIVATIONS)
    parameters = inspect.signature(SETRegressor).parameters
    for name, loss in LOSSES.items():
        assert (name in reference.LOSS_PARAMETERS) == (loss.parameter is not None)
        assert loss.parameter is None or loss.parameter in parameters
    assert REGRESSION_LOSSES[0] == parameters["loss"].default == "squared_error"


@every_loss
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_and_residuals_are_those_of_the_reference(dtype, loss):
    data = make_data(30, (7, 3), loss, dtype, seed=4)
    raw = np.random.default_rng(5).normal(size=(30, 3)).astype(dtype)
    values, residual = reference.LOSSES[loss](raw.astype(float), data.y)
    computed = LOSSES[loss].residual(raw, data.y, data.loss_parameter)
    assert computed.dtype == dtype
    rtol = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(computed, residual, rtol=rtol, atol=rtol)
    for weight in (None, data.sample_weight):
        expected = np.average(values, weights=weight)
        mean = mean_loss(loss, raw, data.y, weight, data.loss_parameter)
        # in double precision, whatever comes
        assert mean == pytest.approx(expected, rel=1e-12 if weight is None else 1e-7)


@every_loss
def test_residuals_are_the_derivatives_of_the_values(loss):
    data = make_data(30, (7, 3), loss, "float64", seed=4)
    raw = np.random.default_rng(5).normal(size=(30, 3))
    row, p = LOSSES[loss], data.loss_parameter
    n_summed = 3 if loss in reference.AVERAGED else 1
    for j in range(3):
        moved = np.zeros((30, 3))
        moved[:, j] = 1e-5
        slope = (row.value(raw + moved, data.y, p) - row.value(raw - moved, data.y, p)) / 2e-5
        expected = row.residual(raw, data.y, p)[:, j]
        np.testing.assert_allclose(slope * n_summed, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_met_exactly_is_left_alone(dtype):
    zeros = np.zeros((4, 3), dtype)
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        assert not LOSSES[loss].residual(zeros, zeros, 0.7).any()
        assert mean_loss(loss, zeros, zeros, None, 0.7) == 0


# ------------------------------------------------------------------------------------ the kernels


#
# The gradients of every batch, and finite differences, are in test_rows.py and test_gradient.py.
def step(kernel, bias, y, loss, **options):
    """One plain step of size one, on the biases of a network that is nothing else.

    Returns
    -------
    value : float
    delta : ndarray of shape (n_outputs,)
        By which the biases have fallen.
    """
    dtype = kernel[1]
    network = make_network(
        [np.ones((1, len(bias)), bool)], [], dtype, np.random.default_rng(0), scale=0.0
    )
    network.layers[0].bias[:] = bias
    before = network.layers[0].bias.copy()
    data = make_data(1, (1, len(bias)), loss, dtype, seed=0, weighted=False)
    data.y[0] = y
    optimizer = SGD(momentum=0).attach(network)
    stepper = make_stepper(kernel, network, optimizer, data, batch_size=1, **options)
    value = stepper.step(np.zeros(1, np.int32), 1.0, 1.0, 0)
    return value, before - network.layers[0].bias


@pytest.mark.parametrize(
    ("loss", "value", "delta"),
    [
        # errors of -2, 0 and 0.5
        ("squared_error", (4 + 0.25) / 6, [-2, 0, 0.5]),
        ("absolute_error", 2.5 / 3, [-1, 0, 1]),
        ("huber", (0.6 * 2 - 0.18 + 0.125) / 3, [-0.6, 0, 0.5]),
        ("quantile", (0.7 * 2 + 0.3 * 0.5) / 3, [-0.7, 0, 0.3]),
    ],
)
@every_kernel()
def test_values_and_deltas_by_hand(kernel, loss, value, delta):
    computed = step(kernel, [1, 2, 3], [3, 2, 2.5], loss)
    assert computed[0] == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(computed[1], delta, rtol=1e-6)


@every_kernel()
def test_poisson_by_hand(kernel):
    value, delta = step(kernel, np.log([2, 3, 1.5]), [0, 3, 1], "poisson")
    assert value == pytest.approx(2 + 0 + (-np.log(1.5) + 0.5), rel=1e-6)
    np.testing.assert_allclose(delta, [2, 0, 0.5], rtol=1e-6, atol=1e-6)


@every_kernel()
def test_poisson_loses_no_digits_to_large_counts(kernel):
    dtype = kernel[1]
    y = np.array([1e9, 1e6, 1e-9], dtype)
    z = (np.log(y.astype(float)) + [1e-4, -1e-3, 1.0]).astype(dtype)
    value, _ = step(kernel, z, y, "poisson")
    y, z = y.astype(np.longdouble), z.astype(np.longdouble)
    expected = (y * np.log(y) - y * z - y + np.exp(z)).sum()
    assert value == pytest.approx(float(expected), rel=1e-9)


@every_kernel()
def test_poisson_overflow_is_infinite_and_not_hidden(kernel):
    too_large = 90 if kernel[1] == "float32" else 710
    for y in (0, 2):
        value, delta = step(kernel, [too_large, 0], [y, 1], "poisson")
        assert value == np.inf or kernel[1] == "float32"  # the value is a double
        assert delta[0] == np.inf
        assert delta[1] == 0


@every_kernel()
def test_nan_passes_through_every_loss(kernel):
    for loss in REGRESSION_LOSSES:
        value, delta = step(kernel, [np.nan, 0], [1, 1], loss)
        assert np.isnan(value)
        assert np.isnan(delta[0])


def test_the_losses_numbers_reach_the_kernels():
    how = {"solver": "sgd", "momentum": 0, "alpha": 0, "zeta": 0}
    # Targets whose standard deviation is their normalised quantile distance: in the same units.
    is_large, sign = np.arange(N) % 12 < 2, (-1.0) ** np.arange(N)
    one = 1 / norm.ppf(0.85)
    large = np.sqrt((one**2 - np.mean(~is_large)) / np.mean(is_large))
    even = np.where(is_large, large, 1) * sign
    squared, huber = (
        regressor(**losses, **how).fit(X, even)
        for losses in ({}, {"loss": "huber", "huber_delta": 1e6})  # nothing is that far off
    )
    np.testing.assert_allclose(huber.predict(X), squared.predict(X), rtol=1e-9)
    absolute = regressor(loss="absolute_error", learning_rate_init=0.01, **how).fit(X, Y)
    # Nothing is nearer; times a power of two every digit is the same.
    huber = regressor(loss="huber", huber_delta=2**-20, learning_rate_init=0.01 * 2**20, **how)
    assert_same_model(huber.fit(X, Y), absolute)
    median = regressor(loss="quantile", quantile=0.5, learning_rate_init=0.02, **how).fit(X, Y)
    assert_same_model(median, absolute)
    np.testing.assert_array_equal(2 * np.array(median.loss_curve_), absolute.loss_curve_)


@every_regression_loss
def test_numbers_of_other_losses_are_ignored(loss):
    own = LOSSES[loss].parameter
    others = {"quantile": 0.9, "huber_delta": 3.0}
    model = regressor(loss=loss).fit(X, Y)
    for name, value in others.items():
        other = regressor(loss=loss, **{name: value}).fit(X, Y)
        assert (other.loss_curve_ == model.loss_curve_) == (name != own)
