"""The callback `EarlyStopping` ends a fit by any score, and knows what it has scored."""

from decimal import Decimal

import numpy as np
import pytest
from callback_cases import WEIGHT, Cut, X, Y, assert_same_model, classifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set.callbacks import Checkpoint, EarlyStopping, load_checkpoint

callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CALLS_BEFORE_CTRL_C = [99]


def interrupted(estimator, X, y):
    CALLS_BEFORE_CTRL_C[0] -= 1
    if CALLS_BEFORE_CTRL_C[0] == 0:
        raise KeyboardInterrupt
    return estimator.score(X, y)


@pytest.mark.parametrize("first", ["checkpoint", "stop"])
@pytest.mark.parametrize("ended", [False, True])
def test_it_goes_on_with_its_own_scores_only(first, ended, tmp_path):
    path = tmp_path / "fit.checkpoint"

    def make(**how):
        stop = EarlyStopping(**{"scoring": "accuracy", "n_iter_no_change": 9, "tol": 0} | how)
        both = [Checkpoint(path), stop]
        return stop, (both if first == "checkpoint" else both[::-1])

    stop, callbacks = make()
    if ended:
        whole = classifier().set_callbacks(*callbacks).fit(X, Y)
    else:
        with pytest.raises(RuntimeError, match="cut"):
            classifier().set_callbacks(*callbacks, Cut(4, RuntimeError("cut"))).fit(X, Y)
    content = path.read_bytes()
    for other in (
        {"scoring": "neg_log_loss"},
        {"n_iter_no_change": 8},
        {"tol": 0.1},
        {"X_val": X, "y_val": Y},
    ):
        model = classifier().set_callbacks(*make(**other)[1])
        with pytest.raises(ValueError, match="with another EarlyStopping: its parameters"):
            model.fit(X, Y)
        assert not hasattr(model, "classes_")
        assert path.read_bytes() == content
    again, callbacks = make(n_iter_no_change=np.int64(9))
    resumed = classifier().set_callbacks(*callbacks).fit(X, Y)
    assert len(again.scores_) == 9
    if ended:
        assert_same_model(resumed, whole)
        assert (again.scores_, again.best_iter_) == (stop.scores_, stop.best_iter_)


@pytest.mark.parametrize("first", ["checkpoint", "stop"])
@pytest.mark.parametrize("where", ["scoring", "before"])
def test_an_epoch_that_an_interrupt_left_unscored_is_done_again(first, where, tmp_path):
    path = tmp_path / "fit.checkpoint"
    left = [5]

    class Interrupts(Cut):
        def on_fit_task_end(self, estimator, context):
            left[0] -= 1
            if where == "before" and left[0] == 0:
                raise KeyboardInterrupt

    def make():
        stop = EarlyStopping(interrupted, n_iter_no_change=9, tol=0)
        both = [Checkpoint(path), stop]
        return stop, [Interrupts(99, None), *(both if first == "checkpoint" else both[::-1])]

    alone, _ = make()
    whole = classifier().set_callbacks(alone).fit(X, Y)
    _, callbacks = make()
    CALLS_BEFORE_CTRL_C[0] = 5 if where == "scoring" else 99
    with pytest.warns(UserWarning, match="interrupted by user"):
        classifier().set_callbacks(*callbacks).fit(X, Y)
    assert load_checkpoint(path).n_iter_ == 4
    CALLS_BEFORE_CTRL_C[0] = left[0] = 99
    stop, callbacks = make()
    assert_same_model(classifier().set_callbacks(*callbacks).fit(X, Y), whole)
    assert stop.scores_ == alone.scores_
    assert len(stop.scores_) == 9


def test_a_fit_that_was_judged_in_part_is_not_gone_on_with(tmp_path):
    path = tmp_path / "fit.checkpoint"
    for after, callbacks in ((3, [EarlyStopping()]), (2, [])):
        model = classifier().set_callbacks(Checkpoint(path), *callbacks, Cut(after, OSError("cut")))
        with pytest.raises(OSError, match="cut"):
            model.fit(X, Y)
    assert load_checkpoint(path).n_iter_ == 5  # saved without the other one, too
    model = classifier().set_callbacks(Checkpoint(path), EarlyStopping())
    with pytest.raises(ValueError, match="it did not see every epoch, or"):
        model.fit(X, Y)


def test_it_says_that_a_complete_fit_was_not_scored(tmp_path):
    path = tmp_path / "fit.checkpoint"
    classifier().set_callbacks(Checkpoint(path)).fit(X, Y)
    model = classifier().set_callbacks(Checkpoint(path), EarlyStopping())
    with pytest.warns(UserWarning, match="has scored nothing: the fit was complete in its check"):
        model.fit(X, Y)


@pytest.mark.parametrize("score", [None, "0.5", [0.5], {"a": 0.5}, 1j, np.ones(2), Decimal(1)])
def test_a_score_that_is_no_number_is_refused(score):
    model = classifier().fit(X, Y)
    before = dict(vars(model))
    model.set_callbacks(EarlyStopping(lambda estimator, X, y: score))
    with pytest.raises(ValueError, match="scoring must return a number, got") as caught:
        model.fit(X, Y)
    assert repr(score) in str(caught.value)
    assert vars(model.set_callbacks()) == before


@pytest.mark.parametrize("score", [1, np.float32(1), np.array(1), np.array([1.0]), True])
def test_any_kind_of_number_is_a_score(score):
    stop = EarlyStopping(lambda estimator, X, y: score, n_iter_no_change=2)
    assert classifier().set_callbacks(stop).fit(X, Y).n_iter_ == 3
    assert stop.scores_ == [1.0, 1.0, 1.0]
    assert all(type(each) is float for each in [*stop.scores_, stop.best_score_])


def test_a_score_that_does_not_improve_ends_the_fit():
    stop = EarlyStopping("neg_log_loss", X_val=X[60:], y_val=Y[60:], n_iter_no_change=3, tol=0)
    model = classifier(max_iter=300, learning_rate_init=0.1).set_callbacks(stop).fit(X[:60], Y[:60])
    assert model.n_iter_ == len(stop.scores_) == stop.best_iter_ + 3 < 300
    assert stop.best_score_ == max(stop.scores_) == stop.scores_[stop.best_iter_ - 1]
    best = stop.best_estimator_
    assert best.n_iter_ == stop.best_iter_
    assert -log_loss(Y[60:], best.predict_proba(X[60:])) == pytest.approx(stop.best_score_)


def test_of_equal_scores_the_last_is_kept():
    scores = iter([0.1, 0.5, 0.3, 0.5, 0.2])
    stop = EarlyStopping(lambda *_: next(scores), n_iter_no_change=3)
    model = classifier().set_callbacks(stop).fit(X, Y)
    assert (model.n_iter_, stop.best_iter_, stop.best_score_) == (5, 4, 0.5)
    assert stop.best_estimator_.n_iter_ == 4


def test_without_data_it_scores_on_the_training_data():
    stop = EarlyStopping()
    model = classifier().set_callbacks(stop).fit(X, Y, sample_weight=WEIGHT)
    assert len(stop.scores_) == 9
    assert stop.scores_[-1] == model.score(X, Y, WEIGHT)


def test_an_improvement_below_tol_is_none():
    stop = EarlyStopping(n_iter_no_change=2, tol=1.0)
    assert classifier().set_callbacks(stop).fit(X, Y).n_iter_ == 3


def test_several_of_them_keep_their_scores_apart(tmp_path):
    path = tmp_path / "fit.checkpoint"

    def make():
        both = EarlyStopping("accuracy"), EarlyStopping("neg_log_loss", X_val=X[60:], y_val=Y[60:])
        return both, classifier().set_callbacks(Checkpoint(path), *both)

    alone = [EarlyStopping("accuracy"), EarlyStopping("neg_log_loss", X_val=X[60:], y_val=Y[60:])]
    for stop in alone:
        classifier().set_callbacks(stop).fit(X, Y)
    both, model = make()
    model.set_callbacks(Checkpoint(path), *both, Cut(5, RuntimeError()))
    with pytest.raises(RuntimeError):
        model.fit(X, Y)
    both, model = make()
    model.fit(X, Y)
    assert [stop.scores_ for stop in both] == [stop.scores_ for stop in alone]
    assert both[0].scores_ != both[1].scores_


def test_a_second_fit_starts_anew():
    stop = EarlyStopping(n_iter_no_change=2, tol=1.0)
    model = classifier().set_callbacks(stop)
    assert [model.fit(X, Y).n_iter_ for _ in range(2)] == [3, 3]
    assert len(stop.scores_) == 3


def test_the_best_estimator_is_an_estimator_like_others():
    stop = EarlyStopping()
    pipeline = make_pipeline(StandardScaler(), classifier().set_callbacks(stop))
    pipeline.set_callbacks(callback.ScoringMonitor(scoring="accuracy")).fit(X, Y)
    best = stop.best_estimator_
    assert set(vars(best)) == set(vars(classifier().fit(X, Y)))
    best.fit(X, Y)
    assert stop.best_estimator_ is best


@pytest.mark.parametrize("around", ["pipeline", "search"])
def test_set_from_the_outside_it_says_that_it_does_nothing(around):
    outside = {
        "pipeline": make_pipeline(StandardScaler(), classifier()),
        "search": GridSearchCV(classifier(), {"epsilon": [2]}, cv=2),
    }[around]
    outside.set_callbacks(EarlyStopping())
    with pytest.warns(UserWarning, match="EarlyStopping has scored nothing: a fit of"):
        outside.fit(X, Y)


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_it_stops_every_fit_of_a_search(n_jobs):
    model = classifier().set_callbacks(EarlyStopping(n_iter_no_change=2, tol=1.0))
    search = GridSearchCV(model, {"epsilon": [2, 4]}, cv=2, n_jobs=n_jobs).fit(X, Y)
    assert search.best_estimator_.n_iter_ == 3
    short = GridSearchCV(classifier(max_iter=3), {"epsilon": [2, 4]}, cv=2).fit(X, Y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], short.cv_results_["mean_test_score"]
    )


def test_it_serves_estimators_of_scikit_learn():
    stop = EarlyStopping("neg_log_loss")
    model = LogisticRegression().set_callbacks(stop).fit(X, Y)
    assert len(stop.scores_) >= model.n_iter_[0]
    assert stop.best_score_ == max(stop.scores_)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_iter_no_change": 0}, "'n_iter_no_change' parameter of EarlyStopping must be an int"),
        ({"tol": -1}, "'tol' parameter of EarlyStopping must be a float"),
        ({"X_val": X}, "X_val is provided, but y_val was not provided"),
        ({"y_val": Y}, "y_val is provided, but X_val was not provided"),
        ({"scoring": "no such score"}, "no such score"),
        ({"scoring": ["accuracy", "r2"]}, "'scoring' parameter of EarlyStopping must be an inst"),
    ],
)
def test_bad_parameters_are_refused_before_training(parameters, message):
    model = classifier().set_callbacks(EarlyStopping(**parameters), Cut(0, AssertionError()))
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)


def test_each_epoch_of_a_search_is_judged_as_it_is():
    how = {"feature_search": True, "max_iter": 40, "n_snapshots": 1}
    stop = EarlyStopping("accuracy", X_val=X, y_val=Y, n_iter_no_change=99)
    model = classifier(**how).set_callbacks(stop).fit(X, Y, X_val=X, y_val=Y)
    assert {n for n, _ in model.search_curve_} == {8, 7, 6, 5, 4, 3, 2}
    # At the end of the last one, the search has chosen already.
    pairs = zip(stop.scores_, model.validation_scores_, strict=True)
    assert {epoch for epoch, (ours, theirs) in enumerate(pairs, 1) if ours != theirs} <= {24}


def test_an_end_within_a_search_leaves_what_the_search_would_choose():
    how = {"feature_search": True, "max_iter": 40}
    scores = []
    for seed in range(3):
        stop = EarlyStopping("accuracy", n_iter_no_change=1, tol=0.05)
        model = classifier(**how, random_state=seed).set_callbacks(stop).fit(X, Y)
        assert model.n_iter_ == len(model.search_curve_) < 24
        assert model.best_loss_ == model.loss_curve_[model.best_iter_ - 1]
        scores.append(model.set_callbacks().partial_fit(X, Y).score(X, Y))
    assert np.mean(scores) > 0.5


@pytest.mark.parametrize("cut", [False, True])
def test_a_fit_that_goes_on_is_judged_by_bare_outputs(cut, tmp_path):
    """Whatever the temperature of the fit before, and also where the fit is resumed."""
    found = []
    for temperature in (0.05, 20.0):
        model = classifier(warm_start=True, max_iter=25).fit(X, Y)
        model.temperature_ = temperature
        stop = EarlyStopping("neg_log_loss", n_iter_no_change=99)
        callbacks = stop, Checkpoint(tmp_path / str(temperature))
        if cut:
            with pytest.raises(RuntimeError, match="cut"):
                model.set_callbacks(*callbacks, Cut(20, RuntimeError("cut"))).fit(X, Y)
            assert model.temperature_ == temperature
        model.set_callbacks(*callbacks).fit(X, Y)
        found.append((stop.scores_, stop.best_estimator_.temperature_, model.temperature_))
    assert found[0] == found[1]
    scores, of_best, in_the_end = found[0]
    assert len(scores) == 25
    assert of_best == 1 != in_the_end


def test_a_part_is_judged_by_the_temperature_that_it_keeps():
    model = classifier(max_iter=25).fit(X, Y)
    stop = EarlyStopping("neg_log_loss")
    model.set_callbacks(stop).partial_fit(X, Y)
    assert model.temperature_ != 1
    assert stop.scores_ == [pytest.approx(-log_loss(Y, model.predict_proba(X)))]
