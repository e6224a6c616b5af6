"""The number of features chosen by cross-validation: inside each fold, without a leak."""

import re

import numpy as np
import pytest
from scipy import sparse
from selecting import GENES, N_INFORMATIVE, REAL, X, Y, selector
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.feature_selection import SETSelector
from sklearn_set.feature_selection._n_features import _choice, _numbers, splitter
from sklearn_set.ranking import ranks, seeded, shares

SMALL = SETClassifier(
    5,
    max_iter=20,
    mixup=0,
    input_dropout=0,
    n_snapshots=1,
    feature_search=False,
    feature_relevance=False,
    learning_rate_init=0.01,
    n_iter_no_change=np.inf,
)


def auto(estimator=SMALL, **parameters):
    return selector(estimator=estimator, **{"n_features_to_select": "auto"} | parameters)


# --------------------------------------------------------------------------- what is chosen


def test_the_number_is_about_that_of_the_informative_features():
    fitted = auto().fit(X, Y)
    assert 1 < fitted.n_features_ <= 16
    assert fitted.support_.sum() == fitted.n_features_
    assert np.isin(np.flatnonzero(fitted.ranking_ <= N_INFORMATIVE), GENES).sum() >= 4
    assert fitted.cv_results_["mean_test_score"].max() > 0.85


def test_networks_made_here_are_judged_as_they_are_trained():
    fitted = SETSelector(
        n_features_to_select="best", n_networks=1, max_iter=15, cv=2, random_state=0
    ).fit(X, Y)
    assert fitted.cv_results_["mean_test_score"].max() > 0.85
    real = SETSelector(
        n_features_to_select="best", n_networks=1, max_iter=15, cv=2, random_state=0
    ).fit(X, REAL)
    assert real.cv_results_["mean_test_score"].max() > 0.4  # R squared
    assert isinstance(real.estimators_[0], SETRegressor)


@pytest.mark.parametrize("rule", ["auto", "best"])
def test_results_are_those_of_a_slow_reference(rule):
    folds = StratifiedKFold(4, shuffle=True, random_state=0)
    fitted = auto(n_features_to_select=rule, cv=folds, n_networks=2).fit(X, Y)
    seeds = np.random.RandomState(0).randint(np.iinfo(np.int32).max, size=2).tolist()
    numbers = [1, 2, 4, 8, 16, 32, 64, 100]
    expected = np.zeros((4, 8))
    for fold, (train, test) in enumerate(folds.split(X, Y)):
        networks = [seeded(SMALL, seed).fit(X[train], Y[train]) for seed in seeds]
        strongest = np.argsort(-sum(shares(each, 100) for each in networks), kind="stable")
        for place, number in enumerate(numbers):
            features = np.sort(strongest[:number])
            judge = seeded(SMALL, seeds[0]).fit(X[train][:, features], Y[train])
            expected[fold, place] = judge.score(X[test][:, features], Y[test])
    results = fitted.cv_results_
    assert results["n_features"].tolist() == numbers
    for fold in range(4):
        np.testing.assert_array_equal(results[f"split{fold}_test_score"], expected[fold])
    np.testing.assert_allclose(results["mean_test_score"], expected.mean(axis=0))
    np.testing.assert_allclose(results["std_test_score"], expected.std(axis=0))
    assert len(results) == 7
    assert fitted.n_features_ == numbers[_choice(rule, expected)]
    # All samples decide which features are selected.
    all_of_them = selector(estimator=SMALL, n_features_to_select=int(fitted.n_features_)).fit(X, Y)
    np.testing.assert_array_equal(fitted.support_, all_of_them.support_)
    assert all_of_them.cv_results_ is None


def test_rules():
    scores = np.array([[0.5, 0.81, 0.9, 0.9, 0.7], [0.5, 0.85, 0.8, 0.8, 0.7]])
    assert _choice("best", scores) == 2  # the first of equal ones
    assert _choice("auto", scores) == 1  # .83 against .85 with a standard error of .05
    assert _choice("auto", scores + [[0, -0.04, 0, 0, 0]]) == 2  # .79 is too little
    assert _choice("auto", scores[:1]) == 2  # one fold has no error


@pytest.mark.parametrize(
    ("n_features", "numbers"),
    [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (8, [1, 2, 4, 8]), (9, [1, 2, 4, 8, 9])],
)
def test_numbers_double(n_features, numbers):
    assert _numbers(n_features).tolist() == numbers


def test_no_test_sample_has_a_say_in_the_selection_that_it_judges():
    """Of thousands of features of noise, those that fit all samples classify any part of them."""
    rng = np.random.default_rng(0)
    noise, y = rng.normal(size=(60, 2000)), np.arange(60) % 2

    class Correlated(SETClassifier):
        def fit(self, X, y):
            super().fit(X, y)
            self.strength = np.abs((y - y.mean()) @ X)
            return self

        @property
        def feature_importances_(self):
            return self.strength

    network = Correlated(5, max_iter=20, mixup=0, input_dropout=0, n_iter_no_change=np.inf)
    fitted = auto(network, n_networks=1, n_features_to_select="best").fit(noise, y)
    assert fitted.cv_results_["mean_test_score"].max() < 0.7
    strongest = np.argsort(fitted.ranking_)[:32]
    leaking = cross_val_score(seeded(network, 0), noise[:, strongest], y)
    assert leaking.mean() > 0.85  # as selection outside of the folds would have it


# --------------------------------------------------------------------------- folds and scores


def test_groups_stay_together():
    seen = []

    class Spy(BaseEstimator):
        def fit(self, X, y, groups=None):
            seen.append((X[:, 0].astype(int), groups))
            self.feature_importances_ = np.ones(X.shape[1])
            return self

        def score(self, X, y):
            tested = X[:, 0].astype(int)
            assert not set(groups[tested]) & set(groups[seen[-1][0]])
            return 1.0

    groups = np.repeat([f"p{i}" for i in range(16)], 5)
    numbered = np.column_stack([np.arange(80.0), X])
    for cv in (None, 4, GroupKFold(3)):
        seen.clear()
        auto(Spy(), cv=cv, n_networks=1).fit(numbered, Y, groups=groups)
        assert len(seen) > 9
        for rows, given in seen:
            np.testing.assert_array_equal(given, groups[rows])


def test_groups_are_for_the_folds_if_the_estimator_does_not_take_them():
    class NoGroups(BaseEstimator):
        def fit(self, X, y):
            self.feature_importances_ = np.ones(X.shape[1])
            return self

        def score(self, X, y):
            tested.append(set(X[:, 0]))
            return 1.0

    tested, groups = [], np.repeat(np.arange(16), 5)
    numbered = np.column_stack([groups, X])
    auto(NoGroups(), cv=4).fit(numbered, Y, groups=groups)
    assert all(len(each) == 4 for each in tested)  # of sixteen patients
    with pytest.raises(ValueError, match="NoGroups doesn't support groups"):
        auto(NoGroups(), n_features_to_select=3).fit(numbered, Y, groups=groups)


def test_classes_are_in_proportion_in_the_folds():
    groups = np.repeat(np.arange(20), 4)
    assert isinstance(splitter(3, SMALL, Y, None), StratifiedKFold)
    assert type(splitter(3, SMALL, Y, groups)) is StratifiedGroupKFold
    assert splitter(3, SMALL, Y, groups).get_n_splits() == 3
    assert splitter(None, SMALL, Y, groups).get_n_splits() == 5
    assert type(splitter(3, SETRegressor(), REAL, groups)) is GroupKFold
    assert type(splitter(3, SETRegressor(), REAL, None)) is KFold


@pytest.mark.parametrize("scoring", ["roc_auc", make_scorer(roc_auc_score)])
def test_any_score_may_decide(scoring):
    accuracy = auto(cv=2).fit(X, Y).cv_results_["split0_test_score"]
    other = auto(cv=2, scoring=scoring).fit(X, Y).cv_results_["split0_test_score"]
    assert (other != accuracy).any()


def test_samples_of_weight_zero_neither_train_nor_judge():
    weight = np.tile([1.0, 2.0, 0.0, 1.0], 20)
    wild = np.where(weight > 0, Y, 1 - Y)
    folds = list(StratifiedKFold(3).split(X, Y))
    expected = auto(cv=folds).fit(X, Y, weight).cv_results_
    found = auto(cv=folds).fit(X, wild, weight).cv_results_
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
    unweighted = auto(cv=folds).fit(X, Y).cv_results_
    assert (unweighted["mean_test_score"] != expected["mean_test_score"]).any()


def test_one_seed_gives_one_number_for_any_number_of_jobs_and_format():
    first = auto(cv=2).fit(X, Y)
    for fitted in (auto(cv=2, n_jobs=2).fit(X, Y), auto(cv=2).fit(sparse.csr_array(X), Y)):
        assert fitted.n_features_ == first.n_features_
        np.testing.assert_array_equal(
            fitted.cv_results_["mean_test_score"], first.cv_results_["mean_test_score"]
        )


def test_it_belongs_into_a_pipeline():
    model = make_pipeline(StandardScaler(), auto(cv=3), LogisticRegression())
    assert cross_val_score(model, X, Y, cv=3).mean() > 0.8


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_features_to_select": "all"}, "a str among {'auto', 'best'} or None. Got 'all'"),
        ({"n_features_to_select": "auto", "unsupervised": True}, "unsupervised=True uses none"),
        ({"cv": 1}, "The 'cv' parameter of SETSelector must be an int in the range [2, inf), an o"),
        ({"cv": "five"}, "an iterable of splits or None. Got 'five' instead."),
        ({"scoring": 3}, "The 'scoring' parameter of SETSelector must be"),
        ({"n_features_to_select": "best", "scoring": "acuracy"}, "acuracy"),
        ({"n_features_to_select": "best", "cv": 81}, "n_splits=81"),
        (
            {"n_features_to_select": "best", "cv": 2, "scoring": lambda *_: np.nan},
            "`scoring` must return a finite number for every fold, but it returned nan.",
        ),
        (
            {"n_features_to_select": "best", "cv": 2, "scoring": lambda *_: 10**400},
            "`scoring` must return a finite number for every fold, but it returned 1000",
        ),
        (
            {"n_features_to_select": "best", "cv": [(range(40), [])]},
            "A fold of cv has no sample of a weight above zero in its training or its test part.",
        ),
        ({"n_features_to_select": "best", "cv": []}, "cv must yield at least one split"),
    ],
)
def test_what_cannot_be_chosen_is_refused(parameters, message):
    fitted = selector(estimator=SMALL).fit(X, Y)
    fitted.set_params(**parameters)
    before = dict(vars(fitted))
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        fitted.fit(X, Y)
    assert vars(fitted) == before


def test_an_estimator_without_a_score_needs_scoring():
    class NoScore(BaseEstimator):
        def fit(self, X, y):
            self.feature_importances_ = np.ones(X.shape[1])
            return self

    with pytest.raises(TypeError, match="'score' method"):
        auto(NoScore()).fit(X, Y)
    assert auto(NoScore(), scoring=lambda *_: 1).fit(X, Y).n_features_ == 1


def test_equal_strengths_keep_their_order():
    assert ranks(np.array([0.1, 0.3, 0.1, 0.3])).tolist() == [3, 1, 4, 2]
