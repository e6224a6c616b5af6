"""How relevant features are by themselves: slow references, and what fits make of it."""

from unittest import mock

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import chi2, f
from sklearn.datasets import make_friedman1
from sklearn.feature_selection import f_classif, f_regression

from sklearn_set import SETClassifier, SETRegressor, problem
from sklearn_set.relevance import _p_values, relevance_of, shares_of_associations

N, N_FEATURES = 60, 400
rng = np.random.default_rng(3)
LABELS = np.arange(N) % 3
X = rng.standard_normal((N, N_FEATURES))
X[:, :5] += 1.5 * LABELS[:, np.newaxis]
TARGETS = X[:, [7, 8, 9]] + [0.5, 0.3, 9] * rng.standard_normal((N, 3))
ROWS = np.arange(N)

SMALL = {
    "hidden_layer_sizes": 30,
    "epsilon": 5,
    "max_iter": 4,
    "n_iter_no_change": np.inf,
    "random_state": 0,
}

every_estimator = pytest.mark.parametrize("estimator", [SETClassifier, SETRegressor])


def slow_shares(p, n_explaining):
    """For each p-value the share of each strength by itself, without a grid of statistics."""
    sums = chi2.isf(np.maximum(p, 1e-15), n_explaining)[:, np.newaxis]
    largest = chi2.isf(1e-15, n_explaining)
    powers = range(-4, int(np.ceil(np.log2(largest / n_explaining) + 1)))
    strength = np.array([0, *(2.0**power for power in powers)])
    likelihood = chi2.pdf(sums / (1 + strength), n_explaining) / (1 + strength)
    often = np.full(strength.shape, 1 / strength.shape[0])
    for _ in range(200):
        each = often * likelihood / (often * likelihood).sum(axis=1, keepdims=True)
        often = each.sum(axis=0)
        often[0] += 10
        often /= often.sum()
    each = often * likelihood / (often * likelihood).sum(axis=1, keepdims=True)
    return each @ (strength / (1 + strength))


def slow_relevance(p, n_explaining):
    relevance = np.maximum(slow_shares(p, n_explaining), 0.05)
    return relevance / np.sqrt(np.mean(relevance**2))


@pytest.mark.parametrize("n_tests", [1, 3])
@pytest.mark.parametrize("n_left", [5, 20, 78, 100_000])
@pytest.mark.parametrize("n_explaining", [1, 2, 4])
def test_the_table_of_p_values_is_that_of_f_tests(n_explaining, n_left, n_tests):
    p = np.logspace(-14, -0.01, 400)
    F = f.isf(p, n_explaining, n_left)
    explained = n_explaining * F / (n_explaining * F + n_left)
    with np.errstate(divide="ignore"):
        found = _p_values(explained, n_explaining, n_left, n_tests)
    expected = -np.expm1(n_tests * np.log1p(-p))
    least = 1e-9 if n_left < 20 else 0  # there the table is coarse near certainty
    np.testing.assert_allclose(found, expected, rtol=6e-3, atol=least)


def test_it_is_that_of_f_statistics_of_classes():
    _, p = f_classif(X, LABELS)
    found = relevance_of(X, LABELS, None, ROWS)
    np.testing.assert_allclose(found, slow_relevance(p, 2), rtol=5e-3)
    assert set(np.argsort(-found)[:5]) == set(range(5))
    assert np.mean(found**2) == pytest.approx(1, rel=1e-3)


def test_it_is_that_of_the_target_that_a_feature_tells_most_of():
    p = 1 - (1 - np.min([f_regression(X, target)[1] for target in TARGETS.T], axis=0)) ** 3
    found = relevance_of(X, TARGETS, None, ROWS)
    np.testing.assert_allclose(found, slow_relevance(p, 1), rtol=5e-3)
    assert set(np.argsort(-found)[:2]) == {7, 8}


def test_two_classes_are_as_good_as_a_target_of_zeros_and_ones():
    two = LABELS // 2
    as_target = relevance_of(X, two[:, np.newaxis].astype(float), None, ROWS)
    np.testing.assert_allclose(relevance_of(X, two, None, ROWS), as_target, rtol=3e-4)


@pytest.mark.parametrize("n_explaining", [1, 2, 9])
@pytest.mark.parametrize("n_real", [0, 1, 20])
def test_shares_are_those_of_the_slow_way(n_real, n_explaining):
    p = np.concatenate([np.random.default_rng(n_real).random(60), np.linspace(1e-9, 1e-6, n_real)])
    found = shares_of_associations(p, n_explaining)
    np.testing.assert_allclose(found, slow_shares(p, n_explaining), rtol=0.02, atol=1e-3)
    assert (np.diff(found[np.argsort(p)]) <= 0).all()


def test_what_stands_out_is_real_and_what_does_not_is_chance():
    even = (np.arange(1000) + 0.5) / 1000
    assert shares_of_associations(even, 1).max() < 0.05
    many = shares_of_associations(np.concatenate([even, np.full(100, 1e-9)]), 1)
    assert many[-100:].min() > 0.9
    assert many[:1000][even > 0.1].max() < 0.15
    assert shares_of_associations(np.ones(4), 1).max() < 0.05
    assert np.isfinite(shares_of_associations(np.zeros(4), 99)).all()


def test_where_everything_tells_a_little_all_features_tell_alike():
    # All sums are a half larger than by chance: a third of each is real, whatever its p-value.
    sums = 1.5 * chi2.isf((np.arange(20000) + 0.5) / 20000, 1)
    shares = shares_of_associations(chi2.sf(sums, 1), 1)
    np.testing.assert_allclose(shares[sums < 9], 1 / 3, atol=0.1)


@pytest.mark.parametrize("targets", [LABELS, TARGETS], ids=["classes", "targets"])
def test_weights_are_counts_and_a_sample_of_weight_zero_is_none(targets):
    counts = ROWS % 4
    times = np.repeat(ROWS, counts)
    expected = relevance_of(X[times], targets[times], None, np.arange(times.shape[0]))
    np.testing.assert_array_equal(relevance_of(X, targets, counts, ROWS), expected)
    np.testing.assert_array_equal(relevance_of(X, targets, None, times), expected)


@every_estimator
def test_only_proportions_of_sample_weights_count(estimator):
    weight = rng.random(N)
    once, eight = (
        estimator(**SMALL).fit(X, LABELS, sample_weight=each) for each in (weight, 8 * weight)
    )
    np.testing.assert_array_equal(once.feature_relevance_, eight.feature_relevance_)


@pytest.mark.parametrize("targets", [LABELS, TARGETS], ids=["classes", "targets"])
def test_dense_and_sparse_samples_of_any_size_are_weighed_alike(targets):
    few = np.where(X > 0.5, X, 0)
    expected = relevance_of(few, targets, None, ROWS)
    np.testing.assert_array_equal(
        relevance_of(sparse.csr_array(few), targets, None, ROWS), expected
    )
    size = 2.0**400
    np.testing.assert_array_equal(
        relevance_of(few * size, targets, None, ROWS, factor=1 / size), expected
    )
    far = relevance_of(few + 1e6, targets, None, ROWS, offset=np.full(N_FEATURES, 1e6))
    np.testing.assert_allclose(far, expected, rtol=1e-3)


def test_where_nothing_can_be_told_all_features_are_alike():
    assert relevance_of(np.ones((N, 5)), LABELS, None, ROWS) is None
    assert relevance_of(X[:3], np.arange(3), None, ROWS[:3]) is None
    assert relevance_of(X, np.zeros(N, int), None, ROWS) is None
    constant = np.hstack([np.full((N, 3), 0.1), X])
    found = relevance_of(constant, LABELS, None, ROWS)
    assert np.unique(found[:3]).tolist() == [found.min()]


def test_a_constant_target_tells_nothing_whatever_its_rounding_errors():
    far = X + 3  # features whose means would stand out
    constant = np.full((N, 1), 0.1)
    assert relevance_of(far, constant, None, ROWS) is None
    assert relevance_of(far, np.hstack([constant, 7e5 * constant]), None, ROWS) is None
    both = relevance_of(far, np.hstack([TARGETS[:, :1], constant]), None, ROWS)
    np.testing.assert_array_equal(both, relevance_of(far, TARGETS[:, :1], None, ROWS))


@pytest.mark.parametrize("size", [1e-200, 1e-3, 1e200])
def test_targets_may_be_of_any_size_and_anywhere(size):
    expected = relevance_of(X, TARGETS, None, ROWS)
    np.testing.assert_array_equal(relevance_of(X, TARGETS * size, None, ROWS), expected)
    np.testing.assert_array_equal(relevance_of(X, TARGETS + 1e6, None, ROWS), expected)


def test_a_few_samples_that_weigh_much_are_few_samples():
    """If weights are no counts, many small ones do not make evidence."""
    noise = np.random.default_rng(0).standard_normal((N, N_FEATURES))
    weight = np.where(ROWS < 6, 100.0, 0.7)
    assert relevance_of(noise, LABELS, weight * N / weight.sum(), ROWS) is None
    some = rng.random(N) + 1
    found = relevance_of(X, LABELS, some, ROWS)
    assert set(np.argsort(-found)[:5]) == set(range(5))
    twice = relevance_of(X, LABELS, 2 * some, ROWS)
    np.testing.assert_array_equal(found, twice)


def test_a_feature_that_is_the_target_does_not_outshine_others():
    copied = X.copy()
    copied[:, 9] = LABELS == 1
    copied[:, 10] = copied[:, 9] + 0.3 * rng.standard_normal(N)
    found = relevance_of(copied, LABELS == 1, None, ROWS)
    assert found[9] == found.max()
    assert found[10] > 0.9 * found[9]
    assert np.isfinite(found).all()


# ---------------------------------------------------------------------------------------- fits


def few_of_many(seed, n_samples, n_features=3000, n_real=20):
    """Two classes that differ by a standard deviation in a few features."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    y = np.arange(n_samples) % 2
    X[:, :n_real] += 1.2 * (y[:, np.newaxis] - 0.5)
    return X, y


def test_few_samples_suffice_to_find_few_features_among_many():
    X, y = few_of_many(0, 560)
    train, test = slice(None, 60), slice(60, None)
    scores = {
        relevance: SETClassifier(feature_relevance=relevance, temperature=1, random_state=0)
        .fit(X[train], y[train])
        .score(X[test], y[test])
        for relevance in ("auto", False)
    }
    assert scores["auto"] > 0.95
    assert scores["auto"] > scores[False] + 0.08


def test_where_all_features_tell_a_little_none_is_left_aside():
    rng = np.random.default_rng(1)
    y = np.arange(600) % 2
    X = rng.standard_normal((600, 8000)) + np.outer(y - 0.5, 0.12 * rng.choice([-1, 1], 8000))
    scores = [
        SETClassifier(feature_relevance=relevance, temperature=1, random_state=0)
        .fit(X[:100], y[:100])
        .score(X[100:], y[100:])
        for relevance in ("auto", False)
    ]
    assert scores[0] > scores[1] - 0.03
    assert scores[0] > 0.93


@pytest.mark.slow
def test_a_regressor_too():
    X, y = make_friedman1(600, 1000, noise=1, random_state=0)
    scores = [
        SETRegressor(feature_relevance=relevance, random_state=0)
        .fit(X[:100], y[:100])
        .score(X[100:], y[100:])
        for relevance in ("auto", False)
    ]
    assert scores[0] > scores[1] + 0.15


def fitted(estimator, data=X, **options):
    return estimator(**SMALL | options).fit(data, LABELS)


@every_estimator
def test_it_is_for_wide_data_without_a_search(estimator):
    assert fitted(estimator).feature_relevance_.shape == (N_FEATURES,)
    assert fitted(estimator, X[:, :N]).feature_relevance_ is None
    assert fitted(estimator, X[:, :N], feature_relevance=True).feature_relevance_ is not None
    assert fitted(estimator, feature_relevance=False).feature_relevance_ is None
    assert fitted(estimator, feature_search=True).feature_relevance_ is None
    both = fitted(estimator, feature_search=True, feature_relevance=True)
    assert both.feature_relevance_ is not None
    classes = {"classes": range(3)} if estimator is SETClassifier else {}
    assert estimator(**SMALL).partial_fit(X, LABELS, **classes).feature_relevance_ is None


@every_estimator
def test_a_fit_that_goes_on_keeps_it(estimator):
    model = fitted(estimator, warm_start=True)
    before = model.feature_relevance_
    model.fit(X[:, ::-1], LABELS)
    np.testing.assert_array_equal(model.feature_relevance_, before)
    model.partial_fit(X, LABELS)
    np.testing.assert_array_equal(model.feature_relevance_, before)


@every_estimator
def test_predictions_are_those_of_coefs_and_relevance(estimator):
    model = fitted(estimator, n_snapshots=1, dtype="float64")
    seen = (X - model.feature_offset_) / model.feature_scale_ * model.feature_relevance_
    hidden = np.maximum(seen @ model.coefs_[0] + model.intercepts_[0], 0)
    raw = hidden @ model.coefs_[1] + model.intercepts_[1]
    if estimator is SETRegressor:
        raw = raw[:, 0] * model.target_scale_ + model.target_offset_
        np.testing.assert_allclose(model.predict(X), raw, rtol=1e-9)
    else:
        np.testing.assert_allclose(model.decision_function(X), raw, rtol=1e-9, atol=1e-12)


def test_importances_are_of_the_features_themselves():
    model = fitted(SETClassifier, n_snapshots=1, dtype="float64")
    expected = abs(model.coefs_[0]).sum(axis=1) * model.feature_relevance_
    np.testing.assert_allclose(model.feature_importances_, expected / expected.sum(), rtol=1e-9)


def rows_judged(**options):
    """Fit; return the samples that each network's relevance is estimated from, and the model."""
    seen = []

    def noted(X, targets, weight, rows, *units):
        seen.append(rows)
        return relevance_of(X, targets, weight, rows, *units)

    with mock.patch.object(problem, "relevance_of", noted):
        model = fitted(SETClassifier, **options)
    return seen, model


def test_held_out_samples_have_no_say():
    options = {"early_stopping": True, "validation_fraction": 0.3}
    (rows,), model = rows_judged(**options)
    assert rows.shape[0] == 42
    spoilt = X.copy()
    spoilt[np.setdiff1d(ROWS, rows)] = rng.standard_normal((18, N_FEATURES)) * 9
    again = fitted(SETClassifier, spoilt, **options)
    np.testing.assert_array_equal(again.feature_relevance_, model.feature_relevance_)


def test_short_networks_of_a_calibration_are_weighed_by_their_own_samples():
    seen, _ = rows_judged(max_iter=30)
    assert [rows.shape[0] for rows in seen] == [60, 40, 40]
    assert np.intersect1d(*(np.setdiff1d(ROWS, rows) for rows in seen[1:])).size == 0
