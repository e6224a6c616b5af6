"""What onnxruntime predicts from a graph is what the estimator predicts."""

from itertools import pairwise

import numpy as np
import onnx
import pytest
from conftest import assert_close
from exporting import LABELS, NEW_X, X, assert_same_classes, every_dtype, quick, run

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.activations import ACTIVATIONS
from sklearn_set.export import to_onnx
from sklearn_set.export._converters import OUT_OPERATORS
from sklearn_set.losses import LOSSES
from sklearn_set.samples import Samples
from sklearn_set.topology import Topology

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

FORMS = ["dense", "sparse"]

every_form = pytest.mark.parametrize("layers", FORMS)

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
    assert set(OUT_OPERATORS) == needed


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
    of_one = model._network.forward(Samples(new))
    assert not np.allclose(of_one, model._raw(new))  # the others count


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
    expected = np.full((17, 1), 1.5 * model.target_scale_ + model.target_offset_)
    np.testing.assert_allclose(run(graph, NEW_X)["variable"], expected, rtol=1e-12)


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
