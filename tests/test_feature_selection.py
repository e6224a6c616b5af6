"""Features are selected by strength: the right ones, for every kind of target and of X."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_set import SETClassifier, SETRegressor, feature_selection
from sklearn_set.datasets import make_microarray
from sklearn_set.feature_selection import SETSelector
from sklearn_set.settings import decided

N_INFORMATIVE = 5
STUDY = make_microarray(
    n_samples=80,
    n_features=100,
    class_sep=2,
    n_informative=N_INFORMATIVE,
    module_correlation=0,
    random_state=0,
    return_X_y=False,
)
X = StandardScaler().fit_transform(STUDY.data)
Y = STUDY.target
GENES = STUDY.informative
REAL = X[:, GENES].sum(axis=1) + 5
LABELS = (X[:, GENES] > 0).astype(int)

# Reconstruction of few features, quickly.
QUICK = {"unsupervised": True, "max_iter": 3, "n_networks": 2}


def selector(**parameters):
    defaults = {"n_features_to_select": N_INFORMATIVE, "n_networks": 2, "random_state": 0}
    if "estimator" not in parameters:
        defaults["max_iter"] = 25
    return SETSelector(**defaults | parameters)


def n_found(fitted):
    return np.isin(GENES, fitted.get_support(indices=True)).sum()


# -------------------------------------------------------------------------------- common checks

AT_RANDOM = "noise and mixing are drawn for every sample: weight two is not the sample given twice"
NOT_AT_RANDOM = {"n_networks": 2, "noise_factor": 0}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Skipping check:sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        SETSelector(n_features_to_select=0.7, n_networks=2, n_jobs=2, max_iter=10),
        SETSelector(**QUICK),
        SETSelector(SETClassifier(10, mixup=0, input_dropout=0, max_iter=10), **NOT_AT_RANDOM),
        SETSelector(SETRegressor(10, max_iter=3), unsupervised=True, **NOT_AT_RANDOM),
    ]
)
def test_common_check(estimator, check):
    if estimator.noise_factor > 0 and "sample_weight_equivalence" in check.func.__name__:
        pytest.skip(AT_RANDOM)
    check(estimator)


# ------------------------------------------------------------------------- what is selected


@pytest.mark.parametrize("y", [Y, np.array(["no", "yes"])[Y], Y == 1], ids=["int", "str", "bool"])
def test_informative_features_of_classes_are_found(y):
    fitted = selector().fit(X, y)
    assert n_found(fitted) == N_INFORMATIVE
    assert all(isinstance(each, SETClassifier) for each in fitted.estimators_)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1, 1e-3, 1e4])
@pytest.mark.parametrize("targets", [REAL, np.column_stack([REAL, -REAL])], ids=["one", "two"])
def test_informative_features_of_real_targets_are_found(targets, scale):
    fitted = selector().fit(X, targets * scale)
    assert n_found(fitted) == N_INFORMATIVE
    assert all(isinstance(each, SETRegressor) for each in fitted.estimators_)


@pytest.mark.slow
def test_a_column_of_targets_is_one_target():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        fitted = selector().fit(X, REAL[:, np.newaxis])
    np.testing.assert_array_equal(fitted.scores_, selector().fit(X, REAL).scores_)


def test_informative_features_of_several_labels_are_found():
    fitted = selector().fit(X, LABELS)
    assert n_found(fitted) == N_INFORMATIVE
    assert all(isinstance(each, SETClassifier) for each in fitted.estimators_)


def test_several_targets_of_whole_numbers_need_an_estimator():
    counts = np.column_stack([np.arange(80) % 7, Y])
    with pytest.raises(ValueError, match=r"Give an estimator, such as SETRegressor\(\)"):
        selector().fit(X, counts)
    network = SETRegressor(20, max_iter=2, n_iter_no_change=np.inf)
    assert selector(estimator=network).fit(X, counts).n_features_ == N_INFORMATIVE


def test_an_autoencoder_prefers_features_with_something_to_reconstruct():
    # Half of the features repeat three signals, the others hardly vary, like pixels of a border.
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((100, 3))
    together = signals[:, np.arange(20) % 3] + 0.1 * rng.standard_normal((100, 20))
    data = np.hstack([together, 0.01 * rng.standard_normal((100, 20))])
    how = {"n_features_to_select": 20, "unsupervised": True}
    fitted = selector(max_iter=60, **how).fit(data)
    assert (fitted.get_support(indices=True) < 20).sum() >= 18
    # Strengths that were drawn, as in the paper, still outweigh those that were learned.
    as_drawn = clone(fitted.estimators_[0])
    as_drawn.set_params(weight_init="normal", newborn_weights="initial")
    fitted = selector(estimator=as_drawn, n_networks=1, **how).fit(data)
    assert (fitted.get_support(indices=True) < 20).sum() <= 13  # chance gives ten


def test_no_feature_is_hidden_by_a_topology_without_its_connections():
    # 110 connections in a fixed network: about a third of the 100 features have none.
    sparsest = SETClassifier(
        10, epsilon=1, zeta=0, mixup=0, input_dropout=0, n_iter_no_change=np.inf, max_iter=50
    )
    one = selector(estimator=sparsest, n_networks=1).fit(X, Y)
    assert (one.scores_ == 0).sum() > 20
    assert (one.scores_[GENES] == 0).any()
    many = selector(estimator=sparsest, n_networks=15).fit(X, Y)
    assert (many.scores_ > 0).all()
    assert n_found(many) > n_found(one)


# ------------------------------------------------------------------------- scores and ranks


def test_scores_are_mean_shares_of_the_strengths():
    fitted = selector(n_networks=3).fit(X, Y)
    expected = np.mean([each.feature_importances_ for each in fitted.estimators_], axis=0)
    np.testing.assert_allclose(fitted.scores_, expected, rtol=1e-12)
    assert fitted.scores_.sum() == pytest.approx(1)
    assert len({tuple(each.coefs_[0].indices) for each in fitted.estimators_}) == 3


def test_ranking_orders_the_scores():
    fitted = selector().fit(X, Y)
    assert sorted(fitted.ranking_) == list(range(1, 101))
    in_order = fitted.scores_[np.argsort(fitted.ranking_)]
    assert (np.diff(in_order) <= 0).all()
    np.testing.assert_array_equal(fitted.support_, fitted.ranking_ <= fitted.n_features_)
    np.testing.assert_array_equal(fitted.get_support(), fitted.support_)


def test_equal_scores_are_ranked_in_the_order_of_the_features():
    class Equal(BaseEstimator):
        def fit(self, X, y):
            self.feature_importances_ = np.zeros(X.shape[1])
            return self

    fitted = selector(estimator=Equal()).fit(X, Y)
    np.testing.assert_array_equal(fitted.ranking_, np.arange(1, 101))
    np.testing.assert_array_equal(fitted.scores_, 0)


@pytest.mark.parametrize(
    ("wanted", "n_features", "expected"),
    [
        (None, 100, 50),
        (None, 99, 49),
        (None, 1, 1),
        (3, 100, 3),
        (np.int64(3), 100, 3),
        (1, 100, 1),
        (0.1, 100, 10),
        (0.001, 100, 1),
        (1.0, 100, 100),
    ],
)
def test_number_of_selected_features(wanted, n_features, expected):
    fitted = selector(n_features_to_select=wanted, n_networks=1, max_iter=1)
    fitted.fit(X[:, :n_features], Y)
    assert fitted.n_features_ == fitted.support_.sum() == expected
    assert fitted.transform(X[:, :n_features]).shape == (80, expected)


def test_more_features_than_there_are():
    message = "Found n_features_to_select=9 > n_features=4. There will be no feature selection"
    with pytest.warns(UserWarning, match=message):
        fitted = selector(n_features_to_select=9, max_iter=1).fit(X[:, :4], Y)
    assert fitted.support_.all()


# ----------------------------------------------------------------------------- ways to give X


@pytest.mark.parametrize("unsupervised", [False, True])
@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
def test_sparse_X_gives_the_same_scores(container, unsupervised):
    thinned = np.where(np.abs(X) > 1, X, 0)
    make = selector(**QUICK) if unsupervised else selector(max_iter=5)
    dense, fitted = clone(make).fit(thinned, Y), clone(make).fit(container(thinned), Y)
    np.testing.assert_array_equal(fitted.scores_, dense.scores_)
    reduced = fitted.transform(container(thinned))
    assert sparse.issparse(reduced)
    np.testing.assert_array_equal(reduced.toarray(), dense.transform(thinned))


def test_names_and_frames():
    names = np.array([f"gene_{i}" for i in range(100)])
    frame = pd.DataFrame(X, columns=names)
    fitted = selector(max_iter=30).fit(frame, Y).set_output(transform="pandas")
    kept = names[fitted.get_support()]
    np.testing.assert_array_equal(fitted.get_feature_names_out(), kept)
    np.testing.assert_array_equal(fitted.feature_names_in_, names)
    pd.testing.assert_frame_equal(fitted.transform(frame), frame[kept])


def test_inverse_transform_puts_zeros_where_features_were_left_out():
    fitted = selector(max_iter=5).fit(X, Y)
    back = fitted.inverse_transform(fitted.transform(X))
    np.testing.assert_array_equal(back, np.where(fitted.support_, X, 0))


@pytest.mark.parametrize("unsupervised", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_networks_have_the_number_type_of_X(dtype, unsupervised):
    how = QUICK if unsupervised else {"max_iter": 2}
    fitted = selector(**how).fit(X.astype(dtype), Y)
    assert {each.coefs_[0].dtype for each in fitted.estimators_} == {np.dtype(dtype)}
    assert fitted.transform(X.astype(dtype)).dtype == dtype


def test_one_feature():
    for how in (QUICK, {"max_iter": 2}):
        fitted = selector(n_features_to_select=None, **QUICK | how).fit(X[:, :1], Y)
        assert fitted.support_.tolist() == [True]


# ------------------------------------------------------------------------ weights and randomness


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
            is_part=False,
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

    class Noted(feature_selection.Parallel):
        def __init__(self, n_jobs, **options):
            asked.append(n_jobs)
            super().__init__(n_jobs, **options)

    monkeypatch.setattr(feature_selection, "Parallel", Noted)
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
        ({"estimator": SETClassifier(), "epsilon": 5}, "Set it in the given estimator, SETClass"),
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
