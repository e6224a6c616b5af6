"""Graphs of pipelines, searches and stacks, and of models that were fitted to data frames."""

import numpy as np
import onnxruntime
import pandas as pd
import polars as pl
import pytest
import skl2onnx
from conftest import assert_close
from exporting import (
    FRAMES,
    GENES,
    LABELS,
    NEW_X,
    OF_SKL2ONNX,
    X,
    assert_same_classes,
    every_dtype,
    is_single,
    quick,
    quick_selector,
    run,
    with_converters,
)
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.export import register_onnx_converters, to_onnx
from sklearn_set.feature_selection import SETSelector

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

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


every_frame = pytest.mark.parametrize("kind", FRAMES)


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


# scikit-learn 1.6 warns whoever reads how it remembers columns.
@pytest.mark.filterwarnings(r"ignore:\s*The format of the columns of:FutureWarning")
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
