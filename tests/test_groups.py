"""Groups of samples stay together wherever a fit holds some out, also through metadata routing."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from callback_cases import assert_same_model
from estimator_cases import MULTILABEL, SMALL, WEIGHT, N, T, X, Y, both, classifier
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedGroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor, base
from sklearn_set.feature_selection import SETSelector

# Nearly every fit here is shorter than convergence takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

GROUPS = np.random.default_rng(1).permutation(np.repeat(np.arange(20), 3))
STOPS = {"early_stopping": True, "validation_fraction": 0.25}
SEARCHES = {"feature_search": True, "max_iter": 20}


def assert_equal(ours, theirs):
    """All bits are the same; the streams of neither move on."""
    assert_same_model(deepcopy(ours), deepcopy(theirs))


def both_parts(state):
    """The parts of the first split that a fit has made."""
    search = state.course.search
    return (state.rows, state.held_out) if search is None else (search.rows, search.held_out)


@pytest.fixture
def splits(monkeypatch):
    """The two parts of the samples in each fit that has held some out, in the order of the fits."""
    found, train = [], base.train

    def spy(state, data, *args, **kwargs):
        if state.held_out is not None or state.course.search is not None:
            found.append(both_parts(state))
        return train(state, data, *args, **kwargs)

    monkeypatch.setattr(base, "train", spy)
    return found


@both
@pytest.mark.parametrize("how", [STOPS, SEARCHES], ids=["stops", "searches"])
def test_groups_stay_together(factory, y, how, splits):
    factory(**how).fit(X, y, groups=GROUPS)
    factory(**how).fit(X, y)
    (rows, held_out), without = splits
    assert not np.isin(GROUPS[rows], GROUPS[held_out]).any()
    assert set(GROUPS[rows]) | set(GROUPS[held_out]) == set(GROUPS)
    assert np.isin(GROUPS[without[0]], GROUPS[without[1]]).any()


def test_classes_are_in_both_parts(splits):
    groups = np.where(Y == 0, GROUPS % 4, 4 + GROUPS)
    for seed in range(10):
        classifier(random_state=seed, **STOPS).fit(X, Y, groups=groups)
    classifier(**STOPS).fit(X, MULTILABEL, groups=groups)
    assert len(splits) == 11
    for rows, held_out in splits:
        assert not np.isin(groups[rows], groups[held_out]).any()
        assert set(Y[rows]) == set(Y[held_out]) == {0, 1, 2}


@both
@pytest.mark.parametrize("how", [STOPS, SEARCHES], ids=["stops", "searches"])
def test_names_and_containers_of_groups_change_nothing(factory, y, how):
    first = factory(**how).fit(X, y, groups=GROUPS)
    names = np.array([f"patient {9 * number % 20}" for number in GROUPS])
    for groups in (GROUPS[::-1][::-1] / 2 - 3, names, names.astype(object), names.tolist()):
        assert_equal(factory(**how).fit(X, y, groups=groups), first)
    frame = pd.DataFrame({"patient": pd.Categorical(names)}, index=np.arange(N) + 7)
    assert_equal(factory(**how).fit(X, y, groups=frame["patient"]), first)
    assert_equal(factory(**how).fit(sparse.csr_array(X), y, groups=GROUPS), first)


@both
def test_groups_decide_nothing_where_nothing_is_held_out(factory, y):
    model = factory().fit(X, y)
    assert_equal(factory().fit(X, y, groups=GROUPS), model)
    assert_equal(factory().fit(X, y, groups=np.zeros(N)), model)
    own = {"X_val": X[:10], "y_val": y[:10]}
    stopped = factory(**STOPS).fit(X, y, **own)
    assert_equal(factory(**STOPS).fit(X, y, groups=np.zeros(N), **own), stopped)


def test_groups_of_one_sample_are_samples():
    for how in (STOPS, SEARCHES):
        model = classifier(**how).fit(X, Y, groups=np.arange(N), sample_weight=WEIGHT)
        assert model.n_iter_ > 0


NOT_EVEN = np.where(np.arange(N) % 2, None, 1.0)


@pytest.mark.parametrize("how", [{}, STOPS, SEARCHES], ids=["plain", "stops", "searches"])
@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        (GROUPS[:-1], ValueError, "inconsistent numbers of samples: X has 60, groups has 59"),
        (GROUPS.reshape(-1, 1), ValueError, r"groups should be a 1d array, got .* shape \(60, 1\)"),
        (7, ValueError, r"groups should be a 1d array, got an array of shape \(\)"),
        ([[1], [2, 3]], ValueError, "groups is not an array of labels"),
        (np.where(GROUPS == 3, np.nan, GROUPS), ValueError, "groups contains NaN: 3 of 60"),
        (NOT_EVEN, ValueError, "groups contains NaN: 30 of 60"),
        (pd.Series(NOT_EVEN, dtype="Int64"), ValueError, "groups contains NaN: 30 of 60"),
        (
            np.full(N, "NaT", dtype="datetime64[s]"),
            ValueError,
            "Input groups contains NaN: 60 of 60",
        ),
        (["a", *range(N - 1)], None, None),  # all of them become strings
        (np.array(["a", *range(N - 1)], dtype=object), TypeError, "groups must hold labels of one"),
        (GROUPS * 1j, ValueError, "groups must hold labels"),
    ],
)
def test_bad_groups_are_refused_before_any_work(how, groups, error, message):
    model = SETClassifier(**SMALL | how)
    if error is None:
        model.fit(X, Y, groups=groups)
        return
    with pytest.raises(error, match=message):
        model.fit(X, Y, groups=groups)
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize(("how", "name"), [(STOPS, "early_stopping"), (SEARCHES, "feature_search")])
@both
def test_a_single_group_is_refused_where_some_is_held_out(factory, y, how, name):
    model = factory(**how).fit(X, y, groups=GROUPS)
    before = vars(model).copy()
    with pytest.raises(ValueError, match=f"fewer than 2 unique groups. {name}=True holds out"):
        model.fit(X, y, groups=np.full(N, "me"))
    assert vars(model) == before


# ----------------------------------------------------------------------------- going on with fits


def test_every_fit_of_a_warm_start_has_groups_of_its_own(splits):
    model = classifier(warm_start=True, **STOPS)
    other = clone(model)
    for groups in (GROUPS, None, GROUPS // 2):
        model.fit(X, Y, groups=groups)
        other.fit(X, Y, groups=None if groups is None else groups.astype(str))
    model.set_params(early_stopping=False).partial_fit(X, Y)
    other.set_params(early_stopping=False).partial_fit(X, Y)
    assert_equal(model, other)
    assert len(splits) == 6
    for (rows, held_out), groups in zip(splits[::2], (GROUPS, None, GROUPS // 2), strict=True):
        if groups is not None:
            assert not np.isin(groups[rows], groups[held_out]).any()


@pytest.mark.parametrize("how", [STOPS, SEARCHES], ids=["stops", "searches"])
def test_a_checkpoint_knows_groups_where_they_decide(how, tmp_path):
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    from callback_cases import Cut

    from sklearn_set.callbacks import Checkpoint

    path = tmp_path / "fit.checkpoint"
    whole = classifier(**how).fit(X, Y, groups=GROUPS)
    cut = classifier(**how).set_callbacks(Checkpoint(path), Cut(3, RuntimeError()))
    with pytest.raises(RuntimeError):
        cut.fit(X, Y, groups=GROUPS)
    model = classifier(**how).set_callbacks(Checkpoint(path))
    for other in (None, GROUPS // 2):
        with pytest.raises(ValueError, match="is of a fit with other parameters or other data"):
            model.fit(X, Y, groups=other)
    assert_equal(model.fit(X, Y, groups=GROUPS.astype(str)), whole)


def test_a_checkpoint_does_not_know_groups_that_decide_nothing(tmp_path):
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    from callback_cases import Cut

    from sklearn_set.callbacks import Checkpoint

    path = tmp_path / "fit.checkpoint"
    plain = classifier(temperature=1)
    with pytest.raises(RuntimeError):
        clone(plain).set_callbacks(Checkpoint(path), Cut(3, RuntimeError())).fit(X, Y)
    model = clone(plain).set_callbacks(Checkpoint(path)).fit(X, Y, groups=GROUPS)
    assert_equal(model, plain.fit(X, Y))


# -------------------------------------------------------------------------- routed by scikit-learn


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


@pytest.mark.parametrize("how", [STOPS, SEARCHES], ids=["stops", "searches"])
@both
def test_groups_are_routed_through_pipelines_and_cross_validation(factory, y, how, splits, routing):
    model = make_pipeline("passthrough", factory(**how).set_fit_request(groups=True))
    cv = StratifiedGroupKFold(3) if factory is classifier else GroupKFold(3)
    result = cross_validate(
        model, X, y, params={"groups": GROUPS}, cv=cv, return_indices=True, error_score="raise"
    )
    assert len(splits) == 3
    outer = result["indices"]
    for (rows, held_out), train, test in zip(splits, outer["train"], outer["test"], strict=True):
        groups = GROUPS[train]
        assert not np.isin(groups[rows], groups[held_out]).any()
        assert not np.isin(groups, GROUPS[test]).any()


def test_groups_are_routed_through_a_search(splits, routing):
    search = GridSearchCV(
        make_pipeline(StandardScaler(), classifier(**STOPS).set_fit_request(groups=True)),
        {"setclassifier__epsilon": [2, 3]},
        cv=StratifiedGroupKFold(2),
        error_score="raise",
    )
    search.fit(X, Y, groups=GROUPS)
    assert len(splits) == 5
    parts = [train for train, _ in StratifiedGroupKFold(2).split(X, Y, GROUPS)] * 2
    for (rows, held_out), train in zip(splits, [*parts, np.arange(N)], strict=True):
        groups = GROUPS[train]
        assert not np.isin(groups[rows], groups[held_out]).any()


def test_groups_are_refused_unless_asked_for(routing):
    with pytest.raises(ValueError, match="groups"):
        cross_validate(classifier(), X, Y, params={"groups": GROUPS}, cv=StratifiedGroupKFold(2))
    model = classifier().set_fit_request(groups=False)
    result = cross_validate(model, X, Y, params={"groups": GROUPS}, cv=StratifiedGroupKFold(2))
    assert result["test_score"].shape == (2,)


# ------------------------------------------------------------------------------------- a selector


def test_a_selector_passes_groups_on(splits):
    estimator = classifier(**STOPS)
    SETSelector(estimator, n_networks=3, random_state=0).fit(X, Y, groups=GROUPS.astype(str))
    assert len(splits) == 3
    for rows, held_out in splits:
        assert not np.isin(GROUPS[rows], GROUPS[held_out]).any()


def test_a_selector_that_holds_nothing_out_needs_no_groups():
    how = {"n_networks": 1, "max_iter": 2, "random_state": 0}
    selector = SETSelector(**how)
    scores = selector.fit(X, Y).scores_
    np.testing.assert_array_equal(selector.fit(X, Y, groups=GROUPS).scores_, scores)
    with pytest.raises(ValueError, match="groups has 2"):
        selector.fit(X, Y, groups=[1, 2])
    quick = SETSelector(unsupervised=True, **how)
    scores = quick.fit(X).scores_
    np.testing.assert_array_equal(quick.fit(X, groups=GROUPS).scores_, scores)


def test_a_selector_refuses_groups_for_an_estimator_without():
    selector = SETSelector(LogisticRegression())
    with pytest.raises(ValueError, match="LogisticRegression doesn't support groups"):
        selector.fit(X, Y, groups=GROUPS)


def test_a_regressor_takes_groups_of_several_targets(splits):
    y = np.column_stack([T, T**2])
    SETRegressor(**SMALL | STOPS).fit(X, y, groups=GROUPS)
    rows, held_out = splits[0]
    assert not np.isin(GROUPS[rows], GROUPS[held_out]).any()
