"""One digest for each of many small fits, and one for all: has a change kept every bit?

    PYTHONPATH=before python -P tests/bits.py > before.txt
    PYTHONPATH=after python -P tests/bits.py > after.txt
    diff before.txt after.txt

Only what users can call is called, so that a change of what they cannot call is judged by it.  The
digests depend on the processor and on the libraries: compare those of one machine.
"""

import hashlib
import tempfile
import warnings
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.base import clone, is_regressor

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.callbacks import Checkpoint
from sklearn_set.embedding import SETEmbedding
from sklearn_set.feature_selection import SETSelector

EPOCHS = {"max_iter": 6, "n_iter_no_change": np.inf, "random_state": 3}


def data(kind="plain", dtype=np.float64):
    """Features, classes, targets and weights, from one seed."""
    rng = np.random.default_rng(5)
    n_samples, n_features = (60, 400) if kind == "wide" else (160, 30)
    X = rng.standard_normal((n_samples, n_features))
    if kind == "odd":
        X = X * 1e6 + 5e7
    if kind == "sparse":
        X = sparse.csr_array(np.where(rng.random(X.shape) < 0.3, X, 0.0))
    strength = X[:, :5].sum(axis=1)
    return (
        X.astype(dtype),
        np.digitize(strength, np.quantile(strength, [0.3, 0.7])),
        strength + rng.standard_normal(n_samples),
        rng.integers(0, 4, n_samples),
    )


def digest(model, X):
    """A digest of all that a fit leaves behind."""
    if hasattr(model, "estimators_"):
        values = [model.scores_, model.ranking_]
    elif hasattr(model, "transform"):
        values = [model.transform(X)]
    else:
        values = [model.n_iter_, model.t_, model.loss_curve_, model.predict(X)]
        values += [model.feature_importances_, model.feature_relevance_]
        values += [model.feature_offset_, model.feature_scale_]
        values += [model.validation_scores_, model.validation_loss_curve_, model.best_iter_]
        values += model.intercepts_
        for weights in model.coefs_:
            values += [weights.indptr, weights.indices, weights.data]
        if hasattr(model, "predict_proba"):
            values.append(model.predict_proba(X))
    total = hashlib.sha256()
    for value in values:
        total.update(repr(value).encode() if value is None else np.asarray(value).tobytes())
    return total.hexdigest()[:16]


def fitted(model, kind="plain", dtype=np.float64, weighted=False):
    """A model fitted to data of a kind, and the data."""
    X, classes, targets, weight = data(kind, dtype)
    y = targets if is_regressor(model) else classes
    if getattr(model, "loss", None) == "poisson":
        y = np.abs(y)
    return model.fit(X, y, *([weight] if weighted else [])), X


def plain_fits():
    """Name -> model, and how it is fitted."""
    classifier = SETClassifier((20, 15), epsilon=4, **EPOCHS)
    regressor = SETRegressor((20, 15), epsilon=4, **EPOCHS)
    activations = (
        "identity",
        "logistic",
        "tanh",
        "relu",
        "leaky_relu",
        "elu",
        "gelu",
        "silu",
        "all_relu",
    )
    choices = {
        "activation": activations,
        "growth": ("random", "guided"),
        "pruning": ("set", "magnitude"),
        "newborn_weights": ("initial", "zero"),
        "learning_rate": ("constant", "invscaling", "adaptive", "cosine"),
        "weight_init": ("auto", "he_uniform", "glorot_uniform", "normal", "small"),
        "loss": ("squared_error", "absolute_error", "huber", "quantile", "poisson"),
        "n_snapshots": (2,),
        "dropout": (0.3,),
        "input_dropout": (0.3,),
        "mixup": (0.5,),
        "batch_size": (1, 2, 7, 64, 150),
        "hidden_layer_sizes": ((), 12, (9, 8, 7)),
        "rewire_interval": (2,),
        "shuffle": (False,),
        "early_stopping": (True,),
        "weight_decay": (0.1,),
        "class_weight": ("balanced",),
        "label_smoothing": (0.1,),
    }
    solvers = [
        {"solver": "sgd", "learning_rate_init": 0.01},
        {"solver": "sgd", "learning_rate_init": 0.01, "nesterovs_momentum": False},
        {"solver": "adam"},
    ]
    for model in (classifier, regressor):
        name = type(model).__name__
        settings = [{key: value} for key, values in choices.items() for value in values] + solvers
        for setting in settings:
            if setting.keys() <= model.get_params().keys():
                yield f"{name} {setting}", clone(model).set_params(**setting), {}
        for kind in ("wide", "odd", "sparse"):
            for dtype in (np.float32, np.float64):
                how = {"kind": kind, "dtype": dtype}
                yield f"{name} {kind} {dtype.__name__}", clone(model), how
        yield f"{name} all automatic", type(model)(**EPOCHS), {"kind": "wide"}
        yield f"{name} weighted", clone(model), {"weighted": True}


def long_fits():
    """Name -> model and data, of fits that consist of several calls."""
    for model in (SETClassifier((20,), epsilon=4, **EPOCHS), SETRegressor((20,), **EPOCHS)):
        name = type(model).__name__
        X, classes, targets, weight = data()
        y = targets if is_regressor(model) else classes
        again = clone(model).set_params(warm_start=True).fit(X, y)
        yield f"{name} warm start", again.fit(X * 2, y), X
        stream = clone(model)
        first = {} if is_regressor(model) else {"classes": np.unique(y)}
        for part in range(0, 160, 40):
            rows = slice(part, part + 40)
            stream.partial_fit(X[rows], y[rows], weight[rows], **(first if part == 0 else {}))
        yield f"{name} partial_fit", stream, X
        given = {"X_val": X[:50], "y_val": y[:50], "sample_weight_val": weight[:50]}
        for stops in (False, True):
            model.set_params(early_stopping=stops)
            yield f"{name} validated {stops}", clone(model).fit(X, y, **given), X
        model.set_params(early_stopping=False)
        with tempfile.TemporaryDirectory() as folder:
            callback = Checkpoint(Path(folder) / "fit.checkpoint")
            cut = type(model)(**model.get_params()).set_callbacks(callback, Stop(3))
            cut.fit(X, y)
            yield f"{name} cut", cut, X
            yield f"{name} resumed", clone(model).set_callbacks(callback).fit(X, y), X
    X, classes, targets, _ = data("wide")
    for y in (classes, targets):
        yield f"selector {y.dtype}", SETSelector(n_networks=2, **_few()).fit(X, y), X
    yield "selector", SETSelector(n_networks=2, unsupervised=True, **_few()).fit(X), X
    for stops in (False, True):
        network = SETClassifier(early_stopping=stops, **_few())
        yield f"groups {stops}", network.fit(X, classes, groups=np.arange(60) // 2), X
    yield "embedding", SETEmbedding(SETRegressor(**_few())).fit(X, targets), X


def _few():
    return {"max_iter": 3, "random_state": 1, "epsilon": 4}


class Stop:
    """A callback that cuts a fit as Ctrl-C does, when a number of epochs are done."""

    def __init__(self, n_epochs):
        self.n_epochs, self.n_begun = n_epochs, 0

    def setup(self, estimator, context):
        """Nothing is kept."""

    def teardown(self, estimator, context):
        """Nothing is kept."""

    def on_fit_task_begin(self, estimator, context, **given):
        """Cut the fit where the epoch after the last begins."""
        self.n_begun += context.max_subtasks == 0
        if self.n_begun == self.n_epochs + 1:
            self.n_begun += 1
            raise KeyboardInterrupt

    def on_fit_task_end(self, estimator, context, **given):
        """Nothing is asked for."""
        return False


def main():
    """Print the digests."""
    warnings.simplefilter("ignore")
    total, n_fits = hashlib.sha256(), 0

    def told(name, model, X):
        nonlocal n_fits
        line = f"{digest(model, X)}  {name}"
        total.update(line.encode())
        n_fits += 1
        print(line)

    for name, model, how in plain_fits():
        told(name, *fitted(model, **how))
    for name, model, X in long_fits():
        told(name, model, X)
    print(f"{total.hexdigest()[:16]}  all {n_fits} fits")


if __name__ == "__main__":
    main()
