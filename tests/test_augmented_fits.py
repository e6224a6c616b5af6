"""Fits with smoothed labels, mixed samples and dropped features."""

import warnings

import numpy as np
import pytest
import reference
from conftest import assert_close, serial_work
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.network import SparseNetwork

every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])

quiet = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

rng = np.random.default_rng(20)
X = rng.normal(size=(60, 30)) * (rng.random((60, 30)) < 0.6)
Y = np.arange(60) % 3
TARGETS = {
    "multiclass": (SETClassifier, Y),
    "binary": (SETClassifier, Y % 2),
    "multilabel": (SETClassifier, np.eye(3, dtype=int)[Y] | np.eye(3, dtype=int)[Y // 2]),
    "regression": (SETRegressor, X[:, :2] - X[:, 2:4]),
}
WEIGHT = rng.uniform(0.5, 2, 60)
WEIGHT[7] = 0
AUGMENTED = {
    "hidden_layer_sizes": (25, 15),
    "epsilon": 4,
    "batch_size": 16,
    "max_iter": 8,
    "random_state": 0,
    "mixup": 0.8,
    "input_dropout": 0.3,
    "n_snapshots": 3,
}


def networks(model):
    """Everything that predictions are made of."""
    return [
        array.tobytes()
        for network in [*model._snapshots, model._network]
        for layer in network.layers
        for array in (layer.topology.indptr, layer.topology.indices, layer.weights, layer.bias)
    ]


@pytest.mark.usefixtures("threads_always_pay")
@pytest.mark.parametrize(
    ("target", "dtype"),
    [
        ("multiclass", "float64"),
        *((target, "float32") for target in TARGETS),
        *(
            pytest.param(target, "float64", marks=pytest.mark.slow)
            for target in TARGETS
            if target != "multiclass"
        ),
    ],
)
def test_same_bits_for_any_number_of_threads_and_format(target, dtype):
    estimator, y = TARGETS[target]
    options = AUGMENTED | {
        "hidden_layer_sizes": (700, 700),
        "epsilon": 9,
        "batch_size": 32,
        "max_iter": 3,
        "n_snapshots": 2,
    }
    work = sum(options["hidden_layer_sizes"]) * options["epsilon"] * (options["batch_size"] + 16)
    assert work > serial_work(), "the middle layer must wake threads"
    given = X.astype(dtype)
    results = []
    for n_jobs, convert in [(1, np.asarray), (2, np.asarray), (2, sparse.csr_array)]:
        model = estimator(n_jobs=n_jobs, **options).fit(convert(given), y, WEIGHT)
        assert len(model._snapshots) == 1
        predicted = model._raw(convert(given)).tobytes()
        results.append((model.loss_curve_, predicted, networks(model)))
    assert all(result == results[0] for result in results[1:])


@quiet
@pytest.mark.parametrize("change", [{"mixup": 0}, {"input_dropout": 0}, {"random_state": 1}])
@pytest.mark.parametrize("target", TARGETS)
def test_each_has_an_effect_that_the_seed_decides(target, change):
    estimator, y = TARGETS[target]
    first, again = (estimator(**AUGMENTED).fit(X, y) for _ in range(2))
    assert networks(first) == networks(again)
    assert networks(estimator(**AUGMENTED | change).fit(X, y)) != networks(first)


@pytest.mark.parametrize("target", TARGETS)
def test_predictions_drop_and_mix_nothing(target):
    estimator, y = TARGETS[target]
    model = estimator(**AUGMENTED | {"input_dropout": 0.8, "n_snapshots": 1}).fit(X, y)
    expected, _ = reference.DenseMLP.of(model._network).forward(X)
    assert_close(model._raw(X), expected[-1], "float64")
    np.testing.assert_array_equal(model.predict(X), model.predict(X))
    assert_close(model._raw(X[5:6]), expected[-1][5:6], "float64")


@quiet
@pytest.mark.parametrize("target", ["multiclass", "binary", "multilabel"])
def test_smoothed_labels_make_predictions_less_certain(target):
    estimator, y = TARGETS[target]
    plain = {
        "hidden_layer_sizes": 30,
        "epsilon": 30,
        "max_iter": 60,
        "learning_rate_init": 0.02,
        "alpha": 0.0,
        "zeta": 0,
        "mixup": 0,
        "input_dropout": 0,
        "random_state": 0,
    }
    certainty = []
    for smoothing in (0.0, 0.4):
        model = estimator(**plain, label_smoothing=smoothing, temperature=1).fit(X, y)
        assert model.score(X, y) == 1
        certainty.append(model.predict_proba(X).max(axis=1).mean())
    assert certainty[0] > 0.97
    assert certainty[1] < certainty[0] - 0.05


@pytest.mark.parametrize("options", [{"mixup": 0.5}, {"label_smoothing": 0.2}], ids=str)
@pytest.mark.parametrize("sparse_input", [False, True])
@pytest.mark.parametrize("target", TARGETS)
def test_read_only_data_of_every_target_are_left_as_they_were(target, sparse_input, options):
    estimator, y = TARGETS[target]
    if estimator is SETRegressor and "label_smoothing" in options:
        options = {"mixup": 2.0}
    given = sparse.csr_array(X) if sparse_input else X.copy()
    buffers = [given.data, given.indices, given.indptr] if sparse_input else [given]
    y, weight = y.copy(), WEIGHT.copy()
    for array in [*buffers, y, weight]:
        array.flags.writeable = False
    small = AUGMENTED | {"mixup": 0, "n_iter_no_change": np.inf, "max_iter": 2}
    model = estimator(**small | options).fit(given, y, weight)
    np.testing.assert_array_equal(given.toarray() if sparse_input else given, X)
    assert np.isfinite(model.loss_curve_).all()


def test_a_sample_of_weight_zero_leaves_no_trace_in_a_fit():
    """Not even when it is as large as numbers get, and might be a partner."""
    spoilt = X.copy()
    spoilt[7] = np.finfo(float).max / 10
    models = [SETClassifier(**AUGMENTED).fit(given, Y, WEIGHT) for given in (X, spoilt)]
    assert networks(models[0]) == networks(models[1])


@pytest.mark.parametrize("target", TARGETS)
def test_a_stream_may_mix_and_drop_too(target):
    estimator, y = TARGETS[target]
    given = {"classes": np.arange(y.max() + 1)} if target in ("multiclass", "binary") else {}
    if target == "multilabel":
        given = {"classes": np.arange(3)}
    model = estimator(**AUGMENTED)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        for start in (0, 1, 20):  # the first part is a single sample, its own partner
            model.partial_fit(X[start : start + 1 + start], y[start : start + 1 + start], **given)
    assert model._snapshots == ()
    assert isinstance(model._network, SparseNetwork)
    assert np.isfinite(model._raw(X)).all()
