"""StabilitySelector among others: scikit-learn's checks, refusals, pipelines, searches, Ctrl-C."""

import pickle
import re

import numpy as np
import pytest
from selecting import GENES, STUDY, X, Y
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_set import SETClassifier
from sklearn_set.feature_selection import SETSelector, StabilitySelector

QUICK = {"n_pairs": 2, "threshold": 0.75, "random_state": 0}


def stable(estimator=None, **parameters):
    estimator = LogisticRegression() if estimator is None else estimator
    return StabilitySelector(estimator, **{"n_pairs": 5, "random_state": 0} | parameters)


# -------------------------------------------------------------------------------- common checks

HALVED = "a sample given twice is in both halves, or twice in one; a sample of weight two in one"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Skipping check:sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:No features were selected:UserWarning")
@parametrize_with_checks(
    [
        StabilitySelector(LogisticRegression(), n_features_per_half=0.9, n_jobs=2, **QUICK),
        StabilitySelector(SETClassifier(5, max_iter=5), **QUICK),
        StabilitySelector(SETSelector(n_networks=1, max_iter=3), **QUICK),
    ]
)
def test_common_check(estimator, check):
    if "sample_weight_equivalence" in check.func.__name__:
        pytest.skip(HALVED)
    check(estimator)


def test_the_default_networks_pass_common_data():
    fitted = StabilitySelector(**QUICK).fit(X[:, :5], Y)
    assert fitted.selection_frequencies_.sum() == pytest.approx(2)


# -------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"estimator": 3}, "must be an estimator with a 'fit' method or None. Got 3 instead."),
        (
            {"n_features_per_half": 0},
            "'n_features_per_half' parameter of StabilitySelector must be",
        ),
        ({"n_features_per_half": 1.5}, "Got 1.5 instead"),
        ({"n_features_per_half": 101}, "n_features_per_half=101 must be at most n_features=100"),
        ({"threshold": 0.5}, "a float in the range (0.5, 1.0] or a str among {'auto'}. Got 0.5"),
        ({"max_false_selections": 0}, "'max_false_selections' parameter"),
        ({"assumption": None}, "a str among {'none', 'unimodal', 'r-concave'}. Got None"),
        ({"n_pairs": 0}, "'n_pairs' parameter"),
        ({"random_state": "a"}, "'random_state' parameter"),
        ({"n_jobs": 0}, "'n_jobs' parameter"),
        (
            {"estimator": SelectKBest(), "n_features_per_half": 3},
            "SelectKBest decides itself how many features it selects: set it there",
        ),
        (
            {"n_features_per_half": 60, "assumption": "none"},
            "No threshold keeps to max_false_selections=1.0: with 60 of 100 features per half and "
            "n_pairs=5 the bound is 36 even for a threshold of 1. Lower n_features_per_half, or",
        ),
        ({"estimator": KNeighborsClassifier()}, "has neither feature_importances_ nor coef_"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    fitted = stable().fit(X, Y)
    fitted.set_params(**parameters)
    before = dict(vars(fitted))
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        fitted.fit(X, Y)
    assert vars(fitted) == before


def test_what_cannot_be_kept_is_refused_before_any_fit():
    class Never(BaseEstimator):
        def fit(self, X, y):
            raise AssertionError

    with pytest.raises(ValueError, match="No threshold keeps to max_false_selections"):
        stable(Never(), n_features_per_half=90).fit(X, Y)


@pytest.mark.parametrize(
    ("X_bad", "y_bad", "arguments", "message"),
    [
        (X, None, {}, "requires y to be passed, but the target y is None"),
        (X[:, :0], Y, {}, "0 feature"),
        (X[:3], Y[:3], {}, "minimum of 4 is required"),
        (X[:9], Y, {}, "inconsistent numbers of samples"),
        (np.where(X > 2, np.nan, X), Y, {}, "NaN"),
        (X, np.arange(80), {}, "The least populated classes in y have only 1 member"),
        (X, Y, {"sample_weight": np.zeros(80)}, "Sample weights must contain at least one non-z"),
        (X, Y, {"sample_weight": -np.ones(80)}, "Negative values in data passed"),
        (
            X,
            Y,
            {"sample_weight": np.arange(80) < 3},
            "Halves need at least 4 samples with a weight above zero, but got 3",
        ),
        (X, Y, {"groups": np.zeros(80)}, "Halves need at least 2 groups, but got 1"),
        (X, Y, {"groups": np.zeros(7)}, "inconsistent numbers of samples: X has 80, groups has 7"),
        (X, Y, {"groups": np.full(80, np.nan)}, "Input groups contains NaN"),
        (X, Y, {"groups": Y}, "The least populated classes in y have only 1 group"),
    ],
)
def test_a_failed_fit_leaves_the_selector_as_it_was(X_bad, y_bad, arguments, message):
    fitted = stable().fit(X, Y)
    before = dict(vars(fitted))
    with pytest.raises(ValueError, match=message):
        fitted.fit(X_bad, y_bad, **arguments)
    assert vars(fitted) == before
    never = stable()
    with pytest.raises(ValueError, match=message):
        never.fit(X_bad, y_bad, **arguments)
    with pytest.raises(NotFittedError):
        never.get_support()
    assert not hasattr(never, "n_features_in_")


def test_estimators_that_do_not_take_weights():
    class NoWeights(BaseEstimator):
        def fit(self, X, y):
            return self

    with pytest.raises(ValueError, match="NoWeights doesn't support sample weights"):
        stable(NoWeights()).fit(X, Y, np.ones(80))


def test_strengths_of_another_shape_are_refused():
    class Short(GaussianNB):
        @property
        def coef_(self):
            return self.theta_[:, 1:]

    with pytest.raises(ValueError, match="must be finite, one number for each of 100 features"):
        stable(Short()).fit(X, Y)


# -------------------------------------------------------------------------------- good neighbours


def test_tags():
    assert get_tags(StabilitySelector()).target_tags.required
    assert get_tags(StabilitySelector()).input_tags.sparse
    assert not get_tags(StabilitySelector(VarianceThreshold())).target_tags.required
    assert not get_tags(StabilitySelector(BaseEstimator())).input_tags.sparse


def test_pickle_clone_and_repr():
    fitted = stable().fit(X, Y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))
    assert not hasattr(clone(fitted), "support_")
    assert "StabilitySelector" in fitted._repr_html_()
    assert len(pickle.dumps(fitted)) < 5000  # a hundred networks are not kept


def test_parameters_stay_what_they_were():
    n_pairs, limit = np.int8(2), np.float32(2)
    fitted = stable(n_pairs=n_pairs, max_false_selections=limit).fit(X, Y)
    assert fitted.n_pairs is n_pairs
    assert fitted.max_false_selections is limit


def test_it_belongs_into_a_pipeline_and_a_search():
    model = make_pipeline(StandardScaler(), stable(), LogisticRegression())
    grid = {"stabilityselector__n_features_per_half": [2, 8]}
    search = GridSearchCV(model, grid, cv=2).fit(STUDY.data, Y)
    assert search.best_score_ > 0.8
    assert search.best_estimator_[1].support_[GENES].any()


def test_weights_and_groups_are_routed():
    class Noted(SETClassifier):
        def fit(self, X, y, sample_weight=None):
            weights.append(sample_weight)
            return super().fit(X, y, sample_weight)

    weights = []
    network = Noted(3, max_iter=1, n_iter_no_change=np.inf)
    weight, groups = np.linspace(1, 2, 80), np.repeat(np.arange(20), 4)
    selector = stable(network, n_pairs=1, threshold=0.75)
    with config_context(enable_metadata_routing=True):
        selector.set_fit_request(sample_weight=True, groups=True)
        model = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), selector)
        model.fit(X, Y, sample_weight=weight, groups=groups)
    assert {len(each) for each in weights} == {40}
    assert {*weights[0], *weights[1]} == {*weight}
    assert all(len(set(each.tolist()) & set(weight[:4])) in (0, 4) for each in weights)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_ctrl_c_ends_the_whole_selection(n_jobs):
    class Interrupted(LogisticRegression):
        def fit(self, X, y):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return super().fit(X, y)

    calls = [1, 2, 3, 4]
    selector = stable(Interrupted(), n_pairs=20, n_jobs=n_jobs).fit(X, Y)
    before = dict(vars(selector))
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        selector.fit(X, Y)
    assert len(calls) < 40
    assert vars(selector) == before
