"""Small fits with a checkpoint, for tests of what is saved and of what is read."""

import os

from sklearn.datasets import make_classification

from sklearn_set import SETClassifier
from sklearn_set.callbacks import Checkpoint, load_checkpoint

X, Y = make_classification(60, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0)


def classifier(**parameters):
    small = {"hidden_layer_sizes": 6, "epsilon": 2, "max_iter": 3, "random_state": 0}
    return SETClassifier(**small | parameters)


class AtEpoch:
    """Calls a function at the beginning of an epoch."""

    def __init__(self, at, action):
        self.at, self.action = at, action

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.at:
            self.action()

    def on_fit_task_end(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass


def trains():
    raise AssertionError("It trains.")


def resume(path):
    """Fit a model with a checkpoint; it must not have changed if that fails."""
    model = classifier().set_callbacks(Checkpoint(path))
    before = dict(vars(model))
    try:
        model.fit(X, Y)
    except Exception:
        assert vars(model) == before
        raise


def assert_as_before(path, content):
    assert path.read_bytes() == content
    assert os.listdir(path.parent) == [path.name]
    assert load_checkpoint(path).n_iter_ >= 1
