"""What "auto" stands for: for wide data, for others, for streams, and for large networks."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from snapshot_cases import TARGETS, X, Y

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.settings import decided as decide
from sklearn_set.topology import n_erdos_renyi

PLAIN = {
    "learning_rate": "constant",
    "input_dropout": 0.0,
    "mixup": 0.0,
    "n_snapshots": 1,
    "n_iter_no_change": 10,
}
HELPED = {
    "learning_rate": "cosine",
    "input_dropout": 0.5,
    "mixup": 4.0,
    "n_snapshots": 10,
    "n_iter_no_change": np.inf,
}

every_estimator = pytest.mark.parametrize("estimator", [SETClassifier, SETRegressor])


def auto(estimator, **others):
    """An estimator that decides all it can."""
    known = estimator().get_params()
    return estimator(**{name: "auto" for name in HELPED if name in known} | others)


def decided(model, n_samples=50, sizes=(2000, 20, 3), **given):
    """What is decided for the model, without what it does not have."""
    settings = all_decided(model, n_samples, sizes, **given)
    return {name: getattr(settings, name) for name in HELPED if hasattr(model, name)}


def all_decided(model, n_samples, sizes, *, is_part=False, goes_on=False):
    return decide(
        model.get_params(),
        sizes=sizes,
        n_connections=sum(n_erdos_renyi(*pair, model.epsilon) for pair in pairwise(sizes)),
        n_samples=n_samples,
        n_counting=n_samples,
        is_part=is_part,
        goes_on=goes_on,
        n_threads=1,
    )


def of(model, expected):
    return {name: value for name, value in expected.items() if hasattr(model, name)}


def test_a_classifier_decides_itself_and_a_regressor_is_plain():
    assert decided(SETClassifier()) == HELPED
    assert decided(SETRegressor()) == of(SETRegressor(), PLAIN)


@every_estimator
def test_wide_data_are_those_with_more_features_than_samples(estimator):
    model = auto(estimator)
    helped, plain = of(model, HELPED), of(model, PLAIN)
    assert decided(model, 50, (51, 20, 3)) == helped | {"mixup": 51 / 50 / 10}
    assert decided(model, 50, (50, 20, 3)) == plain
    assert decided(model, 5000, (50, 20, 3)) == plain
    assert decided(model, 1, (2, 1)) == helped | {"mixup": 0.2}


@every_estimator
def test_the_more_features_a_sample_has_the_more_it_is_mixed(estimator):
    model = auto(estimator)
    shares = [decided(model, 10, (n, 5, 3))["mixup"] for n in (10, 11, 100, 399, 400, 10_000)]
    assert shares == pytest.approx([0, 0.11, 1, 3.99, 4, 4])


@every_estimator
def test_a_stream_is_plain(estimator):
    assert decided(auto(estimator), 1, is_part=True) == of(estimator(), PLAIN)
    # but what is asked for is done, as far as there are epochs
    asked = {
        "learning_rate": "cosine",
        "input_dropout": 0.2,
        "mixup": 0.3,
        "n_snapshots": 7,
        "n_iter_no_change": 4,
    }
    model = estimator(**of(estimator(), asked))
    assert decided(model, 1, is_part=True) == of(model, asked | {"n_snapshots": 1})


@every_estimator
def test_early_stopping_decides_when_to_end_and_what_to_keep(estimator):
    ends = {"n_snapshots": 1, "n_iter_no_change": 10, "learning_rate": "constant"}
    model = auto(estimator, early_stopping=True)
    assert decided(model) == of(model, HELPED | ends)
    assert decided(model.set_params(n_snapshots=7)) == of(model, HELPED | ends)


@every_estimator
def test_large_networks_are_kept_once(estimator):
    model = auto(estimator, epsilon=10**6)  # dense: as many connections as positions
    large = of(model, HELPED | {"n_snapshots": 1})
    assert n_erdos_renyi(500_000, 2, 10**6) == 1_000_000
    assert decided(model, sizes=(500_000, 2)) == of(model, HELPED)
    assert decided(model, sizes=(500_001, 2)) == large
    # all layers count
    assert decided(model, 25, (1000, 600, 600, 600)) == large
    asked = {"n_snapshots": 3}
    assert decided(model.set_params(**asked), sizes=(500_001, 2)) == large | asked


@every_estimator
@pytest.mark.parametrize("n_iter_no_change", [3, np.inf])
def test_the_rate_falls_where_the_end_of_training_is_known(estimator, n_iter_no_change):
    model = estimator(mixup=0, n_iter_no_change=n_iter_no_change)
    expected = "cosine" if n_iter_no_change == np.inf else "constant"
    for n_samples in (50, 5000):
        assert decided(model, n_samples)["learning_rate"] == expected
    assert decided(model, is_part=True)["learning_rate"] == "constant"


@every_estimator
@pytest.mark.parametrize(
    ("asked", "n_iter_no_change"),
    [
        ({"mixup": 0}, 10),
        ({"mixup": 0.0}, 10),
        ({"mixup": 0.1}, np.inf),
        ({"mixup": 0.1, "early_stopping": True}, 10),
        ({"mixup": 0.1, "n_iter_no_change": 5}, 5),
        ({"mixup": 0, "n_iter_no_change": np.inf}, np.inf),
        ({"input_dropout": 0.7}, np.inf),
        ({"input_dropout": 0}, np.inf),
    ],
    ids=str,
)
def test_patience_is_without_limit_where_samples_are_mixed(estimator, asked, n_iter_no_change):
    values = decided(auto(estimator, **asked))
    assert values["n_iter_no_change"] == n_iter_no_change
    for name in set(asked) & {"mixup", "input_dropout"}:
        assert values[name] == asked[name]


@pytest.mark.parametrize("target", ["multiclass", "binary", "multilabel", "regression"])
@pytest.mark.parametrize("n_samples", [9, 48])
def test_mixed_samples_are_trained_on_to_the_end_without_a_warning(target, n_samples):
    """However little improves; wide data are mixed by themselves."""
    estimator, y = TARGETS[target]
    mixup = "auto" if n_samples < X.shape[1] else 0.4
    model = estimator(
        10, epsilon=3, mixup=mixup, tol=1e9, max_iter=25, n_snapshots="auto", random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X[:n_samples], y[:n_samples])
    assert model.n_iter_ == 25
    assert len(model._snapshots) == (9 if n_samples < X.shape[1] else 0)


def test_without_mixing_the_warning_stays():
    model = SETClassifier(10, epsilon=3, mixup=0, tol=0.0, max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        model.fit(X[:9], Y[:9])


@every_estimator
def test_deciding_leaves_the_parameters_alone(estimator):
    model = auto(estimator)
    before = model.get_params()
    decided(model)
    assert model.get_params() == before


@every_estimator
@pytest.mark.parametrize(
    ("n_samples", "n_features", "others", "expected"),
    [
        (150, 2000, {}, 60),
        (150, 2000, {"early_stopping": True}, 0),
        (150, 2000, {"feature_search": False}, 0),
        (149, 2000, {}, 0),
        (400, 41, {}, 60),
        (400, 40, {}, 0),
        (400, 41, {"max_iter": 50}, 30),
        (400, 41, {"max_iter": 49}, 0),
        (400, 41, {"feature_search": False}, 0),
        (400, 40, {"feature_search": True}, 60),
        (20, 40, {"feature_search": True, "max_iter": 10}, 6),
        (400, 41, {"early_stopping": True}, 0),
        (400, 41, {"zeta": 0}, 0),
        (400, 40, {"feature_search": np.True_}, 60),
        (400, 41, {"feature_search": np.False_}, 0),
        (400, 41, {"epsilon": 20_000}, 60),
        (400, 41, {"epsilon": 21_000, "hidden_layer_sizes": 25_000}, 0),
    ],
)
def test_features_are_searched_where_there_are_many_and_samples_to_judge(
    estimator, n_samples, n_features, others, expected
):
    model = estimator(**{"hidden_layer_sizes": 20} | others)
    sizes = (n_features, model.hidden_layer_sizes, 1)
    settings = all_decided(model, n_samples, sizes)
    assert settings.n_search_epochs == expected
    if expected:
        assert settings.n_iter_no_change == np.inf
        assert settings.learning_rate == "cosine"
    # where no search finds the features that matter, their relevance is estimated
    assert settings.feature_relevance == (n_features > n_samples and not expected)
    for going_on in ({"is_part": True}, {"goes_on": True}):
        asked = estimator(feature_relevance=True)
        assert not all_decided(asked, n_samples, sizes, **going_on).feature_relevance
    assert all_decided(model, n_samples, sizes, is_part=True).n_search_epochs == 0
    assert all_decided(model, n_samples, sizes, goes_on=True).n_search_epochs == 0
