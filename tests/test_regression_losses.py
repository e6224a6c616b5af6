"""What a model trained with each loss reports, estimates and predicts; targets it does not take."""

import warnings

import numpy as np
import pytest
from loss_cases import WEIGHT, N, X, Y, assert_same_model, every_regression_loss, regressor
from scipy import sparse
from sklearn.metrics import (
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    median_absolute_error,
)
from sklearn.utils import get_tags

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.losses import REGRESSION_LOSSES
from sklearn_set.optimizers import SOLVERS
from sklearn_set.samples import Samples
from sklearn_set.training import DIVERGED

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

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
    learns = {"max_iter": 20, "learning_rate_init": 0.02, "newborn_weights": "initial"}
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
