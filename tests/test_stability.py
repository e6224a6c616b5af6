"""Selections by random halves: what is counted, what is selected, and how many of it are false."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from selecting import GENES, N_INFORMATIVE, REAL, X, Y, n_found
from sklearn.base import BaseEstimator, clone
from sklearn.feature_selection import SelectKBest, SelectorMixin, VarianceThreshold, f_regression
from sklearn.linear_model import Lasso, LogisticRegression

from sklearn_set import SETClassifier
from sklearn_set.feature_selection import (
    SETSelector,
    StabilitySelector,
    expected_false_selections,
)
from sklearn_set.feature_selection._halves import complementary_pair
from sklearn_set.ranking import seeded

SMALL = SETClassifier(
    4,
    epsilon=50,
    max_iter=10,
    n_iter_no_change=np.inf,
    mixup=0,
    input_dropout=0,
    n_snapshots=1,
    feature_search=False,
    learning_rate_init=0.01,
    n_jobs=1,
)


def stable(estimator=None, **parameters):
    defaults = {"n_pairs": 5, "random_state": 0}
    return StabilitySelector(
        LogisticRegression() if estimator is None else estimator, **defaults | parameters
    )


SEEN = []


class Noted(SelectorMixin, BaseEstimator):
    """Selects the first feature, and notes what it has seen."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None, groups=None):
        SEEN.append((np.array(X), y, sample_weight, groups, self.random_state))
        self.n_features_in_ = X.shape[1]
        return self

    def _get_support_mask(self):
        return np.arange(self.n_features_in_) == 0


@pytest.fixture
def seen():
    SEEN.clear()
    return SEEN


# --------------------------------------------------------------------------- what is selected


def test_frequencies_are_counted_over_both_halves_of_all_pairs():
    fitted = stable(SETSelector(n_features_to_select=7, n_networks=1, max_iter=3)).fit(X, Y)
    seeds = np.random.RandomState(0).randint(np.iinfo(np.int32).max, size=(5, 3)).tolist()
    counts = np.zeros(100)
    for of_pair, *of_halves in seeds:
        for half, seed in zip(complementary_pair(Y, None, of_pair), of_halves, strict=True):
            counts += seeded(fitted.estimator, seed).fit(X[half], Y[half]).support_
    np.testing.assert_allclose(fitted.selection_frequencies_, counts / 10)
    assert fitted.selection_frequencies_.sum() == pytest.approx(7)
    assert fitted.n_features_per_half_ == 7
    np.testing.assert_array_equal(
        fitted.support_, fitted.selection_frequencies_ >= fitted.threshold_ - 1e-9
    )


def test_networks_of_our_own_find_the_informative_features():
    fitted = StabilitySelector(n_pairs=5, random_state=0).fit(X, Y)
    assert n_found(fitted) >= 4
    assert fitted.n_features_ <= N_INFORMATIVE + 1
    assert fitted.n_features_per_half_ == 8  # the root of 0.8 times 100
    assert fitted.expected_false_selections_ <= 1


@pytest.mark.parametrize(
    "estimator",
    [LogisticRegression(), SMALL, SelectKBest(k=8)],
    ids=["coef_", "feature_importances_", "get_support"],
)
def test_any_estimator_that_ranks_or_selects_will_do(estimator):
    fitted = stable(estimator).fit(X, Y)
    assert n_found(fitted) >= 4
    assert fitted.n_features_per_half_ == 8
    assert not hasattr(estimator, "n_features_in_")


def test_several_outputs_add_up():
    fitted = stable().fit(X, np.digitize(X[:, GENES[0]] + X[:, GENES[1]], [-1, 1]))
    assert fitted.support_[GENES[:2]].all()


def test_features_of_strength_zero_are_not_selected():
    fitted = stable(Lasso(alpha=0.5), n_features_per_half=50, threshold=0.9).fit(X, REAL)
    assert fitted.n_features_per_half_ < 20
    # The bound is that of the selections as they were.
    assert fitted.expected_false_selections_ == expected_false_selections(
        fitted.n_features_per_half_, 100, fitted.threshold_, n_pairs=5
    )


@pytest.mark.parametrize(("wanted", "number"), [(3, 3), (np.int64(3), 3), (0.05, 5), (0.001, 1)])
def test_number_of_features_per_half(wanted, number):
    assert stable(n_features_per_half=wanted).fit(X, Y).n_features_per_half_ == number


@pytest.mark.parametrize(
    ("limit", "number"), [(1.0, 8), (0.2, 4), (0.001, 1), (100, 50), (1e300, 50)]
)
def test_default_number_of_features_per_half(limit, number):
    fitted = stable(max_false_selections=limit, threshold=0.9).fit(X, Y)
    assert fitted.n_features_per_half_ == number
    worst = expected_false_selections(number, 100, 0.9, assumption="none")
    assert worst <= limit or number == 1


@pytest.mark.parametrize("assumption", ["none", "unimodal", "r-concave"])
def test_the_threshold_is_the_lowest_that_keeps_to_the_limit(assumption):
    fitted = stable(assumption=assumption, n_features_per_half=6).fit(X, Y)
    how = {"n_pairs": 5, "assumption": assumption}
    bound = expected_false_selections(6, 100, fitted.threshold_, **how)
    assert fitted.expected_false_selections_ == bound <= 1
    if fitted.threshold_ > 0.6:
        assert expected_false_selections(6, 100, fitted.threshold_ - 0.1, **how) > 1
    np.testing.assert_array_equal(
        fitted.support_, fitted.selection_frequencies_ > fitted.threshold_ - 0.01
    )


def test_a_threshold_may_be_given():
    fitted = stable(threshold=0.7, assumption="none", n_features_per_half=30).fit(X, Y)
    assert fitted.threshold_ == 0.7
    assert fitted.expected_false_selections_ == pytest.approx(9 / 0.4)
    frequencies = np.round(10 * fitted.selection_frequencies_).astype(int)
    assert (frequencies == 7).any()  # 0.7 itself is enough, whatever its last bit
    np.testing.assert_array_equal(fitted.support_, frequencies >= 7)
    between = stable(threshold=0.65).fit(X, Y)
    assert between.threshold_ == 0.7


def test_nothing_may_be_selected():
    noise = np.random.default_rng(0).normal(size=(40, 30))
    fitted = stable(threshold=1, n_features_per_half=1).fit(noise, np.arange(40) % 2)
    assert fitted.n_features_ == fitted.support_.sum() == 0
    with pytest.warns(UserWarning, match="No features were selected"):
        assert fitted.transform(noise).shape == (40, 0)


# --------------------------------------------------------------------------- errors


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [SMALL, SelectKBest(k=9)], ids=["network", "F-test"])
def test_false_selections_of_noise_stay_below_every_bound(estimator):
    """The bounds are on means over data sets; here are forty, without any signal."""
    n_data, n_pairs, q, p = 40, 10, 9, 60
    how = {} if isinstance(estimator, SelectKBest) else {"n_features_per_half": q}
    selector = stable(estimator, n_pairs=n_pairs, threshold=0.7, **how)
    y = np.arange(40) % 2
    frequencies = np.array(
        [
            selector.set_params(random_state=seed)
            .fit(np.random.default_rng(seed).normal(size=(40, p)), y)
            .selection_frequencies_
            for seed in range(n_data)
        ]
    )
    n_some = 0
    for threshold in (0.6, 0.65, 0.7, 0.8):
        n_false = (frequencies >= threshold - 1e-9).sum(axis=1)
        n_some += n_false.sum()
        error = n_false.std() / np.sqrt(n_data)
        for assumption in ("none", "unimodal", "r-concave"):
            bound = expected_false_selections(
                q, p, threshold, n_pairs=n_pairs, assumption=assumption
            )
            assert n_false.mean() <= bound + 2 * error, (threshold, assumption)
    assert n_some > 0  # there is noise to be selected
    # One fit alone selects nine features of noise: no bound would be kept without halves.
    assert expected_false_selections(q, p, 0.6, n_pairs=n_pairs, assumption="none") < q


def test_halves_are_complementary_and_stratified(seen):
    numbered = np.column_stack([np.arange(80.0), X])
    stable(Noted()).fit(numbered, Y)
    assert len(seen) == 10
    for (first, y_first, *_), (second, y_second, *_) in zip(seen[::2], seen[1::2], strict=True):
        assert len(set(first[:, 0]) | set(second[:, 0])) == 80
        assert np.bincount(y_first).tolist() == np.bincount(y_second).tolist()
    assert len({half[0][:, 0].tobytes() for half in seen}) == 10
    assert len({half[-1] for half in seen}) == 10  # seeds


def test_groups_stay_together_and_reach_the_estimator(seen):
    groups = np.repeat([f"patient {i}" for i in range(20)], 4)
    stable(Noted()).fit(np.column_stack([np.arange(80.0), X]), Y, groups=groups)
    names = [set(groups[half[:, 0].astype(int)]) for half, *_ in seen]
    for first, second in zip(names[::2], names[1::2], strict=True):
        assert not first & second
        assert len(first) == len(second) == 10
    for half, _, _, of_half, _ in seen:
        np.testing.assert_array_equal(of_half, groups[half[:, 0].astype(int)])


def test_weights_reach_the_estimator_and_samples_without_weight_no_half(seen):
    weight = np.repeat([1.0, 2.0, 0.0, 3.0], 20)
    numbered = np.column_stack([np.arange(80.0), X])
    stable(Noted()).fit(numbered, Y, weight, groups=np.arange(80) // 2)
    for half, _, of_half, groups, _ in seen:
        rows = half[:, 0].astype(int)
        np.testing.assert_array_equal(of_half, weight[rows])
        assert of_half.min() == 1
        assert len(groups) == len(rows)
    wild = np.where(weight > 0, Y, 7)
    first = stable(SMALL).fit(X, wild, weight)
    kept = weight > 0
    again = stable(SMALL).fit(X[kept], Y[kept], weight[kept])
    np.testing.assert_array_equal(first.selection_frequencies_, again.selection_frequencies_)


def test_y_may_be_missing_where_it_is_not_required():
    assert stable(VarianceThreshold(0.01), threshold=0.6).fit(X).support_.all()
    with pytest.raises(ValueError, match="requires y to be passed"):
        stable().fit(X)


def test_a_selector_of_too_many_features_is_told():
    with pytest.warns(UserWarning, match="No threshold keeps to max_false_selections=1.0"):
        fitted = stable(VarianceThreshold(0.01)).fit(X)
    assert fitted.threshold_ == 1
    assert fitted.expected_false_selections_ == 100


def test_quantities_are_not_halved_as_classes(seen):
    counts = np.append(np.arange(40), np.arange(40))
    counts[0] = 99  # one of a kind
    stable(Noted(), threshold=0.6).fit(X, counts)
    stable(SelectKBest(f_regression, k=5)).fit(X, counts)
    stable(Lasso(), threshold=0.6).fit(X, counts)
    with pytest.raises(ValueError, match=r"only 1 member, .* too few members are: \[0, 99\]"):
        stable(threshold=0.6).fit(X, counts)


# --------------------------------------------------------------------------- ways to give X


def test_sparse_X_gives_the_same_frequencies():
    thinned = np.where(np.abs(X) > 1, X, 0)
    dense = stable(SMALL).fit(thinned, Y)
    fitted = stable(SMALL).fit(sparse.csc_array(thinned), Y)
    np.testing.assert_array_equal(fitted.selection_frequencies_, dense.selection_frequencies_)


def test_names_and_frames():
    names = np.array([f"gene_{i}" for i in range(100)])
    frame = pd.DataFrame(X, columns=names)
    fitted = stable().fit(frame, Y).set_output(transform="pandas")
    kept = names[fitted.get_support()]
    assert len(kept) > 0
    np.testing.assert_array_equal(fitted.get_feature_names_out(), kept)
    pd.testing.assert_frame_equal(fitted.transform(frame), frame[kept])


# --------------------------------------------------------------------------- randomness


@pytest.mark.parametrize("estimator", [SMALL, SETSelector(n_networks=1, max_iter=2)])
def test_one_seed_gives_one_selection_for_any_number_of_jobs(estimator):
    how = {"threshold": 0.6}
    first = stable(estimator, **how).fit(X, Y)
    for other in (stable(estimator, n_jobs=2, **how), clone(first)):
        np.testing.assert_array_equal(
            other.fit(X, Y).selection_frequencies_, first.selection_frequencies_
        )
    other = stable(estimator, random_state=1, **how).fit(X, Y)
    assert (other.selection_frequencies_ != first.selection_frequencies_).any()


def test_more_pairs_go_on_with_the_same_ones():
    few = stable(n_pairs=2, threshold=0.6).fit(X, Y).selection_frequencies_
    more = stable(n_pairs=3, threshold=0.6).fit(X, Y).selection_frequencies_
    added = 6 * more - 4 * few
    assert added.min() >= -1e-9
    assert added.sum() == pytest.approx(16)
