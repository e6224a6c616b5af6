"""Importances by attribution are mean magnitudes of contributions, and find what is known."""

from time import perf_counter

import numpy as np
import pytest
from estimator_cases import X, Y, every_target
from explaining import BASELINE, both_methods, classifier, fitted
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.datasets import make_microarray
from sklearn_set.inspection import attribution_importances, contributions


@both_methods
@every_target
def test_importances_are_mean_magnitudes(target, method):
    estimator = fitted(target, n_snapshots=3)
    importances = attribution_importances(estimator, X, method=method, baseline=BASELINE)
    values = contributions(estimator, X, method=method, baseline=BASELINE).values
    values = values.reshape(len(X), 8, -1)
    if getattr(estimator, "out_activation_", None) == "softmax":
        values = values - values.mean(axis=2, keepdims=True)
    if isinstance(estimator, SETRegressor):
        values = values / estimator.target_scale_
    expected = np.abs(values).sum(axis=(0, 2))
    np.testing.assert_allclose(importances, expected / expected.sum(), rtol=1e-9)
    assert importances.sum() == pytest.approx(1)


def test_a_common_part_of_the_scores_of_classes_is_of_no_importance():
    estimator = classifier(hidden_layer_sizes=(), dtype="float64", max_iter=3).fit(X, Y)
    before = attribution_importances(estimator, X)
    weights = estimator.coefs_[0]
    assert weights.nnz == 24  # all there are
    weights.data += 5  # every score gets five times the sum of the features
    np.testing.assert_allclose(attribution_importances(estimator, X), before, rtol=1e-9)


def test_importances_may_all_be_zero():
    assert not attribution_importances(fitted("binary"), np.zeros((4, 8))).any()


def test_the_informative_genes_come_first():
    found = []
    for seed in range(3):
        study = make_microarray(80, 2000, n_informative=10, random_state=seed, return_X_y=False)
        data = StandardScaler().fit_transform(study.data)
        estimator = SETClassifier(random_state=0).fit(data, study.target)
        for method in ("integrated", "gradient"):
            importances = attribution_importances(estimator, data, method=method)
            strongest = np.argsort(-importances)[:10]
            assert np.isin(strongest, study.informative).sum() >= 8
        sizes = np.abs(contributions(estimator, data).values)
        found.append(np.isin(np.argsort(-sizes, axis=1)[:, :10], study.informative).sum(axis=1))
    # Of each sample's ten strongest, on average six or more; at least five in nearly all samples.
    assert np.mean(found) > 6.3
    assert np.mean(np.array(found) >= 5) > 0.9


@pytest.mark.slow
def test_reasons_take_less_time_than_a_fit():
    """About a twentieth of it."""
    data, y = make_microarray(100, 20_000, random_state=0)
    estimator = SETClassifier(random_state=0, n_jobs=1)
    seconds = [perf_counter()]
    for work in (lambda: estimator.fit(data, y), lambda: contributions(estimator, data)):
        work()
        seconds.append(perf_counter())
    assert len(estimator._networks()) == 10
    fit, reasons = np.diff(seconds)
    assert reasons < fit / 2
