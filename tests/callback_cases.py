"""Small models, and fits that are cut short; for tests of callbacks."""

import numpy as np
from sklearn.datasets import make_classification

from sklearn_set import SETClassifier

X, Y = make_classification(90, 8, n_informative=5, n_classes=3, random_state=0)

WEIGHT = np.random.default_rng(0).uniform(0.5, 2, 90)
SMALL = {"hidden_layer_sizes": 20, "epsilon": 3, "max_iter": 9, "random_state": 0, "tol": 0.0}


def classifier(**parameters):
    return SETClassifier(**SMALL | parameters)


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
