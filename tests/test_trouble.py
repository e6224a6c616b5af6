"""Threads, Ctrl-C, warnings that are errors: nothing is lost or mixed up."""

import gc
import signal
import subprocess
import sys
import threading
import time
import warnings
import weakref

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor, training

quiet = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

N = 40
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, 6))
Y = (X[:, 0] > 0).astype(int)
T = X[:, 0] + 0.1 * _rng.normal(size=N)
SMALL = {"hidden_layer_sizes": 10, "max_iter": 5, "random_state": 0}


# -------------------------------------------------------------------------------------- threads


@pytest.mark.slow
@quiet
def test_predictions_while_another_thread_fits_are_of_one_fit_or_the_other():
    # One fit has ten snapshots, the other none, and their targets are of different size.
    fits = [
        {"n_snapshots": 10, "max_iter": 20, "n_iter_no_change": np.inf},
        {"n_snapshots": 1, "max_iter": 1, "n_iter_no_change": 1},
    ]
    model = SETRegressor(4, random_state=0, n_jobs=1)
    targets = [T, 1000 + T]
    expected = []
    for parameters, y in zip(fits, targets, strict=True):
        expected.append(clone(model).set_params(**parameters).fit(X, y).predict(X[:3]).tobytes())
    model.set_params(**fits[0]).fit(X, T)
    stop, seen = threading.Event(), []

    def predict():
        while not stop.is_set():
            seen.append(model.predict(X[:3]).tobytes())
            assert model.coefs_[0].shape == (6, 4)
            assert model.feature_importances_.shape == (6,)

    threads = [threading.Thread(target=predict) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for number in range(60):
            model.set_params(**fits[number % 2]).fit(X, targets[number % 2])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert len(seen) > 100
    assert set(seen) == set(expected)


@quiet
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_one_estimator_is_fitted_by_one_thread_at_a_time(method, monkeypatch):
    model = SETClassifier(**SMALL)
    started, go_on = threading.Event(), threading.Event()
    run_epoch = training.run_epoch

    def waiting(*args):
        started.set()
        assert go_on.wait(30)
        return run_epoch(*args)

    monkeypatch.setattr(training, "run_epoch", waiting)
    classes = {"classes": [0, 1]} if method == "partial_fit" else {}
    first = threading.Thread(target=lambda: getattr(model, method)(X, Y, **classes))
    first.start()
    assert started.wait(30)
    try:
        for call in (model.fit, lambda X, y: model.partial_fit(X, y, classes=[0, 1])):
            with pytest.raises(RuntimeError, match="is being fitted already"):
                call(X, Y)
    finally:
        go_on.set()
        first.join()
    assert model.score(X, Y) >= 0  # the first has not been disturbed
    getattr(model, method)(X, Y, **classes)  # and another may begin


# --------------------------------------------------------------------------------------- Ctrl-C


@pytest.fixture
def interrupted(monkeypatch):
    """Ctrl-C in the third epoch of the first fit."""
    calls, run_epoch = [], training.run_epoch

    def epoch(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run_epoch(*args)

    monkeypatch.setattr(training, "run_epoch", epoch)
    return calls


def test_ctrl_c_keeps_the_model_of_a_fit(interrupted):
    for model in (SETClassifier(**SMALL), make_pipeline(StandardScaler(), SETClassifier(**SMALL))):
        interrupted.clear()
        with pytest.warns(UserWarning, match="Training interrupted by user"):
            model.fit(X, Y)
        assert len(interrupted) == 3
        assert model.score(X, Y) >= 0


@quiet
@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: make_pipeline(StandardScaler(), m)])
def test_ctrl_c_ends_a_search_and_a_cross_validation(wrap, interrupted):
    model = wrap(SETClassifier(**SMALL))
    with pytest.raises(KeyboardInterrupt):
        cross_val_score(model, X, Y, cv=3)
    assert len(interrupted) == 3  # no other fit has begun
    interrupted.clear()
    name = "zeta" if isinstance(model, SETClassifier) else "setclassifier__zeta"
    search = GridSearchCV(model, {name: [0.1, 0.3]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)
    assert len(interrupted) == 3
    assert not hasattr(search, "best_estimator_")


def test_ctrl_c_in_a_clone_keeps_its_model_too(interrupted):
    model = clone(SETClassifier(**SMALL))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert model.n_iter_ == 2
    assert model.score(X, Y) >= 0


@quiet
def test_what_a_search_has_found_is_fitted_like_any_estimator(interrupted):
    interrupted += [1] * 3
    search = GridSearchCV(SETClassifier(**SMALL), {"zeta": [0.3]}, cv=2).fit(X, Y)
    interrupted.clear()
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        search.best_estimator_.fit(X, Y)


@quiet
@pytest.mark.parametrize("place", ["outputs_are_finite", "_publish"])
def test_ctrl_c_after_the_last_epoch_loses_nothing(place, monkeypatch):
    owner, calls = (training, SETClassifier)[place == "_publish"], []
    plain = getattr(owner, place)

    def cut(*args, **kwargs):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return plain(*args, **kwargs)

    monkeypatch.setattr(owner, place, cut)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = SETClassifier(**SMALL).fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == 5
    assert model.score(X, Y) >= 0


@quiet
@pytest.mark.parametrize("place", ["record", "adjust_rate", "should_stop", "takes_snapshot"])
def test_ctrl_c_while_an_epoch_is_recorded_finds_all_of_it_or_none(place, monkeypatch):
    calls, plain = [], getattr(training, place)

    def cut(*args, **kwargs):
        calls.append(1)
        result = plain(*args, **kwargs)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(training, place, cut)
    how = {"early_stopping": True, "validation_fraction": 0.2}
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = SETClassifier(**SMALL, **how).fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == len(model.validation_scores_) == 2
    assert model.best_validation_score_ == max(model.validation_scores_)


ALARMS = """
import signal, warnings
import numpy as np
from sklearn_set import SETClassifier

warnings.simplefilter("ignore")
X = np.random.default_rng(0).normal(size=(10, 3))
model = SETClassifier(3, max_iter=1)

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
n_cut = 0
for number in range(1500):
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-6 + 1e-7 * (number % 700))
        for _ in range(3):
            try:
                model.fit(X[:, :0], X[:, 0] > 0)
            except ValueError:
                pass
        signal.pause()
    except KeyboardInterrupt:
        n_cut += 1
    except RuntimeError as error:
        raise SystemExit(f"{number}: {error}")
model.fit(X, X[:, 0] > 0)
print(n_cut)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_no_interrupt_leaves_an_estimator_that_refuses_to_be_fitted():
    done = subprocess.run(
        [sys.executable, "-c", ALARMS], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1000


SEARCH = """
import signal, sys, warnings
import numpy as np
from sklearn.model_selection import cross_val_score
from sklearn_set import SETClassifier

signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it
warnings.simplefilter("ignore")
X = np.random.default_rng(0).normal(size=(300, 50))
model = SETClassifier(500, max_iter=100_000, n_iter_no_change=np.inf, random_state=0)
print("begins", flush=True)
try:
    cross_val_score(model, X, X[:, 0] > 0, cv=3)
except KeyboardInterrupt:
    print("ended", flush=True)
    sys.exit(0)
sys.exit(1)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_a_real_ctrl_c_ends_a_real_cross_validation():
    with subprocess.Popen(
        [sys.executable, "-c", SEARCH], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "begins\n"
            time.sleep(1.5)  # into the first fit
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out) == (0, "ended\n"), err


# ------------------------------------------------------------------------------------- warnings


def test_a_warning_that_is_an_error_changes_nothing():
    model = SETClassifier(**SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, Y)
    before = dict(vars(model))
    for change in ({}, {"batch_size": 1000}, {"hidden_layer_sizes": 7}):
        model.set_params(**change)
        before |= change
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning):
                model.fit(X, Y)
        assert vars(model) == before
    assert issubclass(ConvergenceWarning, UserWarning)


@quiet
def test_data_are_free_when_fit_has_ended():
    """Without the garbage collector, which comes late."""
    model, given = SETClassifier(**SMALL), np.array(X)
    seen = weakref.ref(given)
    gc.collect()
    gc.disable()
    try:
        model.fit(given, Y)
        del given
        assert seen() is None
    finally:
        gc.enable()


def test_data_are_free_when_fit_has_refused_them():
    """Errors hold the frames that they came through, and no frame may hold its error."""
    given = np.array(X)
    given[2, 3] = np.nan
    seen = weakref.ref(given)
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(ValueError, match="contains NaN"):
            SETClassifier(**SMALL).fit(given, Y)
        del given
        assert seen() is None
    finally:
        gc.enable()


@quiet
def test_scorers_run_under_the_settings_of_the_caller():
    seen = []

    def scorer(model, X, y):
        seen.append(np.geterr())
        return 0.0

    model = SETClassifier(**SMALL, early_stopping=True, validation_fraction=0.3, scoring=scorer)
    with np.errstate(over="raise", under="warn"):
        expected = np.geterr()
        model.fit(X, Y)
    assert seen
    assert all(each == expected for each in seen)
