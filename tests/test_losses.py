"""Every loss is what it says: its formula, its targets, what a model trained with it estimates."""

import inspect
import warnings

import numpy as np
import pytest
import reference
from conftest import every_kernel, make_data, make_network, make_stepper
from scipy import sparse
from scipy.stats import norm
from sklearn.metrics import (
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    median_absolute_error,
)
from sklearn.utils import get_tags

from sklearn_set import SETClassifier, SETRegressor, machine
from sklearn_set.losses import LOSSES, OUT_ACTIVATIONS, REGRESSION_LOSSES, mean_loss
from sklearn_set.optimizers import SGD, SOLVERS
from sklearn_set.samples import Samples
from sklearn_set.training import DIVERGED

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

every_loss = pytest.mark.parametrize("loss", list(LOSSES))
every_regression_loss = pytest.mark.parametrize("loss", REGRESSION_LOSSES)

N = 60
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, 8))
Y = _rng.poisson(np.exp(0.5 * X[:, :2])).astype(float)  # suits every loss
WEIGHT = _rng.uniform(0.5, 2, N)

SMALL = {
    "hidden_layer_sizes": (15, 10),
    "epsilon": 3,
    "batch_size": 20,
    "max_iter": 5,
    "random_state": 0,
}


def regressor(**parameters):
    return SETRegressor(**SMALL | parameters)


def assert_same_model(one, other):
    for ours, theirs in zip(one._network.layers, other._network.layers, strict=True):
        np.testing.assert_array_equal(ours.topology.indices, theirs.topology.indices)
        np.testing.assert_array_equal(ours.weights, theirs.weights)
        np.testing.assert_array_equal(ours.bias, theirs.bias)


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


# -------------------------------------------------------------------------------- what is reported

METRICS = {
    "squared_error": lambda y, p, w: mean_squared_error(y, p, sample_weight=w) / 2,
    "absolute_error": lambda y, p, w: mean_absolute_error(y, p, sample_weight=w),
    "quantile": lambda y, p, w: mean_pinball_loss(y, p, alpha=0.2, sample_weight=w),
    "poisson": lambda y, p, w: mean_poisson_deviance(y, p, sample_weight=w) / 2,
}


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
@pytest.mark.parametrize("loss", METRICS)
def test_the_curves_tell_scikit_learns_metrics(loss, weight):
    # Losses are those of the targets in the network's units.
    def scorer(model, X, y, sample_weight=None):
        units = model.target_offset_, model.target_scale_
        y, predicted = ((values - units[0]) / units[1] for values in (y, model.predict(X)))
        return -METRICS[loss](y, predicted, sample_weight)

    model = regressor(
        loss=loss,
        quantile=0.2,
        alpha=0,
        zeta=0,
        learning_rate_init=1e-300,  # nothing moves
        early_stopping=True,
        validation_fraction=0.5,
        scoring=scorer,
    ).fit(X, Y[:, 0], sample_weight=weight)
    np.testing.assert_allclose(
        model.validation_loss_curve_, -np.array(model.validation_scores_), rtol=1e-11
    )
    still = regressor(
        loss=loss, quantile=0.2, alpha=0, zeta=0, batch_size=N, learning_rate_init=1e-300
    ).fit(X, Y[:, 0], sample_weight=weight)
    np.testing.assert_allclose(still.loss_curve_, -scorer(still, X, Y[:, 0], weight), rtol=1e-11)


# ----------------------------------------------------------------------------- what is estimated


def noisy(n, seed):
    """One feature, y = x + noise that is skewed: its median and its mean differ by 0.31."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 1))
    return x, x[:, 0] + rng.exponential(size=n) - 1


LEARNS = {
    "hidden_layer_sizes": (20,),
    "alpha": 0.0,
    "max_iter": 60,
    "learning_rate_init": 0.01,
    "n_iter_no_change": np.inf,
    "learning_rate": "cosine",
    "random_state": 0,
}


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantiles_cover_their_share(quantile):
    model = SETRegressor(loss="quantile", quantile=quantile, **LEARNS).fit(*noisy(2000, 1))
    X_test, y_test = noisy(4000, 2)
    predicted = model.predict(X_test)
    # The share of 2000 samples is known to 0.011, what the network makes of it comes on top.
    assert np.mean(y_test <= predicted) == pytest.approx(quantile, abs=0.035)
    true = X_test[:, 0] - np.log(1 - quantile) - 1
    inner = np.abs(X_test[:, 0]) < 2
    assert np.abs(predicted - true)[inner].mean() < 0.15


def test_absolute_error_estimates_the_median_and_squared_error_the_mean():
    X_test, _ = noisy(1000, 2)
    predicted = {
        loss: SETRegressor(loss=loss, **LEARNS).fit(*noisy(2000, 1)).predict(X_test)
        for loss in ("absolute_error", "squared_error")
    }
    offset = {loss: np.median(p - X_test[:, 0]) for loss, p in predicted.items()}
    assert offset["absolute_error"] == pytest.approx(np.log(2) - 1, abs=0.1)
    assert offset["squared_error"] == pytest.approx(0, abs=0.1)


def test_outliers_pull_the_squared_error_alone():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(600, 1))
    y = x[:, 0] + 0.1 * rng.normal(size=600)
    spoilt = y.copy()
    spoilt[:60] += 30
    error = {
        loss: median_absolute_error(
            y, SETRegressor(loss=loss, huber_delta=0.5, **LEARNS).fit(x, spoilt).predict(x)
        )
        for loss in ("squared_error", "absolute_error", "huber")
    }
    assert error["squared_error"] > 1  # the mean is off by three
    assert error["absolute_error"] < 0.2
    assert error["huber"] < 0.2


def test_poisson_fits_counts_better_than_squared_error():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(1000, 3))
    rate = np.exp(1.2 * x[:, 0] - 0.5 * x[:, 1])
    counts = rng.poisson(rate)
    train, test = slice(0, 500), slice(500, 1000)
    least = mean_poisson_deviance(counts[test], rate[test])
    excess = {}
    for loss in ("poisson", "squared_error"):
        predicted = SETRegressor(loss=loss, **LEARNS).fit(x[train], counts[train]).predict(x[test])
        # What is not above zero has no deviance at all.
        excess[loss] = mean_poisson_deviance(counts[test], np.maximum(predicted, 1e-3)) - least
    assert excess["poisson"] < 0.1  # the true rate itself leaves one, about
    assert excess["poisson"] < 0.5 * excess["squared_error"]  # for five seeds a third at most


# ----------------------------------------------------------------------------------- predictions


@pytest.mark.parametrize("y", [Y[:, 0], Y, Y[:, 0].astype(int)], ids=["one", "two", "integers"])
def test_poisson_predicts_the_exponential_of_the_output(y):
    model = regressor(loss="poisson").fit(X, y)
    assert model.out_activation_ == "exp"
    predicted = model.predict(X)
    assert predicted.shape == y.shape
    assert (predicted > 0).all()
    raw = model._network.forward(Samples(X), 1)
    np.testing.assert_array_equal(predicted.reshape(raw.shape), np.exp(raw) * model.target_scale_)
    np.testing.assert_allclose(model.target_scale_, y.mean(axis=0), rtol=1e-11)
    # It is the fitted model that counts.
    model.set_params(loss="squared_error")
    np.testing.assert_array_equal(model.predict(X), predicted)


def test_poisson_keeps_the_number_type():
    model = regressor(loss="poisson").fit(X.astype(np.float32), Y)
    assert model.predict(X.astype(np.float32)).dtype == np.float32
    assert model.predict(X).dtype == np.float64


def test_snapshots_of_poisson_are_averaged_on_the_log_scale():
    model = regressor(loss="poisson", n_snapshots=3, max_iter=12, n_iter_no_change=np.inf)
    model.fit(X, Y)
    networks = [model._network, *model._snapshots]
    assert len(networks) == 3
    each = [np.exp(network.forward(Samples(X), 1)) for network in networks]
    expected = np.prod(each, axis=0) ** (1 / 3) * model.target_scale_
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-12)


@every_regression_loss
@pytest.mark.parametrize(
    "options",
    [
        {"mixup": 1.0},
        {"mixup": 0.5, "input_dropout": 0.3, "dropout": 0.2},
        {"growth": "guided"},
        {"early_stopping": True, "validation_fraction": 0.3},
        {"solver": "sgd"},
        {"dtype": "float32", "batch_size": 7},
    ],
    ids=str,
)
def test_every_loss_goes_with_everything(options, loss):
    learns = {"max_iter": 40, "learning_rate_init": 0.01, "newborn_weights": "initial"}
    learns |= {"alpha": 1e-3, "zeta": 0.05, "quantile": 0.4, "loss": loss}
    dense = regressor(**learns | options).fit(X, Y, sample_weight=WEIGHT)
    assert dense.loss_curve_[-1] < dense.loss_curve_[0]
    assert np.isfinite(dense.predict(X)).all()
    thin = regressor(**learns | options, n_jobs=2).fit(sparse.csr_array(X), Y, sample_weight=WEIGHT)
    assert_same_model(thin, dense)


# -------------------------------------------------------------------------------------- targets

NEGATIVE = np.where(np.arange(N) == 3, -1.0, Y[:, 0])
MESSAGE = r"^loss='poisson' requires non-negative y and sum\(y\) > 0\.$"


def assert_untouched(model, call, message):
    """Assert that a call fails, and leaves the estimator as it was."""
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        call()
    assert vars(model) == before


@pytest.mark.parametrize("y", [NEGATIVE, -Y, np.zeros(N), np.zeros((N, 2))], ids=str)
def test_poisson_refuses_other_targets_than_counts(y):
    each = r"sum\(y\) > 0( for every output)?\.$"
    model = regressor(loss="poisson")
    assert_untouched(model, lambda: model.fit(X, y), MESSAGE.replace(r"sum\(y\) > 0\.$", each))


def test_poisson_refuses_an_output_that_is_all_zero():
    y = np.column_stack([Y, np.zeros(N)])
    message = r"requires non-negative y and sum\(y\) > 0 for every output\."
    model = regressor(loss="poisson", warm_start=True).fit(X, np.abs(y) + 1)
    assert_untouched(model, lambda: model.fit(X, y), message)


def test_the_message_is_that_of_hist_gradient_boosting():
    from sklearn.ensemble import HistGradientBoostingRegressor

    for y in (NEGATIVE, np.zeros(N)):
        with pytest.raises(ValueError, match="poisson") as caught:
            HistGradientBoostingRegressor(loss="poisson").fit(X, y)
        with pytest.raises(ValueError, match=MESSAGE) as ours:
            regressor(loss="poisson").fit(X, y)
        assert str(ours.value) == str(caught.value)


def test_a_part_of_a_stream_may_be_all_zero_but_not_negative():
    model = regressor(loss="poisson")
    model.partial_fit(X[:20], np.zeros(20)).partial_fit(X, Y[:, 0])
    assert len(model.loss_curve_) == 2
    message = r"^loss='poisson' requires non-negative y\.$"
    assert_untouched(model, lambda: model.partial_fit(X, NEGATIVE), message)


@pytest.mark.parametrize("loss", [loss for loss in REGRESSION_LOSSES if loss != "poisson"])
def test_other_losses_take_any_number(loss):
    for y in (NEGATIVE, np.zeros(N)):
        assert np.isfinite(regressor(loss=loss).fit(X, y).predict(X)).all()


def test_tags_tell_which_targets_a_loss_takes():
    for loss in REGRESSION_LOSSES:
        positive_only = get_tags(regressor(loss=loss)).target_tags.positive_only
        assert positive_only is (loss == "poisson")
    for wrong in (None, ["poisson"], "gamma"):  # tags are asked before parameters are checked
        assert get_tags(regressor(loss=wrong)).target_tags.positive_only is False
    assert get_tags(SETClassifier()).target_tags.positive_only is False


# ------------------------------------------------------------------------------- going on, failing


def test_a_warm_start_may_change_the_loss_but_not_the_output():
    model = regressor(warm_start=True).fit(X, Y)
    weights = model.coefs_[0].data.copy()
    model.set_params(loss="absolute_error").fit(X, Y)
    assert len(model.loss_curve_) == 10
    assert not np.array_equal(model.coefs_[0].data, weights)
    model.set_params(loss="poisson")
    message = (
        "warm_start=True goes on with the network it has, whose output activation is 'identity', "
        "but loss='poisson' asks for 'exp'. Set loss back, or fit a new estimator."
    )
    assert_untouched(model, lambda: model.fit(X, Y), message)
    stream = regressor(loss="poisson").partial_fit(X, Y).set_params(loss="huber")
    assert_untouched(stream, lambda: stream.partial_fit(X, Y), "partial_fit goes on with the")
    # A new fit is a new network.
    assert stream.fit(X, Y).out_activation_ == "identity"


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("dtype", "scale"), [("float32", 50), ("float64", 400)])
def test_poisson_that_overflows_ends_in_mlps_message(dtype, scale, solver):
    how = {"weight_init": "he_uniform", "dtype": dtype, "solver": solver}
    model = regressor(loss="poisson", **how)
    assert_untouched(model, lambda: model.fit(X * scale, Y), DIVERGED)


def test_adam_that_can_move_no_more_is_told():
    # Gradients of some 1e24 are numbers, their squares are not: the loss would stay what it is.
    model = regressor(loss="poisson", weight_init="he_uniform", dtype="float32", alpha=0)
    assert_untouched(model, lambda: model.fit(X * 40, Y), DIVERGED)
    # Double precision still finds its way down.
    model.set_params(dtype="float64", max_iter=40, learning_rate_init=0.01).fit(X * 40, Y)
    assert model.loss_curve_[-1] < model.loss_curve_[0] / 1e10


def test_predictions_too_large_for_a_number_are_told():
    model = regressor(loss="poisson").fit(X, Y[:, 0])
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert np.isinf(model.predict(1e6 * X)).any()


def test_held_out_predictions_too_large_for_a_number_have_no_score():
    # As in MLPRegressor: nan, and no end of the training, which is not concerned.
    seen = []

    def scorer(model, X_held, y_held):
        seen.append(X_held)
        return 0.0

    model = regressor(loss="poisson", early_stopping=True, validation_fraction=0.3, scoring=scorer)
    model.fit(X, Y[:, 0])
    far = np.where(np.isin(X, seen[0]), 1e6 * X, X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        model.set_params(scoring=None).fit(far, Y[:, 0])
    assert np.isnan(model.validation_scores_).any()
    assert np.isinf(model.validation_loss_curve_).any()
    assert np.isfinite(model.loss_curve_).all()


@pytest.mark.parametrize("labels", [np.arange(60) % 2, np.arange(60) % 3])
def test_logarithms_of_likely_classes_are_those_of_the_probabilities(labels):
    given = np.random.default_rng(0).normal(size=(60, 5)) + labels[:, np.newaxis]
    model = SETClassifier(10, max_iter=20, learning_rate_init=0.1, random_state=0)
    model.fit(given, labels)
    probabilities, logarithms = model.predict_proba(given), model.predict_log_proba(given)
    likely = probabilities > 0.5
    assert likely.any()
    np.testing.assert_array_equal(logarithms[likely], np.log(probabilities[likely]))
