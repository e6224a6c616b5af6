"""Graphs of selectors take the columns that the selector takes."""

import numpy as np
import onnx
import pytest
import skl2onnx
from conftest import assert_close
from exporting import (
    FRAMES,
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
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set.export import to_onnx
from sklearn_set.feature_selection import StabilitySelector

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)


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


def test_a_selector_by_halves():
    selector = StabilitySelector(LogisticRegression(), n_pairs=3, threshold=0.6, random_state=0)
    model = selector.fit(X, LABELS["two classes"])
    assert 0 < model.n_features_ < X.shape[1]
    actual = run(to_onnx(model, X), NEW_X)["variable"]
    np.testing.assert_array_equal(actual, model.transform(NEW_X))
    many = make_pipeline(StandardScaler(), model, quick()).fit(X, LABELS["names"])
    assert_same_classes(many, to_onnx(many, X), NEW_X, X.dtype)


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
