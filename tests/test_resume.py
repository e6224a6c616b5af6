"""Fits saved by `Checkpoint` are resumed with the same bits; files of other fits are refused."""

import copy
import functools
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time

import joblib
import numpy as np
import pytest
from callback_cases import SMALL, WEIGHT, Cut, X, Y, assert_same_model, classifier
from sklearn.datasets import make_regression

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.callbacks import Checkpoint, EarlyStopping, load_checkpoint

callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

TARGETS = make_regression(90, 8, n_targets=2, random_state=0)[1] / 100


def regressor(**parameters):
    return SETRegressor(**SMALL | parameters)


WAYS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "invscaling", "momentum": 0.5},
    "cosine": {"learning_rate": "cosine"},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 1.0},
    "guided": {"growth": "guided", "newborn_weights": "initial", "rewire_interval": 2},
    "snapshots": {"n_snapshots": 4},
    "early stopping": {"early_stopping": True, "learning_rate_init": 0.1},
    "dropout": {"dropout": 0.3, "mixup": 0.5, "input_dropout": 0.2, "label_smoothing": 0.1},
    "two layers": {"hidden_layer_sizes": (12, 7), "dtype": "float32", "n_jobs": 2},
    "warm start": {"warm_start": True},
    "search": {"feature_search": True, "max_iter": 12, "n_snapshots": 2},
}


@functools.cache
def not_cut(way):
    return classifier(**WAYS[way]).fit(X, Y, sample_weight=WEIGHT)


@pytest.mark.parametrize(
    ("way", "after"),
    [
        ("adam", 0),
        *itertools.product(WAYS, (1, 8)),
        *(pytest.param(way, 5, marks=pytest.mark.slow) for way in WAYS),
    ],
)
def test_a_resumed_fit_has_the_bits_of_one_that_was_not_cut(way, after, tmp_path):
    path = tmp_path / "fit.checkpoint"
    whole = copy.deepcopy(not_cut(way))  # the comparison draws random numbers
    model = classifier(**WAYS[way])
    model.set_callbacks(Checkpoint(path), Cut(after, RuntimeError("power cut")))
    with pytest.raises(RuntimeError, match="power cut"):
        model.fit(X, Y, sample_weight=WEIGHT)
    assert path.exists() == (after > 0)
    resumed = classifier(**WAYS[way]).set_callbacks(Checkpoint(path))
    assert_same_model(resumed.fit(X, Y, sample_weight=WEIGHT), whole)
    assert resumed.n_iter_ == whole.n_iter_


@pytest.mark.parametrize("after", [1, 4, 6, 7, 9])
def test_a_search_that_ctrl_c_cut_goes_on(after, tmp_path):
    # The model that Ctrl-C leaves is what the search would choose now; the file has the search.
    path = tmp_path / "fit.checkpoint"
    whole = copy.deepcopy(not_cut("search"))
    model = classifier(**WAYS["search"])
    model.set_callbacks(Checkpoint(path, every=100), Cut(after, KeyboardInterrupt()))
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, Y, sample_weight=WEIGHT)
    assert model.n_iter_ == after
    resumed = classifier(**WAYS["search"]).set_callbacks(Checkpoint(path, every=100))
    assert_same_model(resumed.fit(X, Y, sample_weight=WEIGHT), whole)
    assert resumed.search_curve_ == whole.search_curve_
    assert len(resumed.search_curve_) == 7


def test_ctrl_c_while_a_file_is_made_is_ctrl_c(tmp_path, monkeypatch):
    def cut(descriptor, *how):
        os.close(descriptor)  # as the file does when nobody keeps it
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fdopen", cut)
    with pytest.raises(KeyboardInterrupt):
        classifier().set_callbacks(Checkpoint(tmp_path / "fit.checkpoint")).fit(X, Y)
    assert list(tmp_path.iterdir()) == []


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
