"""Units of features and targets: where they lie and how far they spread changes next to nothing."""

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import norm
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.datasets import make_microarray
from sklearn_set.losses import REGRESSION_LOSSES
from sklearn_set.samples import Samples
from sklearn_set.scaling import FeatureUnits, TargetUnits

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

N = 80
GENES, LABELS = make_microarray(N, 400, n_informative=40, log_intensity=True, random_state=0)
STANDARD = StandardScaler().fit_transform(GENES)
ROWS = np.arange(N)
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, 6))
T = X @ _rng.normal(size=6) + 0.3 * _rng.normal(size=N)
SMALL = {"hidden_layer_sizes": 40, "max_iter": 30, "batch_size": 20, "random_state": 0}

AFFINE = [(1e-4, 0.0), (1.0, 1000.0), (1e6, -3e6), (1e-250, 0.0), (1e250, 0.0)]


# ------------------------------------------------------------------------------------- features


def test_features_far_from_zero_are_learned_by_the_defaults():
    # Logarithms of intensities, from 5 to 12, as they come from a scanner.
    options = {"hidden_layer_sizes": 200, "random_state": 0}
    assert SETClassifier(**options).fit(GENES, LABELS).score(GENES, LABELS) == 1
    real = GENES[:, :5].sum(axis=1)
    assert SETRegressor(**options).fit(GENES, real).score(GENES, real) > 0.9


@pytest.mark.parametrize("factor", [1e-5, 1e-2, 1e3])
def test_the_unit_of_all_features_is_nothing(factor):
    options = {"hidden_layer_sizes": 100, "max_iter": 40, "random_state": 0}
    model = SETClassifier(**options).fit(STANDARD * factor, LABELS)
    assert model.score(STANDARD * factor, LABELS) == 1
    assert 0.7 < model.feature_scale_ / factor < 1.5


def test_a_power_of_two_changes_no_bit():
    options = {"hidden_layer_sizes": 50, "max_iter": 10, "random_state": 0}
    expected = SETClassifier(**options).fit(GENES, LABELS).predict_proba(GENES)
    for factor in (2.0**-40, 2.0**30):
        model = SETClassifier(**options).fit(GENES * factor, LABELS)
        np.testing.assert_array_equal(model.predict_proba(GENES * factor), expected)


def test_standardized_features_are_left_alone():
    model = SETClassifier(20, max_iter=2, random_state=0).fit(STANDARD, LABELS)
    assert model.feature_offset_ is None
    assert model.feature_scale_ == 1


def test_only_wide_data_and_those_whose_features_are_dropped_have_units():
    shifted = X + 10
    assert SETClassifier(**SMALL).fit(shifted, LABELS).feature_offset_ is None
    dropped = SETClassifier(input_dropout=0.5, **SMALL).fit(shifted, LABELS)
    np.testing.assert_allclose(dropped.feature_offset_, shifted.mean(axis=0), rtol=1e-5)
    stream = SETClassifier(input_dropout=0.5, **SMALL)
    assert stream.partial_fit(shifted, LABELS, classes=[0, 1]).feature_offset_ is None


def test_dropping_a_feature_is_dropping_it_to_its_mean():
    # With half of the features dropped, and far from zero, nothing but noise would be left.
    options = SMALL | {"input_dropout": 0.5, "max_iter": 100, "alpha": 1e-3}
    labels = (X[:, 0] > 0).astype(int)
    assert SETClassifier(**options).fit(X + 50, labels).score(X + 50, labels) > 0.95


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@pytest.mark.parametrize("settings", [{}, {"growth": "guided"}, {"mixup": 0, "n_jobs": 2}], ids=str)
def test_dense_and_sparse_features_have_the_same_units_and_bits(settings, dtype):
    mixed = np.where(np.arange(400) % 2, GENES, STANDARD * (STANDARD > 1)).astype(dtype)
    options = {"hidden_layer_sizes": 50, "max_iter": 5, "random_state": 0} | settings
    dense = SETClassifier(**options).fit(mixed, LABELS)
    csr = SETClassifier(**options).fit(sparse.csr_array(mixed), LABELS)
    assert np.count_nonzero(dense.feature_offset_) == 200  # nothing sparse becomes dense
    np.testing.assert_array_equal(csr.feature_offset_, dense.feature_offset_)
    expected = dense.predict_proba(mixed)
    np.testing.assert_array_equal(csr.predict_proba(mixed), expected)
    np.testing.assert_array_equal(csr.predict_proba(sparse.csr_array(mixed)), expected)


def test_predictions_are_those_of_coefs_and_units():
    model = SETRegressor(30, max_iter=3, dtype="float64", random_state=0).fit(GENES, GENES[:, 0])
    units = (GENES - model.feature_offset_) / model.feature_scale_ * model.feature_relevance_
    hidden = np.maximum(units @ model.coefs_[0] + model.intercepts_[0], 0)
    raw = (hidden @ model.coefs_[1] + model.intercepts_[1])[:, 0]
    expected = raw * model.target_scale_ + model.target_offset_
    np.testing.assert_allclose(model.predict(GENES), expected, rtol=1e-10)


@pytest.mark.parametrize("level", [7.0, 1e3])
def test_constant_features_have_no_say_in_dense_nor_in_sparse_data(level):
    constant = np.full((N, 300), level)
    data = np.hstack([constant, STANDARD[:, :20] * 4])
    dense, csr = (FeatureUnits.of(each, None, ROWS) for each in (data, sparse.csr_array(data)))
    assert dense.factor == csr.factor == 0.25
    np.testing.assert_array_equal(dense.offset, csr.offset)
    assert dense.disparity == pytest.approx(1)
    assert csr.disparity == pytest.approx(1)


def test_features_farther_from_zero_than_they_vary_have_an_offset():
    far = STANDARD[:, :3] + [0.9, 1.1, -1.5]
    units = FeatureUnits.of(far, None, ROWS)
    assert units.offset[0] == 0
    np.testing.assert_allclose(units.offset[1:], [1.1, -1.5], atol=1e-5)


def test_new_units_leave_predictions_as_they_are():
    model = SETRegressor((5,), input_dropout=0.1, max_iter=2, random_state=0).fit(X, T)
    network, before = model._network, model._network.forward(Samples(X))
    units = FeatureUnits.of(100 * X + 1000, None, ROWS)
    assert units.factor != network.factor
    units.install(network)
    assert (network.factor, network.offset is units.offset) == (units.factor, True)
    np.testing.assert_allclose(network.forward(Samples(X)), before, rtol=1e-6)


def test_weights_of_features_units_are_those_of_samples():
    weight = np.where(ROWS < 40, 2.0, 0.0)
    units = FeatureUnits.of(GENES, weight, ROWS)
    expected = FeatureUnits.of(GENES[:40], None, ROWS[:40])
    np.testing.assert_array_equal(units.offset, expected.offset)
    assert units.factor == expected.factor


@pytest.mark.parametrize("size", [1e150, 1e-150, 1e300])
def test_features_of_any_size_have_units(size):
    units = FeatureUnits.of(GENES * size, None, ROWS)
    np.testing.assert_allclose(units.offset, GENES.mean(axis=0) * size, rtol=1e-5)
    assert 0 < units.factor < np.inf
    constant = FeatureUnits.of(np.full((N, 3), 7.0), None, ROWS)
    assert (constant.factor, constant.disparity) == (1, 1)
    np.testing.assert_array_equal(constant.offset, 7)
    nothing = FeatureUnits.of(sparse.csr_array((N, 3)), None, ROWS)
    assert (nothing.offset, nothing.factor) == (None, 1)


@pytest.mark.parametrize(
    "raw",
    [
        STANDARD * 10.0 ** np.linspace(-2, 2, 400),
        np.c_[STANDARD, STANDARD[:, 0] * 1e3],
        np.c_[STANDARD, np.arange(N) * 86_400.0],
        np.where(np.arange(N * 400).reshape(N, 400) == 7, 1e4, STANDARD),
    ],
    ids=["many", "one", "a time", "a cell"],
)
def test_very_different_scales_are_told_with_a_remedy(raw):
    with pytest.warns(UserWarning, match=r"very different scales.*StandardScaler"):
        model = SETClassifier(20, max_iter=2, random_state=0).fit(raw, LABELS)
    if raw.shape[1] > 400:  # a few features do not decide the scale of all
        assert model.feature_scale_ == 1


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize(
    ("factor", "shift"), [(1, 50), (1, -1e3), (1e-5, 0), (1e6, 3e7), (1e60, 0)]
)
def test_data_that_are_not_wide_may_be_odd_too(factor, shift, convert):
    labels = (X[:, 0] > 0).astype(int)
    options = SMALL | {"max_iter": 100, "alpha": 1e-3, "learning_rate_init": 1e-2}
    odd = convert(factor * X + shift)
    model = SETClassifier(**options).fit(odd, labels)
    assert model.score(odd, labels) > 0.95
    assert SETRegressor(**options).fit(odd, T).score(odd, T) > 0.8


def test_offsets_are_as_exact_as_features_need():
    for level in (33_333_333.0, 1e9 + 1.7):
        model = SETClassifier(50, max_iter=30, random_state=0).fit(STANDARD + level, LABELS)
        assert np.abs(model.feature_offset_ - level).max() < 1e-5
        assert model.score(STANDARD + level, LABELS) == 1


@pytest.mark.parametrize("size", [1e-200, 1e-60, 1e60, 1e200])
def test_wide_features_of_any_size_are_learned(size):
    model = SETClassifier(50, max_iter=30, random_state=0).fit(STANDARD * size, LABELS)
    assert model.score(STANDARD * size, LABELS) == 1


def test_a_warm_start_on_wide_data_brings_them_near_zero_too():
    options = {"hidden_layer_sizes": 50, "random_state": 0, "warm_start": True, "max_iter": 20}
    narrow = STANDARD[:, :60] + 10
    model = SETClassifier(**options).fit(narrow, LABELS)
    assert model.feature_offset_ is None
    half = np.r_[0:20, 40:60]
    before = model.decision_function(narrow)
    model.set_params(learning_rate_init=1e-300, zeta=0).fit(narrow[half], LABELS[half])
    assert model.feature_offset_ is not None
    np.testing.assert_allclose(model.decision_function(narrow), before, rtol=1e-6, atol=1e-6)


# -------------------------------------------------------------------------------------- targets


@pytest.mark.parametrize(("factor", "shift"), AFFINE)
@pytest.mark.parametrize("loss", [loss for loss in REGRESSION_LOSSES if loss != "poisson"])
def test_predictions_follow_an_affine_change_of_targets(loss, factor, shift):
    options = SMALL | {"loss": loss, "quantile": 0.3}
    expected = SETRegressor(**options).fit(X, T).predict(X)
    predicted = SETRegressor(**options).fit(X, factor * T + shift).predict(X)
    np.testing.assert_allclose((predicted - shift) / factor, expected, rtol=1e-6, atol=1e-6)


def test_each_of_several_targets_has_its_own_units():
    several = np.column_stack([T, -X[:, 1], X[:, 2]])
    factor, shift = np.array([1e-5, 1.0, 1e7]), np.array([3.0, 1e3, 0.0])
    expected = SETRegressor(**SMALL).fit(X, several).predict(X)
    predicted = SETRegressor(**SMALL).fit(X, factor * several + shift).predict(X)
    np.testing.assert_allclose((predicted - shift) / factor, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("factor", [1e-6, 1e5])
def test_predictions_of_counts_follow_their_unit(factor):
    options = SMALL | {"loss": "poisson"}
    expected = SETRegressor(**options).fit(X, np.exp(T)).predict(X)
    predicted = SETRegressor(**options).fit(X, factor * np.exp(T)).predict(X)
    np.testing.assert_allclose(predicted / factor, expected, rtol=1e-6)


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_targets_far_from_zero_or_of_small_scale_are_learned(dtype, loss):
    options = SMALL | {"loss": loss, "dtype": dtype, "max_iter": 100, "alpha": 1e-3}
    for targets in (1e-4 * (T - T.min()), T + 1000, np.abs(T) * 1e5):
        assert SETRegressor(**options).fit(X, targets).score(X, targets) > 0.5


def test_a_stream_follows_its_targets():
    options = SMALL | {"learning_rate_init": 1e-2}
    plain, changed = SETRegressor(**options), SETRegressor(**options)
    for start in [0, 1, 2, *range(3, N, 7)] * 5:  # one by one at first
        part = slice(start, start + 1 if start < 3 else start + 7)
        plain.partial_fit(X[part], T[part])
        changed.partial_fit(X[part], 1e-3 * T[part] + 50)
    expected = plain.predict(X)
    assert plain.score(X, T) > 0.5
    np.testing.assert_allclose((changed.predict(X) - 50) * 1e3, expected, rtol=1e-4, atol=1e-4)


def test_the_units_of_a_stream_are_those_of_all_its_parts():
    model = SETRegressor(5, random_state=0)
    for part in (slice(0, 20), slice(20, N)):
        model.partial_fit(X[part], T[part])
    np.testing.assert_allclose(model.target_offset_, T.mean(), atol=1e-9)
    np.testing.assert_allclose(model.target_scale_, T.std(), rtol=1e-9)


def test_another_fit_on_other_targets_begins_where_the_last_ended():
    options = SMALL | {"warm_start": True, "max_iter": 40}
    model = SETRegressor(**options).fit(X, T)
    before = model.predict(X)
    model.set_params(learning_rate_init=1e-300, zeta=0).fit(X, 5 * T + 3)  # nothing moves
    np.testing.assert_allclose(model.predict(X), before, rtol=1e-9, atol=1e-9)
    assert model.target_scale_ == pytest.approx(5 * T.std())
    # The new targets are of another size: the predictions of before are far off.
    model.fit(X, 1e-5 * T)
    np.testing.assert_allclose(model.predict(X) * 1e5, (before - T.mean()) / 5, atol=2)
    assert model.score(X, 1e-5 * T) > -2


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_rescaling_keeps_what_is_predicted(loss):
    positive = np.column_stack([np.exp(T), np.exp(X[:, 0])])
    model = SETRegressor(loss=loss, warm_start=True, **SMALL).fit(X, positive)
    before = model.predict(X)
    model.set_params(learning_rate_init=1e-300, zeta=0).partial_fit(X, 50 * positive)
    np.testing.assert_allclose(model.predict(X), before, rtol=1e-9)


@pytest.mark.parametrize("loss", ["quantile", "huber", "absolute_error"])
@pytest.mark.parametrize("jitter", [0.0, 1e-6, 1e-2])
def test_targets_of_which_most_hardly_vary_are_learned_by_robust_losses(loss, jitter):
    rng = np.random.default_rng(1)
    given = rng.normal(size=(400, 3))
    targets = np.where(given[:, 0] > 0.3, 100 + 10 * given[:, 1], jitter * rng.normal(size=400))
    options = SMALL | {"max_iter": 100, "alpha": 1e-3, "learning_rate_init": 1e-2}
    predicted = SETRegressor(loss=loss, quantile=0.9, **options).fit(given, targets).predict(given)
    assert np.median(predicted[given[:, 0] > 0.6]) > 80
    if loss == "quantile":
        assert 0.8 < np.mean(targets <= predicted + 1e-3) < 1


@pytest.mark.parametrize("size", [1e-300, 1e-170, 1e170, 1e300])
@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson"])
def test_early_stopping_does_not_depend_on_units(loss, size):
    options = SMALL | {
        "loss": loss,
        "early_stopping": True,
        "max_iter": 60,
        "learning_rate_init": 0.01,
    }
    targets = np.exp(T) if loss == "poisson" else T
    plain = SETRegressor(**options).fit(X, targets)
    scaled = SETRegressor(**options).fit(X, targets * size)
    np.testing.assert_allclose(scaled.validation_scores_, plain.validation_scores_, atol=1e-6)
    assert scaled.best_iter_ == plain.best_iter_


def test_single_precision_tells_targets_far_from_zero_apart():
    single = X.astype(np.float32)
    model = SETRegressor(**SMALL | {"max_iter": 100, "alpha": 1e-3})
    assert model.fit(single, T + 100).predict(single).dtype == np.float32
    predicted = model.fit(single, T + 1e8).predict(single)
    assert predicted.dtype == np.float64
    assert model.score(single, T + 1e8) > 0.5


@pytest.mark.parametrize("value", [0.0, 3.0, -1e200, 0.1 + 0.2])
def test_equal_targets_have_scale_one(value):
    model = SETRegressor(**SMALL).fit(X, np.full(N, value))
    np.testing.assert_array_equal(model.target_offset_, value)
    np.testing.assert_array_equal(model.target_scale_, 1)
    np.testing.assert_allclose(model.predict(X), value, atol=0.2)


def test_what_is_asked_for_is_no_outlier():
    """Units are taken between quantiles that are farther out than the one to be predicted."""
    tails = {0.5: 0.15, 0.9: 0.05, 0.98: 0.01}
    for quantile, tail in tails.items():
        model = SETRegressor(loss="quantile", quantile=quantile, **SMALL).fit(X, T**3)
        expected = TargetUnits.of(T[:, np.newaxis] ** 3, tail=tail).scale
        np.testing.assert_allclose(model.target_scale_, expected)


@pytest.mark.parametrize("quantile", [2**-53, 1e-9, 1 - 2**-53])
def test_quantiles_next_to_none_and_all_are_taken(quantile):
    assert np.isfinite(SETRegressor(loss="quantile", quantile=quantile, **SMALL).fit(X, T).loss_)


def test_targets_units_by_hand():
    values = np.array([[1.0], [2.0], [4.0], [100.0]])
    units = TargetUnits.of(values)
    assert units.offset[0] == values.mean()
    assert units.scale[0] == pytest.approx(values.std(), rel=1e-11)
    robust = TargetUnits.of(values, tail=0.3)
    assert robust.offset[0] == 3
    assert robust.scale[0] == pytest.approx((4 - 2) / (norm.ppf(0.7) - norm.ppf(0.3)))
    weighted = TargetUnits.of(values, np.array([1.0, 2.0, 0.0, 1.0]), tail=0.3)
    assert weighted.offset[0] == 2
    counts = TargetUnits.of(values, exponential=True)
    assert (counts.offset[0], counts.scale[0]) == (0, pytest.approx(values.mean()))
    common = TargetUnits.of(np.hstack([values, 3 * values]), in_common=True)
    assert common.scale[0] == common.scale[1] == pytest.approx(values.std() * np.sqrt(5))


@pytest.mark.parametrize("tail", [None, 0.15])
def test_joined_units_are_those_of_all(tail):
    parts = np.split(T[:, np.newaxis] * 1e200, 4)
    joined = TargetUnits.of(parts[0], tail=tail)
    for part in parts[1:]:
        joined = joined.joined(TargetUnits.of(part, tail=tail))
    whole = TargetUnits.of(T[:, np.newaxis] * 1e200, tail=tail)
    tolerance = 0.3 if tail else 1e-10
    np.testing.assert_allclose(joined.scale, whole.scale, rtol=tolerance)
    assert np.abs(joined.offset - whole.offset)[0] <= tolerance * whole.scale[0]
