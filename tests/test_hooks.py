"""Callbacks hear of every epoch in order, see what they should, and may end training."""

import gc
import pickle
import runpy
import sys
import warnings
import weakref

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor, hooks
from sklearn_set.callbacks import Checkpoint
from sklearn_set.optimizers import SOLVERS

callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = make_classification(90, 8, n_informative=5, n_classes=3, random_state=0)
NAMES = np.array(["alpha", "beta", "gamma"])[Y]
WEIGHT = np.random.default_rng(0).uniform(0.5, 2, 90)


def classifier(**parameters):
    return SETClassifier(
        **{"hidden_layer_sizes": 20, "epsilon": 3, "max_iter": 4, "random_state": 0} | parameters
    )


def judged():
    return classifier(early_stopping=True, max_iter=12, n_iter_no_change=12, learning_rate_init=0.1)


class Witness:
    """Writes down all that it hears."""

    def __init__(self, stop_after=None, fail_after=None, error=RuntimeError):
        self.stop_after, self.fail_after, self.error = stop_after, fail_after, error
        self.heard, self.seen, self.models = [], [], []

    def setup(self, estimator, context):
        self.heard.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.heard.append(f"begin {context.task_name}")

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.heard.append(f"end {context.task_name}")
        self.seen.append((X, y, metadata))
        self.models.append(fitted_estimator)
        if context.task_name != "epoch":
            return False
        n_done = self.heard.count("end epoch")
        if n_done == self.fail_after:
            raise self.error("as told")
        return n_done == self.stop_after

    def teardown(self, estimator, context):
        self.heard.append("teardown")


def equal(ours, theirs):
    return all(
        np.array_equal(a.toarray(), b.toarray())
        for a, b in zip(ours.coefs_, theirs.coefs_, strict=True)
    )


def test_every_task_begins_and_ends_in_order():
    witness = Witness()
    classifier(max_iter=2).set_callbacks(witness).fit(X, NAMES)
    assert witness.heard == [
        "setup",
        "begin fit",
        *["begin epoch", "end epoch"] * 2,
        "end fit",
        "teardown",
    ]


def test_a_part_of_a_stream_is_a_task_of_one_epoch():
    witness = Witness()
    model = classifier().set_callbacks(witness)
    for part in (slice(0, 45), slice(45, 90)):
        model.partial_fit(X[part], NAMES[part], classes=np.unique(NAMES))
    assert witness.heard.count("end epoch") == witness.heard.count("end fit") == 2
    np.testing.assert_array_equal(witness.seen[-1][1], NAMES[45:])


def test_callbacks_see_the_data_as_the_user_has_them():
    witness = Witness()
    frame = pd.DataFrame(X, columns=[f"gene {i}" for i in range(8)])
    classifier().set_callbacks(witness).fit(frame, NAMES, sample_weight=WEIGHT)
    for seen_X, seen_y, metadata in witness.seen:
        assert seen_X is frame
        np.testing.assert_array_equal(seen_y, NAMES)
        np.testing.assert_array_equal(metadata["sample_weight"], WEIGHT)


def test_what_is_held_out_is_not_shown_as_training_data():
    witness = Witness()
    model = classifier(early_stopping=True, validation_fraction=0.3).set_callbacks(witness)
    model.fit(pd.DataFrame(X), NAMES, sample_weight=WEIGHT)
    for seen_X, seen_y, metadata in witness.seen:
        assert len(seen_X) == len(seen_y) == len(metadata["sample_weight"]) == 63
        rows = seen_X.index.to_numpy()
        np.testing.assert_array_equal(seen_y, NAMES[rows])
        np.testing.assert_array_equal(metadata["sample_weight"], WEIGHT[rows])


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_fitted_estimator_is_what_so_many_epochs_give(solver):
    witness = Witness()
    model = classifier(solver=solver).set_callbacks(witness).fit(X, NAMES)
    for n_epochs, seen in enumerate(witness.models[:-1], start=1):
        expected = classifier(solver=solver, max_iter=n_epochs).fit(X, NAMES)
        assert equal(seen, expected)
        assert seen.loss_curve_ == expected.loss_curve_
        assert seen.n_iter_ == n_epochs
        np.testing.assert_array_equal(seen.predict(X), expected.predict(X))
    assert equal(witness.models[-1], model)


def test_the_fitted_estimator_is_the_best_with_early_stopping():
    witness = Witness()
    model = judged().set_callbacks(witness).fit(X, NAMES)
    assert model.best_iter_ < 12
    assert equal(witness.models[model.best_iter_ - 1], model)
    assert equal(witness.models[-1], model)


def test_callbacks_change_nothing():
    assert equal(classifier().set_callbacks(Witness()).fit(X, NAMES), classifier().fit(X, NAMES))


@pytest.mark.parametrize("snapshots", [1, 4])
def test_a_callback_ends_training(snapshots):
    model = classifier(max_iter=8, n_snapshots=snapshots)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)  # it ends as it should
        model.set_callbacks(Witness(stop_after=6)).fit(X, NAMES)
    assert model.n_iter_ == len(model.loss_curve_) == 6
    expected = classifier(max_iter=6).fit(X, NAMES)
    assert equal(model, expected)
    # The last network is not among the snapshots, though one was due in its epoch.
    assert len(model._snapshots) == (1 if snapshots == 4 else 0)


def test_a_stop_with_early_stopping_keeps_the_best_network():
    witness, scores = Witness(stop_after=10), iter([0.2, 0.1, 0.4, 0.9, *[0.3] * 6])
    model = judged().set_params(scoring=lambda *_: next(scores))
    model.set_callbacks(witness).fit(X, NAMES)
    assert model.n_iter_ == 10
    assert model.best_iter_ == np.argmax(model.validation_scores_) + 1 == 4
    assert equal(model, witness.models[model.best_iter_ - 1])


def test_a_callback_that_fails_leaves_the_estimator_as_it_was():
    model = classifier().fit(X, NAMES)
    witness = Witness(fail_after=2)
    model.set_callbacks(witness)
    before = dict(vars(model))
    with pytest.raises(RuntimeError, match="as told"):
        model.fit(X, NAMES)
    assert vars(model) == before
    assert witness.heard[-1] == "teardown"


def test_an_interrupt_in_a_callback_keeps_the_epochs_done():
    model = classifier().set_callbacks(Witness(fail_after=2, error=KeyboardInterrupt))
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        model.fit(X, NAMES)
    assert equal(model, classifier(max_iter=2).fit(X, NAMES))


def test_an_interrupt_after_the_last_epoch_keeps_the_model():
    class Late(Witness):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "fit":
                raise KeyboardInterrupt

    model = classifier().set_callbacks(Late())
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        model.fit(X, NAMES)
    assert equal(model, classifier().fit(X, NAMES))


@pytest.mark.parametrize("streaming", [False, True])
def test_what_a_fit_has_used_is_freed_with_it(streaming):
    # In a cycle it would wait for the garbage collector, which does not count bytes.
    model, left = classifier(early_stopping=not streaming), []

    class Spy(Witness):
        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "fit":
                left.append(weakref.ref(estimator._training))
                left.append(weakref.ref(estimator._training.optimizer))

    model.set_callbacks(Spy())
    gc.collect()
    gc.disable()
    try:
        if streaming:
            for _ in range(2):
                model.partial_fit(X, NAMES, classes=np.unique(NAMES))
            assert [reference() is None for reference in left] == [True, True, True, False]
        else:
            model.fit(X, NAMES)
            assert [reference() for reference in left] == [None, None]
    finally:
        gc.enable()


def test_data_that_are_refused_end_the_task_too():
    witness = Witness()
    with pytest.raises(ValueError, match="NaN"):
        classifier().set_callbacks(witness).fit(X * np.nan, NAMES)
    assert witness.heard == ["setup", "teardown"]


def test_nothing_of_a_fit_stays_behind():
    model = classifier().set_callbacks(Witness()).fit(X, NAMES)
    plain = classifier().fit(X, NAMES)
    assert set(vars(model)) - set(vars(plain)) == {"_skl_callbacks"}
    assert model.set_callbacks() is model
    assert set(vars(model)) == set(vars(plain))


def test_clones_and_pickles_keep_their_callbacks():
    witness = Witness()
    model = classifier().set_callbacks(witness)
    clone(model).fit(X, NAMES)
    assert witness.heard.count("end fit") == 1
    pickle.loads(pickle.dumps(model)).fit(X, NAMES)  # its callback is a copy
    assert witness.heard.count("end fit") == 1


def a_function(estimator):
    raise AssertionError


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (Witness, r"Got the class Witness: write Witness\(\), with its parameters in"),
        (callback.ProgressBar, r"Got the class ProgressBar: write ProgressBar\(\),"),
        (Checkpoint, r"Got the class Checkpoint: write Checkpoint\(\),"),
        (dict, r"Got the class dict, which lacks setup, on_fit_task_begin, on_fit_task_end, tear"),
        (a_function, "Got the function a_function: write a class with the methods setup, on_fit"),
        (lambda epoch: None, "Got the function <lambda>: write a class with the methods setup,"),
        (print, "Got the function print: write a class with the methods setup, on_fit_task_beg"),
        ([Witness()], r"Got a list: write set_callbacks\(\*callbacks\)"),
        ((Witness(), Witness()), r"Got a tuple: write set_callbacks\(\*callbacks\)"),
        (None, r"Got None: write set_callbacks\(\) to remove all callbacks\."),
        ("bar", "Got an instance of str, which lacks setup, on_fit_task_begin, on_fit_task_end"),
        (SETRegressor(), "Got an instance of SETRegressor, which lacks setup, on_fit_task_begin"),
    ],
)
def test_what_is_no_callback_is_refused_with_what_to_write(given, advice):
    first, second = Witness(), Witness()
    model = classifier().set_callbacks(first)
    with pytest.raises(TypeError, match=f"^callbacks must be instances .*{advice}"):
        model.set_callbacks(second, given)
    model.fit(X, NAMES)  # with the callbacks that it had
    assert "setup" in first.heard
    assert not second.heard


# ----------------------------------------------------------------- the callbacks of scikit-learn


@pytest.mark.parametrize("early_stopping", [False, True])
def test_scoring_monitor_logs_every_epoch(early_stopping):
    monitor = callback.ScoringMonitor(scoring="accuracy")
    frame = pd.DataFrame(X, columns=[f"gene {i}" for i in range(8)])
    model = classifier(early_stopping=early_stopping).set_callbacks(monitor)
    model.fit(frame, NAMES, sample_weight=WEIGHT)
    epochs = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert [row["task_id"] for row in epochs] == [0, 1, 2, 3]
    if not early_stopping:
        assert epochs[-1]["accuracy"] == model.score(frame, NAMES, WEIGHT)


def test_progress_bar_alone(capsys):
    pytest.importorskip("rich", reason="the bar needs it")
    classifier().set_callbacks(callback.ProgressBar()).fit(X, NAMES)
    shown = capsys.readouterr().out
    assert "SETClassifier - fit" in shown
    assert "100%" in shown


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_bar_of_a_search_over_a_pipeline(capsys, n_jobs):
    pytest.importorskip("rich", reason="the bar needs it")
    search = GridSearchCV(
        make_pipeline(StandardScaler(), classifier(n_iter_no_change=np.inf)),
        {"setclassifier__epsilon": [2, 5]},
        cv=2,
        n_jobs=n_jobs,
    )
    plain = clone(search).fit(X, NAMES)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # "does not support callbacks" would be one
        search.fit(X, NAMES)
    shown = capsys.readouterr().out
    assert "GridSearchCV - fit" in shown
    assert "SETClassifier" in shown
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    assert equal(search.best_estimator_[-1], plain.best_estimator_[-1])


def test_callbacks_of_the_estimator_reach_every_fold():
    witness = Witness()
    model = classifier().set_callbacks(witness)
    GridSearchCV(model, {"epsilon": [2, 5]}, cv=2, refit=False).fit(X, NAMES)
    assert witness.heard.count("end fit") == 4


# ------------------------------------------------------------------------ before scikit-learn 1.9


def test_without_the_protocol_estimators_have_no_callbacks(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    names = runpy.run_path(hooks.__file__)
    assert not hasattr(names["CallbackSupport"], "set_callbacks")

    class Estimator(names["CallbackSupport"]):
        @names["with_callbacks"]
        def fit(self, value, *, more):
            """Fit."""
            return value, more

    estimator = Estimator()
    assert estimator.fit(1, more=2) == (1, 2)
    assert Estimator.fit.__doc__ == "Fit."
    task = names["FitTask"](estimator, n_epochs=3)
    task.epoch_begins()
    assert task.epoch_ends() is False
    task.ends()


def test_the_warning_of_convergence_names_the_caller():
    with pytest.warns(ConvergenceWarning) as caught:
        SETRegressor(hidden_layer_sizes=5, max_iter=2).fit(X, Y)
    assert caught[0].filename == __file__
