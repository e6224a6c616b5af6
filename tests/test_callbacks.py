"""The package's own callbacks: topologies recorded; bad parameters refused; pickled."""

import pickle

import numpy as np
import pytest
from callback_cases import Cut, X, Y, classifier
from sklearn.linear_model import LogisticRegression, Ridge

from sklearn_set.callbacks import Checkpoint, EarlyStopping, TopologyRecorder

callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

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
