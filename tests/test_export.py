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
import polars as pl
import pytest
import skl2onnx
from conftest import assert_close
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_set import SETClassifier, SETRegressor, memory
from sklearn_set.activations import ACTIVATIONS
from sklearn_set.export import register_onnx_converters, to_onnx
from sklearn_set.export._converters import OUT_OPERATORS
from sklearn_set.feature_selection import SETSelector
from sklearn_set.losses import LOSSES
from sklearn_set.samples import Samples
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
    """The outputs of a graph by name, for a matrix or for one of each column by name.

    Warnings of onnxruntime are of no interest here.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options)
    if not isinstance(X, dict):
        (data,) = session.get_inputs()
        X = {data.name: X}
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, X), strict=True))


def assert_same_classes(model, graph, X, dtype, feed=None):
    """Labels are equal, and so are probabilities, also in their number type."""
    outputs = run(graph, X if feed is None else feed)
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


def test_programs_that_call_skl2onnx_themselves():
    register_onnx_converters()
    model = make_pipeline(StandardScaler(), quick()).fit(X, LABELS["names"])
    graph = skl2onnx.to_onnx(model, X[:1])
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    labels, dictionaries = session.run(None, {"X": NEW_X})
    np.testing.assert_array_equal(labels, model.predict(NEW_X))
    assert list(dictionaries[0]) == list(model.classes_)


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("zipmap", [True, None, "columns"])
def test_names_of_probabilities(zipmap, labels):
    model = quick().fit(X, LABELS[labels])
    graph = to_onnx(model, X, options={SETClassifier: {"zipmap": zipmap}})
    answers, *probabilities = run(graph, NEW_X).values()
    np.testing.assert_array_equal(answers, model.predict(NEW_X))
    expected = model.predict_proba(NEW_X)
    if zipmap == "columns":
        assert_close(np.transpose(probabilities), expected, "float64")
    else:
        (dictionaries,) = probabilities
        assert [list(each) for each in dictionaries] == [list(model.classes_)] * 17
        assert_close([list(each.values()) for each in dictionaries], expected, "float32")


def test_options_reach_skl2onnx():
    model = quick().fit(X, LABELS["names"])
    graph = to_onnx(model, X, options={SETClassifier: {"output_class_labels": True}})
    assert list(run(graph, NEW_X)["class_labels"]) == list(model.classes_)
    graph = to_onnx(model, X, options={SETClassifier: {"zipmap": "columns"}})
    assert len(graph.graph.output) == 1 + 3


# ------------------------------------------------------------------------------- data frames


GENES = [f"gene_{gene}" for gene in range(12)]
SINGLE = pd.DataFrame((4 * X).astype("float32"), columns=GENES)
FRAMES = {
    "float32": SINGLE,
    "float64": SINGLE.astype("float64") / 3,
    "int64": SINGLE.astype("int64"),
    "int16": SINGLE.astype("int16"),
    "bool": SINGLE > 0,
    "float32 and int64": SINGLE.astype({"gene_3": "int64"}),
    "float64 and bool": (SINGLE.astype("float64") / 3).assign(**{"gene_3": X[:, 3] > 0}),
    "numbers or missing": SINGLE.round().astype("Int64"),
    "objects": SINGLE.astype("float64").astype(object),
    "float64 of polars": pl.DataFrame(X, schema=GENES),
    "float32 of polars": pl.DataFrame(X, schema=GENES).cast(pl.Float32),
    "int and bool of polars": pl.DataFrame((4 * X).astype("int32"), schema=GENES).with_columns(
        pl.col(GENES[:6]) > 0
    ),
    "one column": (SINGLE.astype("float64") / 3)[GENES[:1]],
    "one column of polars": pl.DataFrame(X[:, :1], schema=GENES[:1]).cast(pl.Int8),
    "names with spaces": pd.DataFrame(X, columns=[f"gene no. {gene}" for gene in range(12)]),
    "names that are numbers": pd.DataFrame(X),
    "rows that are numbered": pd.DataFrame(X, columns=GENES, index=5.5 + np.arange(40)),
}
every_frame = pytest.mark.parametrize("kind", FRAMES)


def is_single(kind):
    """Whether estimators read a frame in single precision."""
    return kind == "float32"


@pytest.mark.parametrize("steps", ["alone", "in a pipeline"])
@every_frame
def test_a_frame_of_numbers_is_a_matrix(kind, steps):
    frame = FRAMES[kind]
    model = quick() if steps == "alone" else make_pipeline(StandardScaler(), quick())
    model.fit(frame, LABELS["names"])
    graph = to_onnx(model, frame)
    dtype = "float32" if is_single(kind) else "float64"
    assert_same_classes(model, graph, frame, dtype, np.asarray(frame).astype(dtype))
    (data,) = graph.graph.input
    assert data.name == "X"
    assert data.type.tensor_type.shape.dim[1].dim_value == frame.shape[1]


@every_frame
def test_regression_of_a_frame(kind):
    frame = FRAMES[kind]
    model = make_pipeline(StandardScaler(), quick(SETRegressor)).fit(frame, X[:, 1])
    dtype = "float32" if is_single(kind) else "float64"
    outputs = run(to_onnx(model, frame), np.asarray(frame).astype(dtype))
    assert_close(outputs["variable"].ravel(), model.predict(frame), dtype)


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8", "uint8", "bool", "object"])
def test_arrays_of_any_numbers_in_a_pipeline(dtype):
    data = np.abs(9 * X).astype("int64").astype(dtype)
    model = make_pipeline(StandardScaler(), quick()).fit(data, LABELS["names"])
    assert_same_classes(model, to_onnx(model, data), data, "float64", data.astype("float64"))


@pytest.mark.parametrize("dtype", ["float16", "int16", "uint64", "longdouble", "object"])
def test_arrays_of_numbers_that_skl2onnx_does_not_know(dtype):
    data = np.abs(9 * X).astype("int64").astype(dtype)
    model = quick().fit(data, LABELS["names"])
    assert_same_classes(model, to_onnx(model, data), data, "float64", data.astype("float64"))


def of_text():
    """A frame of numbers and text, and what a graph with an input for each column takes of it."""
    frame = pd.DataFrame(
        {
            "age": np.arange(40),
            "level": X[:, 0].astype("float32"),
            "grade": np.array(["low", "high", "none"])[np.arange(40) % 3],
            "smokes": X[:, 1] > 0,
        }
    )
    return frame, {
        name: frame[[name]].to_numpy(object if name == "grade" else "float64") for name in frame
    }


def on_text():
    """A pipeline that encodes text and scales numbers, both by the names of their columns."""
    columns = ColumnTransformer(
        [
            ("text", OneHotEncoder(sparse_output=False), ["grade"]),
            ("numbers", StandardScaler(), ["smokes", "level", "age"]),
        ]
    )
    return make_pipeline(columns, quick())


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_with_text_has_an_input_for_each_column(library):
    frame, feed = of_text()
    data = frame if library == "pandas" else pl.DataFrame(frame.to_dict("list"))
    model = on_text().fit(data, LABELS["names"])
    graph = to_onnx(model, data)
    assert [each.name for each in graph.graph.input] == list(frame.columns)
    expected = model.predict_proba(data)
    labels, probabilities = run(graph, feed).values()
    np.testing.assert_array_equal(labels, model.predict(data))
    assert_close(probabilities, expected, "float64")


@every_dtype
def test_columns_that_are_looked_for_by_name_are_inputs(dtype):
    frame = FRAMES["float64"].astype(dtype)
    columns = ColumnTransformer(
        [("scaled", StandardScaler(), ["gene_7", "gene_2"]), ("dropped", "drop", ["gene_0"])],
        remainder="passthrough",
    )
    model = make_pipeline(columns, quick()).fit(frame, LABELS["names"])
    feed = {name: frame[[name]].to_numpy() for name in frame}
    outputs = run(to_onnx(model, frame), feed)
    assert outputs["probabilities"].dtype == dtype
    assert_close(outputs["probabilities"], model.predict_proba(frame), dtype)


@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame], ids=["array", "frame"])
def test_columns_of_a_matrix_that_are_looked_for_by_number(kind):
    columns = ColumnTransformer([("scaled", StandardScaler(), [7, 2])], remainder="passthrough")
    model = make_pipeline(columns, quick()).fit(kind(X), LABELS["names"])
    assert_same_classes(model, to_onnx(model, kind(X)), kind(NEW_X), "float64", NEW_X)


def test_columns_that_cannot_be_inputs():
    frame, _ = of_text()
    model = on_text().fit(frame, LABELS["names"])
    dated = frame.assign(age=pd.Timestamp("2020-01-01"))
    with pytest.raises(ValueError, match=r"numbers or text, but column 'age' .* type datetime64"):
        to_onnx(model, dated)
    encoder = make_pipeline(OneHotEncoder(), quick())
    nameless = pd.DataFrame({0: LABELS["names"], 1: LABELS["names"]})
    encoder.fit(nameless, LABELS["names"])
    with pytest.raises(ValueError, match=r"must be strings that differ. Got \[0, 1\]"):
        to_onnx(encoder, nameless)


def with_converters():
    """What a program does that calls skl2onnx itself."""
    register_onnx_converters()
    return {SETClassifier: {"zipmap": False}}


OF_SKL2ONNX = ["float32", "float64", "int64", "float32 and int64"]


@pytest.mark.parametrize(
    ("kind", "scaled"),
    [(kind, scaled) for kind in OF_SKL2ONNX for scaled in (False, True)]
    + [("bool", False), ("float64 and bool", False)],  # its scaler takes no booleans
)
def test_inputs_that_skl2onnx_makes_of_a_frame_are_joined(kind, scaled):
    frame = FRAMES[kind]
    model = make_pipeline(StandardScaler(), quick()) if scaled else quick()
    model.fit(frame, LABELS["names"])
    graph = skl2onnx.to_onnx(model, frame, options=with_converters())
    outputs = run(graph, {name: frame[[name]].to_numpy() for name in frame})
    np.testing.assert_array_equal(outputs["label"], model.predict(frame))
    # skl2onnx's own scaler joins columns in single precision.
    expected = model.predict_proba(frame)
    if not scaled:
        assert outputs["probabilities"].dtype == expected.dtype
    dtype = "float32" if scaled or is_single(kind) else "float64"
    assert_close(outputs["probabilities"], expected, dtype)


def test_inputs_of_several_columns_are_joined():
    model = quick().fit(FRAMES["float64"], LABELS["names"])
    kinds = skl2onnx.common.data_types
    types = [
        ("left", kinds.FloatTensorType([None, 3])),
        ("right", kinds.DoubleTensorType([None, 9])),
    ]
    graph = skl2onnx.to_onnx(model, initial_types=types, options=with_converters())
    frame = FRAMES["float64"].astype("float32").astype("float64")
    data = frame.to_numpy()
    outputs = run(graph, {"left": data[:, :3].astype("float32"), "right": data[:, 3:]})
    assert_close(outputs["probabilities"], model.predict_proba(frame), "float64")


@pytest.mark.parametrize("estimator", [SETClassifier, SETRegressor, SETSelector])
def test_other_features_are_refused_as_by_the_estimator(estimator):
    frame = FRAMES["float64"]
    model = quick_selector() if estimator is SETSelector else quick(estimator)
    model.fit(frame, LABELS["two classes"])
    options = with_converters()
    for convert in (to_onnx, lambda *data: skl2onnx.to_onnx(*data, options=options)):
        with pytest.raises(ValueError, match="feature names should match those that were passed"):
            convert(model, frame[GENES[::-1]])
        with pytest.raises(ValueError, match="feature names should match those that were passed"):
            convert(model, frame.rename(columns={"gene_3": "gene_x"}))
    name = estimator.__name__
    message = f"X has 5 features, but {name} is expecting 12 features as input"
    with pytest.raises(ValueError, match=message):
        skl2onnx.to_onnx(model, X[:, :5], options=options)
    with pytest.raises(ValueError, match=message):
        skl2onnx.to_onnx(model, frame[GENES[:5]], options=options)
    with pytest.raises(ValueError, match=f"{name} takes numbers, but input 'gene_3' is text"):
        skl2onnx.to_onnx(model, frame.assign(**{"gene_3": "a"}), options=options)


def test_names_are_checked_in_a_pipeline_and_missing_ones_warned_of():
    frame = FRAMES["float64"]
    model = make_pipeline(StandardScaler(), quick()).fit(frame, LABELS["two classes"])
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        to_onnx(model, frame[GENES[::-1]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        graph = to_onnx(model, frame.to_numpy())
    assert_same_classes(model, graph, frame, "float64", frame.to_numpy())


# ---------------------------------------------------------------------------------- selectors


def quick_selector(**parameters):
    """A selector that fits at once."""
    defaults = {"n_features_to_select": 4, "n_networks": 2, "max_iter": 2, "random_state": 0}
    return SETSelector(**defaults | parameters)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "int8", "bool"])
def test_a_selector_takes_columns_and_keeps_their_type(dtype):
    data = (4 * X).astype(dtype)
    model = quick_selector().fit(data, LABELS["two classes"])
    graph = to_onnx(model, data)
    onnx.checker.check_model(graph, full_check=True)
    new = (4 * NEW_X).astype(dtype)
    actual, expected = run(graph, new)["variable"], model.transform(new)
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("n_selected", [1, 12])
def test_a_selector_of_one_or_all_features(n_selected):
    model = quick_selector(n_features_to_select=n_selected).fit(X, LABELS["two classes"])
    actual = run(to_onnx(model, X), NEW_X)["variable"]
    np.testing.assert_array_equal(actual, model.transform(NEW_X))


@every_dtype
def test_a_selector_within_a_pipeline(dtype):
    data = X.astype(dtype)
    model = make_pipeline(StandardScaler(), quick_selector(), quick()).fit(data, LABELS["names"])
    assert_same_classes(model, to_onnx(model, data), NEW_X.astype(dtype), dtype)


# As a matrix of NumPy, which a selector makes of it, a frame of polars is in single precision; to
# networks it is not.
@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in FRAMES if kind != "float32 of polars"])
def test_a_selector_of_a_frame(kind):
    frame = FRAMES[kind]
    n_selected = min(4, frame.shape[1])
    model = make_pipeline(quick_selector(n_features_to_select=n_selected), quick())
    model.fit(frame, LABELS["names"])
    dtype = "float32" if is_single(kind) else "float64"
    data = np.asarray(frame).astype(dtype)
    graph = to_onnx(model, frame)
    assert_same_classes(model, graph, frame, dtype, data)
    selector = model[0]
    selected = run(to_onnx(selector, frame), data)["variable"]
    np.testing.assert_array_equal(selected, data[:, selector.support_])


@pytest.mark.parametrize("kind", [*OF_SKL2ONNX, "bool"])
def test_a_selector_joins_the_inputs_that_skl2onnx_makes_of_a_frame(kind):
    frame = FRAMES[kind]
    model = make_pipeline(quick_selector(), quick()).fit(frame, LABELS["names"])
    options = with_converters()
    feed = {name: frame[[name]].to_numpy() for name in frame}
    outputs = run(skl2onnx.to_onnx(model, frame, options=options), feed)
    np.testing.assert_array_equal(outputs["label"], model.predict(frame))
    dtype = "float32" if is_single(kind) else "float64"
    assert_close(outputs["probabilities"], model.predict_proba(frame), dtype)
    selected = run(skl2onnx.to_onnx(model[0], frame, options=options), feed)["variable"]
    expected = np.asarray(frame)[:, model[0].support_]
    assert selected.dtype == expected.dtype
    np.testing.assert_array_equal(selected, expected)


def test_a_selector_needs_operators_as_new_as_the_others():
    model = quick_selector().fit(X, LABELS["two classes"])
    with pytest.raises(ValueError, match=r"target_opset must be at least 18 .* got 15"):
        to_onnx(model, X, target_opset=15)


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
        (X[:0], ValueError, r"Found array with 0 sample\(s\) \(shape=\(0, 12\)\)"),
        (pd.DataFrame(X[:0]), ValueError, r"Found array with 0 sample\(s\) \(shape=\(0, 12\)\)"),
        (pd.DataFrame(X).astype(object).replace(X[0, 3], "a"), ValueError, "could not convert str"),
        (X.astype(str), ValueError, "dtype='numeric' is not compatible with arrays of bytes/str"),
        (X.astype(complex), ValueError, "Complex data not supported"),
        (X[:, :5], ValueError, "X has 5 features, but SETClassifier is expecting 12 features as"),
        (sparse.csr_array(X), TypeError, "Sparse data was passed"),
    ],
    ids=["a row", "none", "no row", "a word", "text", "complex", "other features", "sparse"],
)
def test_data_that_tell_too_little(data, error, message):
    model = quick().fit(X, LABELS["two classes"])
    with pytest.raises(error, match=message):
        to_onnx(model, data)


def test_lists_are_data_too():
    model = quick().fit(X, LABELS["two classes"])
    assert_same_classes(model, to_onnx(model, X.tolist()), NEW_X, "float64")


@pytest.mark.parametrize(
    "options",
    [
        "zipmap",
        {"setclassifier": {"zipmap": True}},
        {"zipmap": True},
        {SETClassifier: None},
        {SETClassifier: "zipmap"},
    ],
)
def test_options_of_another_form(options):
    model = quick().fit(X, LABELS["two classes"])
    message = "'options' parameter of to_onnx must be a dict of dicts by classes or by ids of obj"
    with pytest.raises(ValueError, match=message):
        to_onnx(model, X, options=options)


def test_options_that_do_not_exist_or_go_together():
    model = quick().fit(X, LABELS["truth"])
    regressor = quick(SETRegressor).fit(X, X[:, 0])
    for wrong, error, message in [
        ({"loud": True}, NameError, "Option 'loud' not in"),
        ({"layers": "thin"}, ValueError, r"Unexpected value \['thin'\] for option 'layers'"),
        ({"zipmap": "rows"}, ValueError, r"Unexpected value \['rows'\] for option 'zipmap'"),
        ({"zipmap": "columns", "nocl": True}, ValueError, "do not go together"),
        ({"output_class_labels": True}, ValueError, "Got classes_ of type bool"),
    ]:
        with pytest.raises(error, match=message):
            to_onnx(model, X, options={SETClassifier: wrong})
    with pytest.raises(NameError, match="Option 'zipmap' not in"):
        to_onnx(regressor, X, options={SETRegressor: {"zipmap": False}})
    names = quick().fit(X, LABELS["names"])
    wrong = {"output_class_labels": True, "nocl": True}
    with pytest.raises(ValueError, match="without nocl=True"):
        to_onnx(names, X, options={SETClassifier: wrong})


def test_numbers_of_classes_that_onnx_cannot_hold():
    model = quick().fit(X, np.array([1, 2**63 + 5], dtype="uint64")[np.arange(40) % 2])
    with pytest.raises(ValueError, match=r"no type for classes_=.*option nocl=True"):
        to_onnx(model, X)


@pytest.mark.parametrize("target_opset", ["18", 18.0, 0])
def test_operators_that_are_no_number(target_opset):
    model = quick().fit(X, LABELS["two classes"])
    with pytest.raises(ValueError, match=r"'target_opset' parameter of to_onnx must be an int in"):
        to_onnx(model, X, target_opset=target_opset)


def test_operators_that_are_too_old():
    model = quick().fit(X, LABELS["two classes"])
    with pytest.raises(ValueError, match=r"target_opset must be at least 18 .* got 15"):
        to_onnx(model, X, target_opset=15)
    assert_same_classes(model, to_onnx(model, X, target_opset=18), NEW_X, "float64")


def a_large_model():
    """1.5 GB as dense matrices of double precision, twice: it has a snapshot."""
    data = np.random.default_rng(0).normal(size=(4, 20_000))
    model = quick(hidden_layer_sizes=(10_000,), epsilon=3, n_snapshots=2, max_iter=3, batch_size=4)
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
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 30)
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


@pytest.mark.slow
def test_nothing_optional_is_imported_before_it_is_needed():
    code = "import sys, sklearn_set.export; print({'onnx', 'skl2onnx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
