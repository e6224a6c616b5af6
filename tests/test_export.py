"""What onnxruntime predicts from an exported graph is what the estimator predicts."""

import builtins
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import skl2onnx
from conftest import assert_close
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor, export, machine
from sklearn_set.export import register_onnx_converters, to_onnx
from sklearn_set.losses import LOSSES
from sklearn_set.network import ACTIVATIONS
from sklearn_set.topology import Topology

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

DTYPES = ["float32", "float64"]
FORMS = ["dense", "sparse"]
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_form = pytest.mark.parametrize("layers", FORMS)

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 12))
NEW_X = 3 * rng.normal(size=(17, 12))  # neither the number nor the range of the samples before
LABELS = {
    "two classes": np.arange(40) % 2,
    "three classes": np.arange(40) % 3,
    "many numbers": np.array([-3, 5_000_000_000])[np.arange(40) % 2],
    "names": np.array(["healthy", "ill", "unknown"])[np.arange(40) % 3],
    "names as objects": np.array(["healthy", "ill"], dtype=object)[np.arange(40) % 2],
    "truth": np.arange(40) % 2 == 0,
    "real numbers": np.array([1.0, 2.0])[np.arange(40) % 2],
}


def quick(estimator=SETClassifier, **parameters):
    """An estimator that fits at once, with weights as large as those of a trained network."""
    defaults = {
        "hidden_layer_sizes": (9, 7),
        "epsilon": 3,
        "weight_init": "he_uniform",
        "max_iter": 4,
        "n_snapshots": 1,
        "batch_size": 8,
        "random_state": 0,
    }
    return estimator(**defaults | parameters)


def run(graph, X):
    """The outputs of a graph by name; warnings of onnxruntime are of no interest here."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options)
    (data,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {data.name: X}), strict=True))


def assert_same_classes(model, graph, X, dtype):
    """Labels are equal, and so are probabilities, also in their number type."""
    outputs = run(graph, X)
    expected = model.predict_proba(X)
    assert outputs["probabilities"].dtype == expected.dtype
    assert_close(outputs["probabilities"], expected, dtype)
    expected = model.predict(X)
    np.testing.assert_array_equal(outputs["label"], expected)
    assert outputs["label"].shape == expected.shape
    return outputs


# ------------------------------------------------------------------------------- predictions


@every_form
@every_dtype
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation, dtype, layers):
    data = X.astype(dtype)
    model = quick(activation=activation).fit(data, LABELS["three classes"])
    graph = to_onnx(model, data, layers=layers)
    onnx.checker.check_model(graph, full_check=True)
    assert_same_classes(model, graph, NEW_X.astype(dtype), dtype)


def test_every_activation_has_its_operators():
    assert set(export._ACTIVATIONS) == set(ACTIVATIONS)


@every_dtype
def test_activations_may_differ_between_layers(dtype):
    data = X.astype(dtype)
    model = quick(hidden_layer_sizes=(9, 7, 8), activation=("all_relu", "gelu", "all_relu"))
    model.fit(data, LABELS["three classes"])
    assert_same_classes(model, to_onnx(model, data), NEW_X.astype(dtype), dtype)


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1, 5, 30])
def test_gelu_in_double_precision_is_right_everywhere(scale):
    # One connection of weight one, no output layer to hide in.
    data = scale * np.linspace(-1, 1, 201)[:, np.newaxis]
    model = quick(SETRegressor, hidden_layer_sizes=(1,), activation="gelu").fit(data, data.ravel())
    for layer in model._network.layers:
        layer.weights[:], layer.bias[:] = 1, 0
    actual = run(to_onnx(model, data), data)["variable"].ravel()
    np.testing.assert_allclose(actual, model.predict(data), rtol=1e-13, atol=1e-14 * scale)


@every_dtype
@pytest.mark.parametrize("labels", LABELS)
def test_every_kind_of_labels(labels, dtype):
    data = X.astype(dtype)
    model = quick().fit(data, LABELS[labels])
    graph = to_onnx(model, data)
    onnx.checker.check_model(graph, full_check=True)
    outputs = assert_same_classes(model, graph, NEW_X.astype(dtype), dtype)
    assert outputs["label"].dtype.kind in (model.classes_.dtype.kind, "O")


def test_labels_that_onnx_does_not_have_are_refused_unless_numbers_will_do():
    model = quick().fit(X, LABELS["two classes"])
    model.classes_ = np.array([(0, 1), "b"], dtype=object)
    with pytest.raises(ValueError, match=r"no type for classes_=.*option nocl=True"):
        to_onnx(model, X)
    graph = to_onnx(model, X, options={SETClassifier: {"nocl": True}})
    expected = (model.decision_function(NEW_X) > 0).astype(int)
    np.testing.assert_array_equal(run(graph, NEW_X)["label"], expected)


@pytest.mark.parametrize("raw", [-1e-30, 0.0, 1e-30])
def test_a_label_follows_the_raw_output_as_in_predict(raw):
    # Probabilities round to one half on either side.
    model = quick(hidden_layer_sizes=()).fit(X, LABELS["two classes"])
    model._network.layers[0].weights[:] = 0
    model._network.layers[0].bias[:] = raw
    np.testing.assert_array_equal(run(to_onnx(model, X), X)["label"], model.predict(X))
    assert (model.predict(X) == (raw > 0)).all()


def test_certain_predictions_stay_finite():
    model = quick(hidden_layer_sizes=()).fit(X, LABELS["two classes"])
    model._network.layers[0].weights[:] = 500
    assert_same_classes(model, to_onnx(model, X), NEW_X, "float64")


@every_form
@every_dtype
@pytest.mark.parametrize("n_labels", [1, 2, 4])
def test_multilabel(n_labels, dtype, layers):
    data = X.astype(dtype)
    labels = np.random.default_rng(n_labels).integers(2, size=(40, n_labels))
    if n_labels == 1:
        labels = np.hstack([labels, np.zeros_like(labels)])  # a label that nobody has
    model = quick().fit(data, labels)
    assert_same_classes(model, to_onnx(model, data, layers=layers), NEW_X.astype(dtype), dtype)


@every_form
@every_dtype
@pytest.mark.parametrize("n_targets", [1, 3])
def test_regression(n_targets, dtype, layers):
    data = X.astype(dtype)
    targets = data[:, :n_targets] + data[:, 5:6]
    model = quick(SETRegressor).fit(data, targets if n_targets > 1 else targets.ravel())
    graph = to_onnx(model, data, layers=layers)
    onnx.checker.check_model(graph, full_check=True)
    actual = run(graph, NEW_X.astype(dtype))["variable"]
    expected = model.predict(NEW_X.astype(dtype))
    assert actual.dtype == expected.dtype
    assert actual.shape == (17, n_targets)  # skl2onnx's form, also for one target
    assert_close(actual, expected.reshape(17, -1), dtype)


@every_dtype
@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if not loss.of_classes])
def test_every_loss_of_regression(loss, dtype):
    data = X.astype(dtype)
    model = quick(SETRegressor, loss=loss, n_snapshots=2).fit(data, np.abs(data[:, 0]))
    new = NEW_X.astype(dtype)
    assert_close(run(to_onnx(model, data), new)["variable"].ravel(), model.predict(new), dtype)


def test_every_output_activation_of_regression_has_its_operator():
    needed = {loss.out_activation for loss in LOSSES.values() if not loss.of_classes}
    assert set(export._OF_TARGETS) == needed


@every_form
@every_dtype
@pytest.mark.parametrize("estimator", [SETClassifier, SETRegressor])
def test_snapshots_are_averaged_before_the_softmax(estimator, dtype, layers):
    data = X.astype(dtype)
    model = quick(estimator, n_snapshots=3, max_iter=12, learning_rate_init=0.05)
    model.fit(data, LABELS["three classes"])
    assert len(model._snapshots) == 2
    graph = to_onnx(model, data, layers=layers)
    new = NEW_X.astype(dtype)
    if estimator is SETClassifier:
        assert_same_classes(model, graph, new, dtype)
    else:
        assert_close(run(graph, new)["variable"].ravel(), model.predict(new), dtype)
    assert not np.allclose(model._network.forward(new), model._raw(new))  # the others count


@pytest.mark.parametrize("of_input", ["float32", "float64", "int64", "bool"])
@every_dtype
def test_the_answer_has_the_wider_of_two_number_types(dtype, of_input):
    model = quick().fit(X.astype(dtype), LABELS["three classes"])
    data = (4 * NEW_X).astype(of_input)
    outputs = assert_same_classes(model, to_onnx(model, data), data, dtype)
    is_single = (dtype, of_input) == ("float32", "float32")
    assert outputs["probabilities"].dtype == ("float32" if is_single else "float64")


@pytest.mark.parametrize("hidden", [(), 6, (5, 5, 5, 5)])
def test_every_depth(hidden):
    model = quick(hidden_layer_sizes=hidden).fit(X, LABELS["three classes"])
    assert_same_classes(model, to_onnx(model, X), NEW_X, "float64")


@pytest.mark.parametrize("n_samples", [1, 100])
@every_form
def test_any_number_of_samples(n_samples, layers):
    model = quick().fit(X, LABELS["three classes"])
    new = np.random.default_rng(1).normal(size=(n_samples, 12))
    assert_same_classes(model, to_onnx(model, X[:1], layers=layers), new, "float64")


# --------------------------------------------------------------------- inside other estimators


@every_dtype
def test_a_pipeline(dtype):
    data = (5 + 2 * X).astype(dtype)
    model = make_pipeline(StandardScaler(), quick()).fit(data, LABELS["names"])
    graph = to_onnx(model, data)
    assert_same_classes(model, graph, data, dtype)


def test_a_search():
    search = GridSearchCV(quick(), {"epsilon": [2, 4]}, cv=2).fit(X, LABELS["two classes"])
    assert_same_classes(search, to_onnx(search, X), NEW_X, "float64")


@pytest.mark.parametrize("labels", ["two classes", "three classes"])
def test_calibrated_classifiers_get_the_scores_that_they_were_fitted_to(labels):
    # By the sigmoid method: skl2onnx rounds the curves of the isotonic one for every classifier.
    model = CalibratedClassifierCV(quick(), cv=2, method="sigmoid").fit(X, LABELS[labels])
    graph = to_onnx(model, X, options={CalibratedClassifierCV: {"zipmap": False}})
    assert_close(run(graph, NEW_X)["probabilities"], model.predict_proba(NEW_X), "float64")


def test_a_stack():
    estimators = [("sparse", quick()), ("linear", LogisticRegression())]
    model = StackingClassifier(estimators, cv=2).fit(X, LABELS["three classes"])
    graph = to_onnx(model, X, options={StackingClassifier: {"zipmap": False}})
    assert_same_classes(model, graph, NEW_X, "float64")


def test_scores_instead_of_probabilities():
    model = quick().fit(X, LABELS["three classes"])
    graph = to_onnx(model, X, options={SETClassifier: {"raw_scores": True}})
    actual = run(graph, NEW_X)["probabilities"]
    assert_close(actual, model.decision_function(NEW_X), "float64")


def test_a_data_frame_gives_one_input_for_each_column():
    frame = pd.DataFrame(X, columns=[f"gene_{gene}" for gene in range(12)])
    model = make_pipeline(StandardScaler(), quick()).fit(frame, LABELS["two classes"])
    graph = to_onnx(model, frame)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    feed = {name: frame[[name]].to_numpy() for name in frame}
    # skl2onnx's own scaler joins columns in single precision.
    assert_close(session.run(None, feed)[1], model.predict_proba(frame), "float32")


def test_programs_that_call_skl2onnx_themselves():
    register_onnx_converters()
    model = make_pipeline(StandardScaler(), quick()).fit(X, LABELS["names"])
    graph = skl2onnx.to_onnx(model, X[:1])
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    labels, dictionaries = session.run(None, {"X": NEW_X})
    np.testing.assert_array_equal(labels, model.predict(NEW_X))
    assert list(dictionaries[0]) == list(model.classes_)


def test_options_reach_skl2onnx():
    model = quick().fit(X, LABELS["names"])
    graph = to_onnx(model, X, options={SETClassifier: {"output_class_labels": True}})
    assert list(run(graph, NEW_X)["class_labels"]) == list(model.classes_)
    graph = to_onnx(model, X, options={SETClassifier: {"zipmap": "columns"}})
    assert len(graph.graph.output) == 1 + 3


# ------------------------------------------------------------------------------- what is left


def shapes(graph):
    """Shapes of all constants of a graph with more than one number."""
    found = [tuple(tensor.dims) for tensor in graph.graph.initializer]
    return [shape for shape in found if np.prod(shape) > 1]


def test_only_features_and_neurons_that_reach_an_output_are_written():
    model = quick(hidden_layer_sizes=(16, 15), epsilon=1).fit(X, LABELS["three classes"])
    first, second, third = (coef.toarray() for coef in model.coefs_)
    of_second = third.any(axis=1)
    of_first = second[:, of_second].any(axis=1)
    of_data = first[:, of_first].any(axis=1)
    counts = [int(used.sum()) for used in (of_data, of_first, of_second)]
    assert all(count < size for count, size in zip(counts, (12, 16, 15), strict=True))
    graph = to_onnx(model, X, layers="dense")
    assert (counts[0],) in shapes(graph)  # which features to take
    matrices = [shape for shape in shapes(graph) if len(shape) == 2]
    assert sorted(matrices) == sorted(pairwise([*counts, 3]))
    assert_same_classes(model, graph, NEW_X, "float64")
    assert_same_classes(model, to_onnx(model, X, layers="sparse"), NEW_X, "float64")


@every_form
def test_a_network_that_hears_nothing_answers_with_its_biases(layers):
    model = quick(SETRegressor, hidden_layer_sizes=(4,)).fit(X, X[:, 0])
    last = model._network.layers[1]
    none = np.zeros(0, dtype=np.int32)
    last.topology = Topology(4, 1, np.zeros(5, dtype=np.int32), none)
    last.weights, last.bias = np.zeros(0), np.array([1.5])
    graph = to_onnx(model, X, layers=layers)
    np.testing.assert_array_equal(run(graph, NEW_X)["variable"], np.full((17, 1), 1.5))


def test_sparse_layers_are_small():
    data = np.random.default_rng(0).normal(size=(20, 3000)).astype("float32")
    model = quick(hidden_layer_sizes=(2000,), epsilon=2, max_iter=1, batch_size=20)
    model.fit(data, np.arange(20) % 3)
    sizes = {
        layers: len(to_onnx(model, data, layers=layers).SerializeToString())
        for layers in ("auto", "sparse", "dense")
    }
    assert sizes["auto"] <= sizes["sparse"] < 24 * model.n_connections_ + 30_000
    assert sizes["dense"] > 10 * sizes["sparse"]


def test_full_layers_are_dense():
    model = quick(epsilon=100).fit(X, LABELS["three classes"])
    kinds = [node.op_type for node in to_onnx(model, X).graph.node]
    assert kinds.count("Gemm") == 3
    assert "ScatterND" not in kinds


def test_the_model_is_not_changed():
    model = quick().fit(X, LABELS["three classes"])
    attributes, before = dict(vars(model)), model.predict_proba(X)
    to_onnx(model, X)
    assert vars(model) == attributes
    np.testing.assert_array_equal(model.predict_proba(X), before)


# ------------------------------------------------------------------------------------ refusals


def test_an_estimator_that_is_not_fitted():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        to_onnx(quick(), X)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        to_onnx(make_pipeline(StandardScaler(), quick()), X)
    register_onnx_converters()
    with pytest.raises(NotFittedError, match="not fitted yet"):
        skl2onnx.to_onnx(quick(), X, options={SETClassifier: {"zipmap": False}})


def test_a_form_that_does_not_exist():
    model = quick().fit(X, LABELS["two classes"])
    expected = (
        "The 'layers' parameter of to_onnx must be a str among {'auto', 'dense', 'sparse'}. "
        "Got 'thin' instead."
    )
    with pytest.raises(ValueError, match=re.escape(expected)):
        to_onnx(model, X, layers="thin")


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (X[:, 0], ValueError, "Expected 2D array, got 1D array instead"),
        (X[:, :5], ValueError, "X has 5 features, but SETClassifier is expecting 12 features as"),
        (sparse.csr_array(X), TypeError, "Sparse data was passed"),
    ],
    ids=["one-dimensional", "other features", "sparse"],
)
def test_data_that_tell_too_little(data, error, message):
    model = quick().fit(X, LABELS["two classes"])
    with pytest.raises(error, match=message):
        to_onnx(model, data)


def test_lists_are_data_too():
    model = quick().fit(X, LABELS["two classes"])
    assert_same_classes(model, to_onnx(model, X.tolist()), NEW_X, "float64")


def test_operators_that_are_too_old():
    model = quick().fit(X, LABELS["two classes"])
    with pytest.raises(ValueError, match=r"target_opset must be at least 18 .* got 15"):
        to_onnx(model, X, target_opset=15)
    assert_same_classes(model, to_onnx(model, X, target_opset=18), NEW_X, "float64")


def a_large_model():
    """1.5 GB as dense matrices of double precision, twice: it has a snapshot."""
    data = np.random.default_rng(0).normal(size=(4, 20_000))
    model = quick(hidden_layer_sizes=(10_000,), epsilon=3, n_snapshots=2, max_iter=2, batch_size=4)
    return model.fit(data, [0, 1, 0, 1]), data


def test_what_a_file_cannot_hold_is_refused_with_its_size_and_a_remedy():
    model, data = a_large_model()
    message = r"would take \d,\d{3},\d{3},\d{3} bytes, more than the 2,146,435,072 .*: convert "
    message += r"with layers='sparse', or fit with lower hidden_layer_sizes or epsilon, n_snap"
    with pytest.raises(ValueError, match=message):
        to_onnx(model, data, layers="dense")


def test_what_memory_cannot_hold_is_refused_with_its_size_and_a_remedy(monkeypatch):
    model, data = a_large_model()
    model._snapshots = ()
    monkeypatch.setattr(machine, "available_memory", lambda: 1 << 30)
    message = r"needs about \d,\d{3},\d{3},\d{3} bytes of memory, but only 1,073,741,824 are avail"
    with pytest.raises(MemoryError, match=message + r".*layers='sparse'"):
        to_onnx(model, data, layers="dense")
    graph = to_onnx(model, data)
    assert_same_classes(model, graph, data, "float64")


@pytest.mark.parametrize("call", [register_onnx_converters, lambda: to_onnx(quick(), X)])
def test_what_is_missing_is_named(call, monkeypatch):
    real = builtins.__import__

    def without_skl2onnx(name, *arguments, **options):
        if name.partition(".")[0] == "skl2onnx":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_skl2onnx)
    with pytest.raises(ImportError, match=r'pip install "sklearn_set\[onnx\]"'):
        call()


def test_nothing_optional_is_imported_before_it_is_needed():
    code = "import sys, sklearn_set.export; print({'onnx', 'skl2onnx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
