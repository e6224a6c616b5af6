"""Known features are found, for every kind of target and of X; scores and ranks are right."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from selecting import GENES, N_INFORMATIVE, QUICK, REAL, X, Y, n_found, selector
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import DataConversionWarning

from sklearn_set import SETClassifier, SETRegressor

LABELS = (X[:, GENES] > 0).astype(int)

# ------------------------------------------------------------------------- what is selected


@pytest.mark.parametrize(
    "y",
    [Y, np.array(["no", "yes"])[Y], pytest.param(Y == 1, marks=pytest.mark.slow)],
    ids=["int", "str", "bool"],
)
def test_informative_features_of_classes_are_found(y):
    fitted = selector().fit(X, y)
    assert n_found(fitted) == N_INFORMATIVE
    assert all(isinstance(each, SETClassifier) for each in fitted.estimators_)


@pytest.mark.parametrize("made", [SETClassifier, SETRegressor])
def test_networks_rank_all_features_where_they_would_search_for_a_few(made):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(150, 100))
    targets = data[:, 0] if made is SETRegressor else (data[:, 0] > 0).astype(int)
    fitted = selector(max_iter=50, n_networks=1, n_features_to_select=20).fit(data, targets)
    assert made(max_iter=50).fit(data, targets).search_curve_ is not None
    assert fitted.estimators_[0].search_curve_ is None
    assert (fitted.scores_ > 0).all()


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
