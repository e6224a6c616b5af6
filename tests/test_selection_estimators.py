"""Selectors of the user's own estimators, scikit-learn's checks and its own selectors."""

import pickle

import numpy as np
import pytest
from selecting import N_INFORMATIVE, QUICK, REAL, STUDY, X, Y, n_found, selector
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.feature_selection import SETSelector

# -------------------------------------------------------------------------------- common checks


AT_RANDOM = "noise and mixing are drawn for every sample: weight two is not the sample given twice"
NOT_AT_RANDOM = {"n_networks": 2, "noise_factor": 0}
FULL_BATCHES = SETClassifier(10, mixup=0, input_dropout=0, max_iter=10, batch_size=200)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Skipping check:sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger:UserWarning")
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        SETSelector(n_features_to_select=0.7, n_networks=2, n_jobs=2, max_iter=10),
        SETSelector(**QUICK),
        SETSelector(FULL_BATCHES, **NOT_AT_RANDOM),
        SETSelector(FULL_BATCHES, n_features_to_select="auto", **NOT_AT_RANDOM),
        SETSelector(SETRegressor(10, max_iter=3), unsupervised=True, **NOT_AT_RANDOM),
    ]
)
def test_common_check(estimator, check):
    if estimator.noise_factor > 0 and "sample_weight_equivalence" in check.func.__name__:
        pytest.skip(AT_RANDOM)
    check(estimator)


# --------------------------------------------------------------------------- own estimators


def test_an_own_estimator_is_cloned_and_seeded():
    network = SETClassifier(30, epsilon=5, mixup=0, max_iter=40, n_iter_no_change=np.inf)
    fitted = selector(estimator=network, n_networks=3).fit(X, Y)
    assert n_found(fitted) >= 4
    assert not hasattr(network, "coefs_")
    assert network.random_state is None
    assert {each.epsilon for each in fitted.estimators_} == {5}
    assert len({each.random_state for each in fitted.estimators_}) == 3


def test_any_model_with_importances_will_do():
    trees = ExtraTreesClassifier(50, max_depth=3)
    assert n_found(selector(estimator=trees, n_features_to_select=10).fit(X, Y)) >= 4


def test_seeds_reach_nested_estimators():
    class Wrapped(BaseEstimator):
        def __init__(self, inner=None):
            self.inner = inner

        def fit(self, X, y):
            self.feature_importances_ = clone(self.inner).fit(X, y).feature_importances_
            return self

    trees = ExtraTreesClassifier(5)
    first, second = (
        selector(estimator=Wrapped(trees), random_state=3).fit(X, Y).scores_ for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_features_to_select": 0}, "'n_features_to_select' parameter of SETSelector must be an"),
        ({"n_features_to_select": 1.5}, "'n_features_to_select' .* Got 1.5"),
        ({"n_networks": 0}, "'n_networks' parameter"),
        ({"noise_factor": -1}, "'noise_factor' parameter"),
        ({"epsilon": 0}, "'epsilon' parameter"),
        ({"zeta": "much"}, "'zeta' parameter"),
        ({"max_iter": 0}, "'max_iter' parameter"),
        ({"unsupervised": "no"}, "'unsupervised' parameter"),
        ({"n_jobs": 0}, "'n_jobs' parameter"),
        ({"random_state": "a"}, "'random_state' parameter"),
        ({"estimator": SETClassifier}, "must be an estimator with a 'fit' method or None"),
        ({"estimator": SETClassifier(), "epsilon": 5}, "Set it in SETClassifier, and leave"),
        ({"estimator": SETClassifier(), "max_iter": 5}, "leave it at 'auto'"),
        ({"estimator": Ridge(), "unsupervised": True}, "must have 'partial_fit' and 'max_iter'"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    fitted = selector(max_iter=1).fit(X, Y)
    fitted.set_params(max_iter="auto")
    fitted.set_params(**parameters)
    support = fitted.support_
    before = dict(vars(fitted))
    with pytest.raises((ValueError, TypeError), match=message):
        fitted.fit(X, Y)
    assert vars(fitted) == before
    assert fitted.support_ is support


@pytest.mark.parametrize(
    ("X_bad", "y_bad", "weight", "message"),
    [
        (X, None, None, "requires y to be passed, but the target y is None"),
        (X[:, :0], Y, None, "0 feature"),
        (X[:9], Y, None, "inconsistent numbers of samples"),
        (np.where(X > 2, np.nan, X), Y, None, "NaN"),
        (X[:, :9], Y, np.zeros(80), "Sample weights must contain at least one non-zero number"),
        (X[:, :9], REAL, np.zeros(80), "Sample weights must contain at least one non-zero number"),
        (X[:, :9], Y, -np.ones(80), "Negative values in data passed to `sample_weight`"),
        (X[:, :9], Y, np.ones(3), "sample_weight.shape"),
    ],
)
def test_a_failed_fit_leaves_the_selector_as_it_was(X_bad, y_bad, weight, message):
    fitted = selector(max_iter=1).fit(X, Y)
    before = dict(vars(fitted))
    with pytest.raises(ValueError, match=message):
        fitted.fit(X_bad, y_bad, weight)
    assert vars(fitted) == before
    never = selector(max_iter=1)
    with pytest.raises(ValueError, match=message):
        never.fit(X_bad, y_bad, weight)
    with pytest.raises(NotFittedError):
        never.get_support()
    assert not hasattr(never, "n_features_in_")


def test_estimators_without_what_is_asked_for():
    with pytest.raises(ValueError, match="LogisticRegression has no feature_importances_"):
        selector(estimator=LogisticRegression()).fit(X, Y)

    class NoWeights(BaseEstimator):
        def fit(self, X, y):
            self.feature_importances_ = np.ones(3)
            return self

    with pytest.raises(ValueError, match="NoWeights doesn't support sample weights"):
        selector(estimator=NoWeights()).fit(X, Y, np.ones(80))
    with pytest.raises(ValueError, match="one number, not negative, for each of 100 features"):
        selector(estimator=NoWeights()).fit(X, Y)


# --------------------------------------------------------------------------- good neighbours


def test_tags():
    assert get_tags(SETSelector()).target_tags.required
    assert not get_tags(SETSelector(unsupervised=True)).target_tags.required
    assert get_tags(SETSelector()).input_tags.sparse
    assert not get_tags(SETSelector(BaseEstimator())).input_tags.sparse


def test_pickle_and_repr():
    fitted = selector(max_iter=2).fit(X, Y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))
    assert "SETSelector" in fitted._repr_html_()


@pytest.mark.slow
def test_it_belongs_into_a_pipeline_and_a_search():
    select = selector(n_networks=1, max_iter=15)
    model = make_pipeline(StandardScaler(), select, LogisticRegression())
    search = GridSearchCV(model, {"setselector__n_features_to_select": [1, 5]}, cv=2)
    search.fit(STUDY.data, Y)
    assert search.best_params_["setselector__n_features_to_select"] == 5
    assert search.best_score_ > 0.85


# ----------------------------------------------------- scikit-learn's own meta-estimators


NETWORK = SETClassifier(
    50, mixup=0, input_dropout=0, n_iter_no_change=np.inf, max_iter=50, random_state=0
)


@pytest.mark.slow
def test_select_from_model_keeps_the_strongest():
    select = SelectFromModel(NETWORK, max_features=N_INFORMATIVE, threshold=-np.inf).fit(X, Y)
    importances = select.estimator_.feature_importances_
    assert n_found(select) == N_INFORMATIVE
    assert importances[select.get_support()].min() >= importances[~select.get_support()].max()


def test_select_from_model_keeps_what_is_above_the_mean():
    select = SelectFromModel(NETWORK).fit(X, Y)
    assert select.threshold_ == pytest.approx(1 / 100)
    assert n_found(select) == N_INFORMATIVE
    assert 5 <= select.get_support().sum() < 60


def test_select_from_model_keeps_connected_features():
    sparsest = clone(NETWORK).set_params(epsilon=0.4, n_snapshots=1, max_iter=10)
    select = SelectFromModel(sparsest, threshold=1e-12).fit(X, Y)
    connected = np.diff(select.estimator_.coefs_[0].indptr) > 0
    assert 0 < connected.sum() < 100
    assert not (select.get_support() & ~connected).any()


@pytest.mark.slow
def test_recursive_elimination_finds_the_informative_features():
    rfe = RFE(NETWORK, n_features_to_select=N_INFORMATIVE, step=0.25).fit(X, Y)
    assert n_found(rfe) == N_INFORMATIVE
    assert rfe.ranking_.max() == 5  # 75, 50, 25 and 5 of the 100 are left
    assert rfe.score(X, Y) > 0.95


@pytest.mark.slow
def test_recursive_elimination_with_a_regressor():
    network = SETRegressor(50, n_iter_no_change=np.inf, max_iter=50, random_state=0)
    rfe = RFE(network, n_features_to_select=N_INFORMATIVE, step=0.25)
    assert n_found(rfe.fit(X, (REAL - 5) / REAL.std())) == N_INFORMATIVE


@pytest.mark.parametrize("unsupervised", [False, True])
def test_ctrl_c_ends_the_whole_selection(unsupervised, monkeypatch):
    from sklearn_set import training

    calls = []

    def interrupted(*arguments):
        calls.append(1)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "run_epoch", interrupted)
    selector = SETSelector(unsupervised=unsupervised, max_iter=3, random_state=0)
    X = np.random.default_rng(0).normal(size=(20, 6))
    with pytest.raises(KeyboardInterrupt):
        selector.fit(X, np.arange(20) % 2)
    assert len(calls) == 1
    assert not hasattr(selector, "support_")


def test_parameters_stay_what_they_were():
    n_networks, max_iter = np.int8(2), np.int16(3)
    fitted = SETSelector(n_networks=n_networks, max_iter=max_iter, random_state=0).fit(X, Y)
    assert fitted.get_params()["n_networks"] is n_networks
    assert fitted.get_params()["max_iter"] is max_iter
