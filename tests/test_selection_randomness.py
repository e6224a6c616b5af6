"""One seed, one selection; weights of samples; Ctrl-C."""

import numpy as np
import pytest
from selecting import QUICK, REAL, X, Y, selector
from sklearn.base import clone

from sklearn_set import SETRegressor
from sklearn_set.feature_selection import _base
from sklearn_set.settings import decided


@pytest.mark.parametrize("targets", [Y, REAL], ids=["classes", "real"])
def test_samples_of_weight_zero_leave_no_trace(targets):
    weight = np.repeat([1.0, 0.0], 40)
    wild = np.where(weight > 0, targets, targets[::-1])
    expected = selector(max_iter=5).fit(X, targets, weight)
    fitted = selector(max_iter=5).fit(X, wild, sample_weight=weight)
    np.testing.assert_array_equal(fitted.scores_, expected.scores_)
    assert (fitted.scores_ != selector(max_iter=5).fit(X, targets).scores_).any()


def test_the_autoencoder_evolves_as_quick_selection_does():
    network, _ = selector(**QUICK).fit(X).estimators_
    for n_features in (50, 5000):  # on wide data, too
        settings = decided(
            network.get_params(),
            sizes=(n_features, 1000, n_features),
            n_connections=10 * (n_features + 1000) * 2,
            n_samples=100,
            n_counting=100,
            is_part=False,
            goes_on=False,
            n_threads=1,
        )
        assert (settings.growth, settings.learning_rate) == ("random", "constant")
        assert (settings.mixup, settings.input_dropout, settings.n_snapshots) == (0, 0, 1)


def test_weights_reach_the_autoencoder():
    plain = selector(**QUICK).fit(X)
    weighted = selector(**QUICK).fit(X, sample_weight=np.linspace(0.1, 1, 80))
    assert (plain.scores_ != weighted.scores_).any()


@pytest.mark.parametrize("how", [QUICK, {"max_iter": 5}], ids=["unsupervised", "supervised"])
def test_one_seed_gives_one_selection_for_any_number_of_jobs(how):
    first = selector(**how).fit(X, Y)
    np.testing.assert_array_equal(selector(**how, n_jobs=2).fit(X, Y).scores_, first.scores_)
    np.testing.assert_array_equal(clone(first).fit(X, Y).scores_, first.scores_)
    other = selector(**how | {"random_state": 1}).fit(X, Y)
    assert (other.scores_ != first.scores_).any()


def test_no_more_jobs_than_networks(monkeypatch):
    """Joblib would start a thread for each, though there is nothing for it to do."""
    asked = []

    class Noted(_base.Parallel):
        def __init__(self, n_jobs, **options):
            asked.append(n_jobs)
            super().__init__(n_jobs, **options)

    monkeypatch.setattr(_base, "Parallel", Noted)
    first, many = (selector(**QUICK | {"n_networks": 3}, n_jobs=n).fit(X) for n in (None, 10**30))
    assert asked == [None, 3]
    np.testing.assert_array_equal(first.scores_, many.scores_)


def test_more_networks_go_on_with_the_same_ones():
    few = selector(n_networks=2, max_iter=2).fit(X, Y)
    more = selector(n_networks=3, max_iter=2).fit(X, Y)
    for ours, theirs in zip(few.estimators_, more.estimators_, strict=False):
        np.testing.assert_array_equal(ours.feature_importances_, theirs.feature_importances_)


def test_noise_is_another_in_every_epoch_and_network():
    seen = []

    class Spy(SETRegressor):
        def partial_fit(self, X, y, sample_weight=None):
            seen.append(X - y)
            return super().partial_fit(X, y, sample_weight)

    network = Spy(5, max_iter=3)
    selector(estimator=network, unsupervised=True, noise_factor=0.5).fit(X)
    assert len(seen) == 6
    assert len({noise.tobytes() for noise in seen}) == 6
    assert np.std(seen) == pytest.approx(0.5, rel=0.01)  # of 48,000 draws
    assert abs(np.mean(seen)) < 0.01


def test_unsupervised_ignores_y():
    without = selector(**QUICK).fit(X)
    np.testing.assert_array_equal(without.scores_, selector(**QUICK).fit(X, Y).scores_)
