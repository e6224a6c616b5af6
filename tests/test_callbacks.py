"""The package's own callbacks: stop by a score, resume with the same bits, record the topology."""

import copy
import importlib
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from decimal import Decimal

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, log_loss, make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.callbacks import Checkpoint, EarlyStopping, TopologyRecorder, load_checkpoint

callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = make_classification(90, 8, n_informative=5, n_classes=3, random_state=0)
TARGETS = make_regression(90, 8, n_targets=2, random_state=0)[1] / 100
WEIGHT = np.random.default_rng(0).uniform(0.5, 2, 90)
SMALL = {"hidden_layer_sizes": 20, "epsilon": 3, "max_iter": 9, "random_state": 0, "tol": 0.0}


def classifier(**parameters):
    return SETClassifier(**SMALL | parameters)


def regressor(**parameters):
    return SETRegressor(**SMALL | parameters)


class Cut:
    """Ends a fit after so many epochs, as a fault or a finger on Ctrl-C would."""

    def __init__(self, after, error):
        self.left, self.error = after, error

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch":
            self.left -= 1
            if self.left < 0:
                raise self.error

    def on_fit_task_end(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass


def assert_same_model(ours, theirs):
    """All bits of network, snapshots, optimizer and curves, and where the streams have come to."""
    for name in ("loss_curve_", "validation_scores_", "validation_loss_curve_", "best_iter_", "t_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert len(ours._snapshots) == len(theirs._snapshots)
    for a, b in zip(
        (ours._network, *ours._snapshots), (theirs._network, *theirs._snapshots), strict=True
    ):
        for mine, other in zip(a.layers, b.layers, strict=True):
            for array in ("weights", "bias"):
                np.testing.assert_array_equal(getattr(mine, array), getattr(other, array))
            for array in ("indptr", "indices"):
                np.testing.assert_array_equal(
                    getattr(mine.topology, array), getattr(other.topology, array)
                )
    assert ours._randomness.network.random() == theirs._randomness.network.random()
    assert ours._randomness.order.random() == theirs._randomness.order.random()


# ------------------------------------------------------------------------------------ Checkpoint

WAYS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "invscaling", "momentum": 0.5},
    "cosine": {"learning_rate": "cosine", "zeta_schedule": "linear"},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 1.0},
    "guided": {"growth": "guided", "newborn_weights": "initial", "rewire_interval": 2},
    "snapshots": {"n_snapshots": 4},
    "early stopping": {"early_stopping": True, "learning_rate_init": 0.1},
    "dropout": {"dropout": 0.3, "mixup": 0.5, "input_dropout": 0.2, "label_smoothing": 0.1},
    "two layers": {"hidden_layer_sizes": (12, 7), "dtype": "float32", "n_jobs": 2},
    "warm start": {"warm_start": True},
}


@pytest.mark.parametrize("after", [0, 1, 5, 8])
@pytest.mark.parametrize("way", WAYS)
def test_a_resumed_fit_has_the_bits_of_one_that_was_not_cut(way, after, tmp_path):
    path = tmp_path / "fit.checkpoint"
    whole = classifier(**WAYS[way]).fit(X, Y, sample_weight=WEIGHT)
    model = classifier(**WAYS[way])
    model.set_callbacks(Checkpoint(path), Cut(after, RuntimeError("power cut")))
    with pytest.raises(RuntimeError, match="power cut"):
        model.fit(X, Y, sample_weight=WEIGHT)
    assert path.exists() == (after > 0)
    resumed = classifier(**WAYS[way]).set_callbacks(Checkpoint(path))
    assert_same_model(resumed.fit(X, Y, sample_weight=WEIGHT), whole)
    assert resumed.n_iter_ == whole.n_iter_


def test_regression_is_resumed_too(tmp_path):
    path = tmp_path / "fit.checkpoint"
    whole = regressor().fit(X, TARGETS)
    with pytest.raises(RuntimeError):
        regressor().set_callbacks(Checkpoint(path), Cut(3, RuntimeError())).fit(X, TARGETS)
    assert_same_model(regressor().set_callbacks(Checkpoint(path)).fit(X, TARGETS), whole)


def test_a_fit_judged_by_the_users_own_set_is_resumed_too(tmp_path):
    path = tmp_path / "fit.checkpoint"
    how = {"early_stopping": True, "learning_rate_init": 0.1}
    given = {"X_val": X[60:], "y_val": Y[60:]}
    whole = classifier(**how).fit(X[:60], Y[:60], **given)
    cut = classifier(**how).set_callbacks(Checkpoint(path), Cut(5, RuntimeError()))
    with pytest.raises(RuntimeError):
        cut.fit(X[:60], Y[:60], **given)
    resumed = classifier(**how).set_callbacks(Checkpoint(path)).fit(X[:60], Y[:60], **given)
    assert_same_model(resumed, whole)


def test_only_every_so_many_epochs_are_saved(tmp_path):
    path = tmp_path / "fit.checkpoint"
    model = classifier().set_callbacks(Checkpoint(path, every=3), Cut(8, RuntimeError()))
    with pytest.raises(RuntimeError):
        model.fit(X, Y)
    assert load_checkpoint(path).n_iter_ == 6
    resumed = classifier().set_callbacks(Checkpoint(path, every=3)).fit(X, Y)
    assert_same_model(resumed, classifier().fit(X, Y))


def test_ctrl_c_leaves_the_last_whole_epoch_to_resume(tmp_path, monkeypatch):
    from sklearn_set import training

    path = tmp_path / "fit.checkpoint"
    run_epoch, calls = training.run_epoch, []

    def interrupted_in_the_fifth(*arguments):
        calls.append(1)
        loss = run_epoch(*arguments)
        if len(calls) == 5:
            raise KeyboardInterrupt  # its steps have been made
        return loss

    monkeypatch.setattr(training, "run_epoch", interrupted_in_the_fifth)
    model = classifier().set_callbacks(Checkpoint(path))
    with pytest.warns(UserWarning, match="interrupted by user"):
        model.fit(X, Y)
    assert load_checkpoint(path).n_iter_ == 4
    monkeypatch.undo()
    assert_same_model(model.fit(X, Y), classifier().fit(X, Y))


def test_a_complete_fit_is_given_at_once(tmp_path):
    path = tmp_path / "fit.checkpoint"
    whole = classifier().set_callbacks(Checkpoint(path, every=100)).fit(X, Y)
    again = classifier().set_callbacks(Checkpoint(path), Cut(0, AssertionError("trains")))
    assert_same_model(again.fit(X, Y), whole)


def test_a_fit_that_a_callback_ended_stays_ended(tmp_path):
    path = tmp_path / "fit.checkpoint"
    stop = EarlyStopping(X_val=X, y_val=Y, n_iter_no_change=2, tol=1)
    whole = classifier().set_callbacks(Checkpoint(path), stop).fit(X, Y)
    assert whole.n_iter_ == 3
    again = classifier().set_callbacks(Checkpoint(path)).fit(X, Y)
    assert_same_model(again, whole)


def test_the_file_is_a_model(tmp_path):
    path = tmp_path / "fit.checkpoint"
    model = classifier().set_callbacks(Checkpoint(str(path)), Cut(4, RuntimeError()))
    with pytest.raises(RuntimeError):
        model.fit(X, Y)
    loaded = load_checkpoint(path)
    expected = classifier(max_iter=4).fit(X, Y)
    np.testing.assert_array_equal(loaded.predict_proba(X), expected.predict_proba(X))
    assert loaded.get_params() == classifier().get_params()
    assert set(vars(loaded)) == set(vars(expected))


def test_a_stream_goes_on_from_the_file(tmp_path):
    path = tmp_path / "stream.checkpoint"
    whole = classifier()
    model = classifier().set_callbacks(Checkpoint(path))
    for part in (slice(0, 30), slice(30, 60)):
        for each in (whole, model):
            each.partial_fit(X[part], Y[part], classes=[0, 1, 2])
    loaded = load_checkpoint(path)
    assert_same_model(loaded.partial_fit(X[60:], Y[60:]), whole.partial_fit(X[60:], Y[60:]))


@pytest.mark.parametrize(
    ("other", "data"),
    [
        ({"zeta": 0.1}, (X, Y)),
        ({"max_iter": 10}, (X, Y)),
        ({"random_state": 1}, (X, Y)),
        ({}, (X * 2, Y)),
        ({}, (X, Y[::-1].copy())),
        ({}, (X, Y, WEIGHT)),
    ],
)
def test_a_file_of_another_fit_is_refused(other, data, tmp_path):
    path = tmp_path / "fit.checkpoint"
    classifier().set_callbacks(Checkpoint(path)).fit(X, Y)
    before = path.read_bytes()
    model = classifier(**other).set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match=r"is of a fit with other parameters or other data, or"):
        model.fit(*data)
    assert path.read_bytes() == before
    assert not hasattr(model, "classes_")
    model.set_callbacks(Checkpoint(path, resume=False)).fit(*data)
    assert_same_model(load_checkpoint(path), model)


def test_what_a_model_has_learned_before_makes_another_fit(tmp_path):
    path = tmp_path / "fit.checkpoint"
    model = classifier(warm_start=True).fit(X, Y)
    model.set_callbacks(Checkpoint(path)).fit(X, Y)
    other = classifier(warm_start=True).set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match=r"is of a fit with other parameters or other data, or"):
        other.fit(X, Y)


def test_the_samples_set_aside_stay_what_they_were(tmp_path):
    """Whatever the second process would draw: a sample that was trained on judges nothing."""
    path, how = tmp_path / "fit.checkpoint", {"random_state": None, "early_stopping": True}

    def fitted(seed, *callbacks):
        np.random.seed(seed)  # noqa: NPY002, random_state=None draws from it
        return classifier(**how).set_callbacks(*callbacks).fit(X, Y)

    whole = fitted(0)
    with pytest.raises(RuntimeError):
        fitted(0, Checkpoint(path), Cut(4, RuntimeError()))
    assert_same_model(fitted(1, Checkpoint(path)), whole)


@pytest.mark.parametrize("same", [{"n_jobs": 2}, {"verbose": 1}])
def test_threads_and_words_do_not_make_another_fit(same, tmp_path, capsys):
    path = tmp_path / "fit.checkpoint"
    classifier().set_callbacks(Checkpoint(path)).fit(X, Y)
    classifier(**same).set_callbacks(Checkpoint(path), Cut(0, AssertionError())).fit(X, Y)


FRAME = pd.DataFrame(X, columns=[f"gene {i}" for i in range(8)])
LABELS = np.array(["a", "b", "c"])[Y]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((X, LABELS), (X, np.array(["ant", "bee", "cat"])[Y])),
        ((X, LABELS), (X, Y)),
        ((FRAME, Y), (FRAME.add_prefix("x"), Y)),
        ((FRAME, Y), (X, Y)),
    ],
)
def test_names_of_classes_and_features_make_another_fit(first, second, tmp_path):
    path = tmp_path / "fit.checkpoint"
    classifier().set_callbacks(Checkpoint(path)).fit(*first)
    with pytest.raises(ValueError, match="is of a fit with other parameters or other data"):
        classifier().set_callbacks(Checkpoint(path)).fit(*second)
    again = classifier().set_callbacks(Checkpoint(path), Cut(0, AssertionError("trains")))
    again.fit(*first)


@pytest.mark.parametrize(
    "same",
    [
        [{"hidden_layer_sizes": sizes} for sizes in (5, (5,), [5], np.array([5]), np.int32(5))],
        [
            {"hidden_layer_sizes": (6, 5), "activation": names}
            for names in ("tanh", ["tanh", "tanh"], ("tanh", np.str_("tanh")))
        ],
        [{"dtype": kind} for kind in ("float32", np.float32, np.dtype("float32"))],
        [{"dtype": kind} for kind in ("auto", "float64", np.float64)],
        [{"epsilon": number} for number in (3, 3.0, np.float64(3), np.int8(3))],
        [{"tol": number, "shuffle": np.bool_(True)} for number in (0.5, np.float32(0.5))],
        [{"class_weight": {0: 1, 1: 2, 2: 1}}, {"class_weight": {np.int64(2): 1, 1: 2.0, 0: 1}}],
        [{"early_stopping": True, "scoring": make_scorer(f1_score, average="macro")} for _ in "ab"],
        [{"random_state": np.random.RandomState(0)} for _ in "ab"],
    ],
)
def test_what_says_the_same_does_not_make_another_fit(same, tmp_path):
    path = tmp_path / "fit.checkpoint"
    first, *others = same
    whole = classifier(**first).set_callbacks(Checkpoint(path)).fit(X, Y)
    for other in others:
        again = classifier(**other).set_callbacks(Checkpoint(path), Cut(0, AssertionError()))
        assert_same_model(copy.deepcopy(again.fit(X, Y)), copy.deepcopy(whole))


class Power:
    def __init__(self, power):
        self.power = power

    def __call__(self, estimator, X, y):
        return estimator.score(X, y) ** self.power


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Power(1), Power(2)),
        (make_scorer(f1_score, average="macro"), make_scorer(f1_score, average="micro")),
        ("accuracy", "balanced_accuracy"),
    ],
)
def test_another_scorer_of_one_name_makes_another_fit(first, second, tmp_path):
    path = tmp_path / "fit.checkpoint"
    judged = classifier(early_stopping=True)
    judged.set_params(scoring=first).set_callbacks(Checkpoint(path)).fit(X, Y)
    again = classifier(early_stopping=True, scoring=second).set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match="is of a fit with other parameters"):
        again.fit(X, Y)
    again.set_params(scoring=copy.deepcopy(first)).fit(X, Y)


def test_a_scorer_that_was_edited_makes_another_fit(tmp_path, monkeypatch):
    path = tmp_path / "fit.checkpoint"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def fit(content):
        text = f"def scorer(estimator, X, y):\n    return {content}\n"
        (tmp_path / "scorers_of_mine.py").write_text(text)
        sys.modules.pop("scorers_of_mine", None)
        importlib.invalidate_caches()
        scorer = importlib.import_module("scorers_of_mine").scorer
        judged = classifier(early_stopping=True, scoring=scorer)
        return judged.set_callbacks(Checkpoint(path)).fit(X, Y)

    assert_same_model(fit("estimator.score(X, y)"), fit("estimator.score(X, y)"))
    with pytest.raises(ValueError, match="is of a fit with other parameters"):
        fit("-estimator.score(X, y)")


@pytest.mark.parametrize("use", ["fit", "partial_fit"])
@pytest.mark.parametrize("kind", ["lambda", "class"])
def test_what_cannot_be_pickled_is_refused_before_training(kind, use, tmp_path):
    class Local(SETClassifier):
        pass

    if kind == "lambda":
        model = classifier(scoring=lambda estimator, X, y: 1.0)
        what = "the 'scoring' parameter of SETClassifier"
    else:
        model, what = Local(**SMALL), "the class of Local"
    model.set_callbacks(Checkpoint(tmp_path / "a"), Cut(0, AssertionError("trains")))
    with pytest.raises(ValueError, match=f"{what} cannot be pickled: .*at the top level of a mod"):
        model.fit(X, Y) if use == "fit" else model.partial_fit(X, Y, classes=[0, 1, 2])
    assert os.listdir(tmp_path) == []


def test_nothing_is_saved_twice(tmp_path, monkeypatch):
    dump, calls = joblib.dump, []
    monkeypatch.setattr(joblib, "dump", lambda *given: calls.append(1) or dump(*given))
    path = tmp_path / "fit.checkpoint"
    classifier().set_callbacks(Checkpoint(path)).fit(X, Y)
    assert len(calls) == 9
    classifier().set_callbacks(Checkpoint(path)).fit(X, Y)  # is complete
    assert len(calls) == 9
    stream = classifier().set_callbacks(Checkpoint(tmp_path / "stream", every=3))
    for _ in range(7):
        stream.partial_fit(X, Y, classes=[0, 1, 2])
    assert len(calls) == 11
    assert load_checkpoint(tmp_path / "stream").t_ == 6 * 90


def test_what_a_killed_process_left_is_removed(tmp_path):
    path = tmp_path / "fit.checkpoint"
    (tmp_path / f".fit.checkpoint.{'0a' * 8}.partial").write_bytes(b"half a file")
    (tmp_path / "plain").touch()
    classifier().set_callbacks(Checkpoint(path)).fit(X, Y)
    assert sorted(os.listdir(tmp_path)) == ["fit.checkpoint", "plain"]
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("first", ["checkpoint", "stop"])
def test_early_stopping_is_resumed_too(first, tmp_path):
    path = tmp_path / "fit.checkpoint"
    how = {"max_iter": 300, "learning_rate_init": 0.1}

    def make():
        stop = EarlyStopping("neg_log_loss", X_val=X[60:], y_val=Y[60:], n_iter_no_change=4, tol=0)
        both = [Checkpoint(path), stop]
        return stop, (both if first == "checkpoint" else both[::-1])

    stop, _ = make()
    whole = classifier(**how).set_callbacks(stop).fit(X[:60], Y[:60])
    cut, callbacks = make()
    power_cut = Cut(whole.n_iter_ - 2, RuntimeError())
    with pytest.raises(RuntimeError):
        classifier(**how).set_callbacks(*callbacks, power_cut).fit(X[:60], Y[:60])
    again, callbacks = make()
    resumed = classifier(**how).set_callbacks(*callbacks).fit(X[:60], Y[:60])
    assert_same_model(resumed, whole)
    assert again.scores_ == stop.scores_ != cut.scores_
    assert (again.best_iter_, again.best_score_) == (stop.best_iter_, stop.best_score_)
    np.testing.assert_array_equal(
        again.best_estimator_.predict_proba(X), stop.best_estimator_.predict_proba(X)
    )


def test_a_disk_that_fails_leaves_the_file_before(tmp_path, monkeypatch):
    path = tmp_path / "fit.checkpoint"
    dump, calls = joblib.dump, []

    def fails_at_the_third(value, file):
        calls.append(1)
        dump(value, file)
        if len(calls) == 3:
            raise OSError("No space left on device")

    monkeypatch.setattr(joblib, "dump", fails_at_the_third)
    with pytest.raises(OSError, match="No space left"):
        classifier().set_callbacks(Checkpoint(path)).fit(X, Y)
    assert os.listdir(tmp_path) == ["fit.checkpoint"]
    assert load_checkpoint(path).n_iter_ == 2


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "fit.checkpoint"
    joblib.dump([1, 2], path)
    with pytest.raises(ValueError, match="is not a file of Checkpoint"):
        load_checkpoint(path)
    with pytest.raises(ValueError, match="is not a file of Checkpoint"):
        classifier().set_callbacks(Checkpoint(path)).fit(X, Y)


@pytest.mark.slow
def test_a_process_that_is_killed_is_resumed(tmp_path):
    script = textwrap.dedent("""
        import sys
        from sklearn.datasets import make_classification
        from sklearn_set import SETClassifier
        from sklearn_set.callbacks import Checkpoint
        X, y = make_classification(400, 50, n_informative=5, n_classes=3, random_state=0)
        model = SETClassifier(500, max_iter=300, n_iter_no_change=float("inf"), random_state=0)
        model.set_callbacks(Checkpoint(sys.argv[1])).fit(X, y)
        print(model.n_iter_, repr(model.loss_))
    """)

    def run(path):
        return subprocess.Popen(
            [sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True
        )

    path = tmp_path / "killed.checkpoint"
    process = run(path)
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    assert process.communicate()[0] == ""  # it had not ended
    assert 0 < load_checkpoint(path).n_iter_ < 300
    resumed, whole = run(path).communicate()[0], run(tmp_path / "whole").communicate()[0]
    assert resumed == whole != ""


# --------------------------------------------------------------------------------- EarlyStopping


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
        with pytest.raises(ValueError, match="EarlyStopping judged with other parameters, on"):
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
    with pytest.raises(ValueError, match="or in some epochs only"):
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


@pytest.mark.parametrize("n_jobs", [1, 2])
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


# ------------------------------------------------------------------------------ TopologyRecorder


def test_the_topology_is_recorded():
    seen = []

    class Spy(Cut):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "epoch":
                seen.append([w.toarray() != 0 for w in fitted_estimator.coefs_])

    recorder = TopologyRecorder()
    model = classifier(newborn_weights="initial", max_iter=4)
    model.set_callbacks(recorder, Spy(99, None)).fit(X, Y)
    np.testing.assert_array_equal(recorder.epochs_, [0, 1, 2, 3, 4])
    for epoch, patterns in enumerate(seen, start=1):
        for layer, pattern in enumerate(patterns):
            np.testing.assert_array_equal(
                recorder.input_degrees_[layer][epoch], pattern.sum(axis=1)
            )
            np.testing.assert_array_equal(
                recorder.output_degrees_[layer][epoch], pattern.sum(axis=0)
            )
            before = seen[max(epoch - 2, 0)][layer]  # none precedes the first epoch
            assert recorder.n_renewed_[epoch, layer] == (pattern & ~before).sum()
    assert recorder.n_renewed_[:2].sum() == 0
    assert (recorder.n_renewed_[2:, 0] > 0).all()
    assert [degrees.shape for degrees in recorder.input_degrees_] == [(5, 8), (5, 20)]
    assert [degrees.shape for degrees in recorder.output_degrees_] == [(5, 20), (5, 3)]


def test_a_fixed_topology_stays():
    recorder = TopologyRecorder(every=4)
    model = classifier(zeta=0).set_callbacks(recorder).fit(X, Y)
    np.testing.assert_array_equal(recorder.epochs_, [0, 4, 8])
    assert recorder.n_renewed_.sum() == 0
    for degrees in recorder.input_degrees_[0]:
        np.testing.assert_array_equal(degrees, np.diff(model.coefs_[0].indptr))


@pytest.mark.parametrize("first", ["checkpoint", "recorder"])
def test_a_resumed_fit_is_recorded_from_where_it_goes_on(first, tmp_path):
    path = tmp_path / "fit.checkpoint"
    whole = TopologyRecorder()
    classifier().set_callbacks(whole).fit(X, Y)
    with pytest.raises(RuntimeError):
        classifier().set_callbacks(Checkpoint(path), Cut(6, RuntimeError())).fit(X, Y)
    recorder = TopologyRecorder()
    both = [Checkpoint(path), recorder]
    model = classifier().set_callbacks(*(both if first == "checkpoint" else both[::-1]))
    model.fit(X, Y)
    np.testing.assert_array_equal(recorder.epochs_, [6, 7, 8, 9])
    np.testing.assert_array_equal(recorder.n_renewed_[1:], whole.n_renewed_[7:])
    np.testing.assert_array_equal(recorder.input_degrees_[0], whole.input_degrees_[0][6:])
    model.fit(X, Y)  # is complete
    np.testing.assert_array_equal(recorder.epochs_, [9])
    np.testing.assert_array_equal(recorder.input_degrees_[0], whole.input_degrees_[0][9:])


# ------------------------------------------------------------------------------------------ both


@pytest.mark.parametrize("make", [lambda path: Checkpoint(path), lambda path: TopologyRecorder()])
def test_callbacks_that_look_into_the_network_need_one(make, tmp_path):
    model = LogisticRegression().set_callbacks(make(tmp_path / "a"))
    with pytest.raises(TypeError, match="can be set on SETClassifier and SETRegressor only"):
        model.fit(X, Y)
    assert not hasattr(Ridge(), "set_callbacks")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: Checkpoint(7), "'path' parameter of Checkpoint must be an instance of 'str'"),
        (lambda path: Checkpoint(path, every=0), "'every' parameter of Checkpoint must be an int"),
        (lambda path: Checkpoint(path, resume="no"), "'resume' parameter of Checkpoint must be an"),
        (lambda path: TopologyRecorder(every=0.5), "'every' parameter of TopologyRecorder must be"),
    ],
)
def test_bad_parameters_of_the_others_are_refused(make, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        classifier().set_callbacks(make(tmp_path / "a")).fit(X, Y)


def test_a_folder_that_is_missing_is_told_before_training(tmp_path):
    model = classifier().set_callbacks(
        Checkpoint(tmp_path / "none" / "a"), Cut(0, AssertionError())
    )
    with pytest.raises(FileNotFoundError, match="The folder of the checkpoint does not exist"):
        model.fit(X, Y)


def test_callbacks_are_pickled_without_their_runs(tmp_path):
    class Pickles(Cut):
        def on_fit_task_end(self, estimator, context):
            self.copies = pickle.loads(pickle.dumps(estimator._skl_callbacks[:3]))

    recorder, stop = TopologyRecorder(), EarlyStopping()
    spy = Pickles(99, None)
    model = classifier().set_callbacks(recorder, stop, Checkpoint(tmp_path / "a"), spy).fit(X, Y)
    assert [vars(copy)["_runs"] for copy in spy.copies] == [{}, {}, {}]
    assert model.n_iter_ == 9
