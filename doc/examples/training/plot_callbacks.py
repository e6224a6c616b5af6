"""
Callbacks: watch, stop, save and resume
=======================================

With scikit-learn 1.9 or newer the estimators support its callbacks. This example records how the
topology of a network evolves, ends training by a score of its choice, and resumes an interrupted
fit with the same bits.
"""

# %%
# The data are few samples of many genes. Half of the samples train, the other half validates.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.callbacks import Checkpoint, EarlyStopping, TopologyRecorder, load_checkpoint
from sklearn_set.datasets import make_microarray

X, y = make_microarray(n_samples=300, n_features=2000, n_informative=100, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(X, y, stratify=y, random_state=0)
scaler = StandardScaler().fit(X_train)
X_train, X_val = scaler.transform(X_train), scaler.transform(X_val)

# %%
# Two callbacks follow the fit. One stops by the log-loss on the validation set, the other counts
# connections. ``set_callbacks`` takes any number of callbacks.
stop = EarlyStopping("neg_log_loss", X_val=X_val, y_val=y_val, n_iter_no_change=10)
recorder = TopologyRecorder()
model = SETClassifier(epsilon=5, max_iter=200, random_state=0)
model.set_callbacks(stop, recorder).fit(X_train, y_train)
print(f"stopped after {model.n_iter_} epochs, the best was epoch {stop.best_iter_}")
print(f"accuracy then: {stop.best_estimator_.score(X_val, y_val):.3f}")

# %%
# Evolution moves connections to the genes that matter. At first all genes have about equally many;
# in the end some have many more.
informative = make_microarray(
    n_samples=300, n_features=2000, n_informative=100, random_state=0, return_X_y=False
).informative
degrees = recorder.input_degrees_[0]
others = np.setdiff1d(np.arange(X.shape[1]), informative)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
left.plot(np.arange(1, len(stop.scores_) + 1), np.negative(stop.scores_))
left.axvline(stop.best_iter_, color="0.6", linestyle=":", label="best epoch")
left.set(xlabel="epoch", ylabel="log-loss on the validation set")
left.locator_params(axis="x", integer=True)
left.legend()
right.plot(recorder.epochs_, degrees[:, informative].mean(axis=1), label="informative genes")
right.plot(recorder.epochs_, degrees[:, others].mean(axis=1), label="other genes")
right.set(xlabel="epoch", ylabel="mean number of connections")
right.locator_params(axis="x", integer=True)
right.legend()
plt.show()


# %%
# A checkpoint survives whatever ends the process. Here a callback of our own plays the power cut.
# It is an object with the four methods of the protocol.
class PowerCut:
    """Ends a fit after some epochs, not gently."""

    def setup(self, estimator, context):
        """Begin a fit."""
        self.n_left = 12

    def on_fit_task_begin(self, estimator, context):
        """Count the epochs."""
        if context.task_name == "epoch":
            self.n_left -= 1
            if self.n_left < 0:
                raise RuntimeError("power cut")

    def on_fit_task_end(self, estimator, context):
        """Do nothing."""

    def teardown(self, estimator, context):
        """Do nothing."""


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "model.checkpoint"
    model = SETClassifier(epsilon=5, max_iter=30, random_state=0)
    try:
        model.set_callbacks(Checkpoint(path), PowerCut()).fit(X_train, y_train)
    except RuntimeError as error:
        print(f"{error} after {load_checkpoint(path).n_iter_} epochs")
    # The same call does what is left.
    model.set_callbacks(Checkpoint(path)).fit(X_train, y_train)

uncut = SETClassifier(epsilon=5, max_iter=30, random_state=0).fit(X_train, y_train)
same = all(
    np.array_equal(ours.data, theirs.data)
    for ours, theirs in zip(model.coefs_, uncut.coefs_, strict=True)
)
print(f"{model.n_iter_} epochs in all; the same bits as without a cut: {same}")
